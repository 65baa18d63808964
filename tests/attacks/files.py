"""Hostile checkpoints, written byte by byte, and the verdict that each must get. No loader ever sees them; payloads are harmless words."""
import io
import pathlib
import struct
import sys
import unittest
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import payloads
import torch_zip
from judge import DaemonTest
from payloads import MARKER, PROTO, integer, sequence, stack_symbol, symbol, tensor
from torch_zip import number, text

archive = payloads.in_zip


def call(module, name, argument=MARKER):
    return archive(PROTO + symbol(module, name) + argument + b"\x85R.")


CALLS = {
    "os.system": ("os", "system"), "posix.system": ("posix", "system"), "nt.system": ("nt", "system"), "eval": ("builtins", "eval"),
    "exec": ("__builtin__", "exec"), "compile": ("builtins", "compile"), "import": ("builtins", "__import__"), "open": ("builtins", "open"),
    "popen": ("subprocess", "Popen"), "check_output": ("subprocess", "check_output"), "getattr": ("builtins", "getattr"),
    "attrgetter": ("operator", "attrgetter"), "methodcaller": ("operator", "methodcaller"), "import_module": ("importlib", "import_module"),
    "run_code": ("code", "InteractiveInterpreter"), "runpy": ("runpy", "run_path"), "pip": ("pip", "main"), "pydoc": ("pydoc", "pipepager"),
    "idlelib": ("idlelib.pyshell", "ModifiedInterpreter"), "webbrowser": ("webbrowser", "open"), "urlopen": ("urllib.request", "urlopen"),
    "socket": ("socket", "create_connection"), "ctypes": ("ctypes", "CDLL"), "shutil": ("shutil", "rmtree"), "bdb": ("bdb", "Bdb"),
    "hub": ("torch.hub", "load"), "torch.load": ("torch", "load"), "jit.load": ("torch.jit", "load"), "timeit": ("timeit", "timeit"),
    "asyncio": ("asyncio.unix_events", "_UnixSubprocessTransport._start"), "pickle.loads": ("_pickle", "loads"),
}

INDIRECT = {
    "stack-global": PROTO + stack_symbol("os", "system") + MARKER + b"\x85R.",
    "inst": PROTO + b"(" + MARKER + b"ios\nsystem\n.",
    "obj": PROTO + b"(" + symbol("os", "system") + MARKER + b"o.",
    "newobj": PROTO + symbol("subprocess", "Popen") + MARKER + b"\x85\x81.",
    "dotted": PROTO + stack_symbol("torch", "serialization.os.system") + MARKER + b"\x85R.",
    "partial": PROTO + symbol("functools", "partial") + symbol("os", "system") + MARKER + b"\x86R.",
    "map": PROTO + symbol("builtins", "map") + symbol("os", "system") + b"]" + MARKER + b"a\x86R.",
    "memo": PROTO + symbol("os", "system") + b"q\x010" + b"h\x01" + MARKER + b"\x85R.",
    "popped": PROTO + symbol("os", "system") + MARKER + b"\x85R0}.",
    "build": PROTO + symbol("collections", "OrderedDict") + b")R}" + text("x") + symbol("os", "system") + MARKER + b"\x85Rsb.",
    "in-a-key": PROTO + b"}" + symbol("os", "system") + MARKER + b"\x85R" + text("value") + b"s.",
}

# A dangerous name where the look into a call does not find it at once, and a call of what was computed.
HIDDEN = {
    "in-a-dict": PROTO + symbol("operator", "getitem") + b"}" + number(1) + symbol("os", "system") + b"s" + number(1) + b"\x86R" + MARKER + b"\x85R.",
    "in-a-long-list": PROTO + symbol("operator", "getitem") + b"(" + b"N" * 300 + symbol("os", "system") + b"lM\x2c\x01\x86R" + MARKER + b"\x85R.",
    "in-a-state": PROTO + symbol("project", "X") + b")\x81}" + text("f") + symbol("os", "system") + b"sbq\x050" + symbol("project", "go") + b"h\x05\x85R.",
    "in-kwargs": b"\x80\x04" + symbol("project", "X") + b")}" + text("f") + b"}" + text("g") + symbol("os", "system") + b"ss\x92.",
}

MALFORMED = {
    "span-past-the-end": tensor(offset=1), "shape-past-the-end": tensor(shape=(5,)), "stride-past-the-end": tensor(shape=(2, 2), stride=(3, 1)),
    "offset-overflows": tensor(offset=2**63 - 1), "shape-overflows": tensor(shape=(2**62, 2**62), stride=(1, 1)),
    "stride-overflows": tensor(shape=(3,), stride=(2**63 - 1,)), "negative-shape": tensor(shape=(-1,)), "negative-offset": tensor(offset=-1),
    "negative-stride": tensor(stride=(-1,)), "storage-longer-than-its-member": tensor(numel=5), "storage-of-no-member": tensor(key="7"),
    "storage-outside": tensor(key="../version"), "device-of-no-name": tensor(device=""), "device-with-a-newline": tensor(device="c\nu"),
    "unknown-opcode": PROTO + b"\xfe.", "no-stop": PROTO + b"}", "empty-stack": PROTO + b"0.", "memo-of-nothing": PROTO + b"h\x05.",
    "string-past-the-end": PROTO + b"X\xff\xff\xff\x7fabc.", "no-mark": PROTO + b"e.", "empty": b"",
}


def two_types():
    """One storage by two ids: torch takes both for floats, as the first says."""
    def one(kind, numel):
        storage = b"(" + text("storage") + symbol("torch", kind) + text("0") + text("cpu") + integer(numel) + b"tQ"
        return symbol("torch._utils", "_rebuild_tensor_v2") + b"(" + storage + integer(0) + sequence((numel,)) + sequence((1,)) + b"\x89}tR"
    return PROTO + b"(" + one("FloatStorage", 4) + one("LongStorage", 2) + b"t."


def tar_and_legacy():
    """A tar archive to torch, which tries that first, and a legacy stream to who looks at the first bytes."""
    end = b"s.\x80\x02}.\x80\x02]."
    head = bytearray(b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}" + text("x") + b"T" + bytes(512))[:512]
    length = 512 + 1024 - head.index(b"T\0") - 5
    at = head.index(b"T\0") + 1
    head[at:at + 4] = struct.pack("<I", length)
    head[100:148] = b"0000644\0" + b"0000000\0" * 2 + b"00000000000\0" * 2
    head[148:157] = b" " * 8 + b"0"
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + bytes(1024) + end


def bomb():
    """1 GiB of zeros in a megabyte, as a storage of 16 bytes and as the pickle itself."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        target.writestr("archive/data.pkl", tensor())
        with target.open("archive/data/0", "w") as member:
            for _ in range(256):
                member.write(bytes(1 << 22))
        target.writestr("archive/version", "3\n")
    return out.getvalue()


def doubled(levels):
    """A list of lists, each twice the one before it by reference: small in the file, 2**levels when walked."""
    level = lambda i: b"0(h" + bytes([i]) + b"h" + bytes([i]) + b"lq" + bytes([i + 1])
    return PROTO + b"]q\0" + b"".join(map(level, range(levels))) + b"."


class Files(DaemonTest):
    def verdict(self, data, command="inspect"):
        path = pathlib.Path(self.directory.name, "file.pt")
        path.write_bytes(data)
        return airlock.report("--address", self.daemon.address, command, path)

    def expect(self, data, code, *verdicts):
        got, report = self.verdict(data)
        self.assertIn(report["verdict"], verdicts, report.get("failure") or report.get("findings"))
        self.assertEqual(got, code)
        return report

    def test_control_a_harmless_archive_of_this_make_is_clean(self):
        self.expect(archive(tensor()), 0, "clean")
        self.expect(archive(PROTO + b"}."), 0, "clean")

    def test_calls(self):
        for name, (module, attribute) in CALLS.items():
            with self.subTest(name):
                self.expect(call(module, attribute), 1, "dangerous")

    def test_calls_hidden_by_indirection(self):
        for name, pickle in INDIRECT.items():
            with self.subTest(name):
                self.expect(archive(pickle), 1, "dangerous")

    def test_dangerous_names_that_a_computed_call_may_reach(self):
        for name, pickle in HIDDEN.items():
            with self.subTest(name):
                self.expect(archive(pickle), 1, "dangerous")

    def test_files_that_torch_reads_otherwise(self):
        cases = {
            "two-types": archive(two_types()), "key-of-bytes": archive(tensor().replace(text("0"), b"C\x010")),
            "byte-order-in-capitals": archive(tensor(), [("data/0", bytes(16)), ("ByteOrder", b"big")]),
            "second-data.pkl": archive(tensor(), [("data/0", bytes(16)), ("more/data.pkl", PROTO + b"}.")]), "tar": tar_and_legacy(),
        }
        for name, data in cases.items():
            with self.subTest(name):
                code, report = self.verdict(data)
                self.assertIn(report["verdict"], ("refused", "malformed", "unsupported"), report)
                self.assertIn(code, (1, 2))

    def test_a_bad_file_is_never_taken_for_a_bad_decoder(self):
        paths = b"".join(b"h\0K\x01" + text(f"__class__.a{i}") + b"\x86R" for i in range(100_100))
        for name, pickle in {"empty-with-huge-strides": tensor(shape=(0, 2**40), stride=(1, 2**40)), "empty-far-away": tensor(offset=2**63 - 1, shape=(0,)),
                             "more-names-than-allowed": PROTO + symbol("builtins", "getattr") + b"q\x000](" + paths + b"e."}.items():
            with self.subTest(name):
                _, report = self.verdict(archive(pickle))
                self.assertNotEqual((report.get("failure") or {}).get("reason"), "WORKER_PROTOCOL", report)

    def test_a_long_key_in_many_dicts_costs_nobody_an_hour(self):
        key = b"X" + struct.pack("<I", 1 << 20) + "\u00e9".encode() * (1 << 19)
        one = tensor()[len(PROTO):-1]
        self.expect(archive(PROTO + key + b"q\x000](" + one + b"}h\0]s" * 3_000 + b"e."), 2, "limit")
        # Where there is no tensor nobody asks for names.
        self.expect(archive(PROTO + key + b"q\x000](" + b"}h\0]s" * 3_000 + b"e."), 0, "clean")

    def test_a_dangerous_file_is_not_loaded(self):
        code, report = self.verdict(call("os", "system"), "load")
        self.assertEqual((code, report.get("tensors") or []), (1, []))

    def test_a_stream_inside_a_stream_is_judged_too(self):
        inner = PROTO + symbol("os", "system") + MARKER + b"\x85R."
        nested = b"B" + struct.pack("<I", len(inner)) + inner
        for module, name in (("torch.storage", "_load_from_bytes"), ("pickle", "loads")):
            with self.subTest(name):
                self.expect(archive(b"\x80\x03" + symbol(module, name) + nested + b"\x85R."), 1, "dangerous", "refused")

    def test_a_class_nobody_knows_is_a_record_and_not_an_error(self):
        report = self.expect(archive(PROTO + symbol("my_project.models", "Net") + b")\x81}" + text("width") + number(3) + b"sb."), 0, "unknown_types")
        self.assertEqual([s["class"] for s in report["symbols"]], ["unknown"])

    def test_a_dangerous_name_that_nothing_calls_is_still_not_clean(self):
        report = self.expect(archive(PROTO + b"]" + symbol("os", "system") + b"a."), 0, "unknown_types")
        self.assertEqual([(s["class"], s["would_call"]) for s in report["symbols"]], [("dangerous", False)])

    def test_a_tensor_that_torch_would_not_rebuild_is_no_tensor_and_not_clean(self):
        report = self.expect(archive(tensor(shape=(2, 2), stride=(1,))), 0, "unknown_types")
        self.assertEqual(report["tensors"], [])

    def test_claims_that_cannot_be_true(self):
        for name, pickle in MALFORMED.items():
            with self.subTest(name):
                self.expect(archive(pickle), 2, "malformed")

    def test_archives_that_can_be_read_in_two_ways(self):
        good = archive(tensor())
        end = good.rindex(b"PK\5\6")
        start, = struct.unpack("<I", good[end + 16:end + 20])
        local = good.index(b"archive/data.pkl")
        cases = {
            "another-name-in-the-local-header": good[:local] + b"archive/evil.pkl" + good[local + 16:],
            # Its directory is adjusted by no one: readers that guess still open it.
            "bytes-in-front": b"MZ" + bytes(62) + good,
            "bytes-behind": good + b"tail",
            "bytes-between": self.between(good, start, end),
            "two-members-of-one-name": archive(tensor(), [("data/0", bytes(16)), ("data.pkl", PROTO + b"}.")]),
            "two-directories": good[:end] + good[start:end] + good[end:end + 16] + struct.pack("<I", end) + good[end + 20:],
        }
        for name, data in cases.items():
            with self.subTest(name):
                code, report = self.verdict(data)
                self.assertIn(report["verdict"], ("refused", "malformed", "unsupported"), report)
                self.assertIn(code, (1, 2))

    @staticmethod
    def between(data, start, end):
        """Eight bytes before the directory that belong to no member."""
        return data[:start] + b"smuggled" + data[start:end + 16] + struct.pack("<I", start + 8) + data[end + 20:]

    def test_a_second_root_folder_or_none_is_not_guessed_at(self):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as target:
            target.writestr("one/data.pkl", tensor())
            target.writestr("two/data/0", bytes(16))
            target.writestr("one/version", "3\n")
        code, report = self.verdict(out.getvalue())
        self.assertNotEqual(code, 0, report)

    def test_a_deflate_bomb_is_bounded(self):
        code, report = self.verdict(bomb(), "load")
        self.assertIn(report["verdict"], ("malformed", "limit", "refused"), report)

    def test_what_explodes_when_walked_is_walked_once(self):
        self.expect(archive(doubled(60)), 0, "clean")

    def test_depth_is_no_stack(self):
        for depth in (10_000, 900_000):
            with self.subTest(depth):
                self.expect(archive(PROTO + b"]" * depth + b"a" * (depth - 1) + b"."), 0, "clean")
        self.expect(archive(PROTO + b"]" * 1_500_000 + b"a" * 1_499_999 + b"."), 2, "limit")

    def test_a_name_cannot_draw_on_a_terminal(self):
        evil = "\x1b[2Jweight\u202e\r"
        path = pathlib.Path(self.directory.name, "names.pt")
        torch_zip.write(path, [torch_zip.Tensor(evil, 4)])
        done = airlock.run("--address", self.daemon.address, "inspect", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        for character in ("\x1b", "\u202e", "\r"):
            self.assertNotIn(character, done.stdout + done.stderr)
        self.assertIn("weight", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
