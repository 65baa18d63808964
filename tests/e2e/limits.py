"""Each limit that a file can hit, set with `airlockd --limit`: a load that needs just so much is clean, and with one less it ends as LIMIT
with that very name."""
import pathlib
import re
import sys
import tempfile
import unittest
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import samples
import torch_zip

text, number = torch_zip.text, torch_zip.number


def archive(path, pickled, tensors=()):
    """A checkpoint with this data.pkl and the storages of `tensors`."""
    with open(path, "wb") as file:
        writer = torch_zip.Writer(file)
        writer.bytes("data.pkl", pickled)
        for key, tensor in enumerate(tensors):
            writer.bytes(f"data/{key}", b"".join(tensor.blocks()))
        writer.bytes("version", b"3\n")
        writer.finish()
    return path


def pickled(body):
    return lambda path: archive(path, b"\x80\x02" + body + b".")


def solid(path):
    """A tensor of three dimensions."""
    tensor = torch_zip.Tensor("w", 1, b"abcd")
    flat, cube = number(1) + b"\x85", number(1) * 3 + b"\x87"
    return archive(path, torch_zip.pickled([tensor]).replace(flat + flat, cube + cube), [tensor])


def zeros(path):
    """A member that inflates to many times its size."""
    plain = path.with_suffix(".plain")
    torch_zip.write(plain, [torch_zip.Tensor("w", 100_000)])
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name), source.read(name), zipfile.ZIP_DEFLATED)
    return path


STRINGS = b"](" + b"".join(text(word) + b"q" + bytes([slot]) for slot, word in enumerate("abcde")) + b"e"
SYMBOLS = b"](" + b"".join(b"ctorch\n%sStorage\n" % kind for kind in (b"Float", b"Half", b"Long")) + b"e"



def size(path):
    return path.stat().st_size


def ratio(path):
    """Of the member that inflates most."""
    with zipfile.ZipFile(path) as archive:
        return max(-(-info.file_size // max(info.compress_size, 1)) for info in archive.infolist())


# limit, what the file needs of it, the file
LIMITS = [
    ("input_bytes", size, samples.stored),
    ("output_bytes", 4 * 256, samples.deflated),
    ("opcodes", 15, pickled(STRINGS)),
    ("nodes", 9, pickled(STRINGS)),  # None, False and True are always there
    ("stack", 7, pickled(STRINGS)),
    ("memo", 5, pickled(STRINGS)),
    ("depth", 7, pickled(b")" + b"\x85" * 6)),
    ("string_bytes", 8, pickled(text("abcdefgh"))),
    ("integer_bytes", 20, pickled(b"\x8a\x14" + b"\x01" * 20)),
    ("symbols", 3, pickled(SYMBOLS)),
    ("tensors", 4, samples.stored),
    ("dims", 3, solid),
    ("members", 6, samples.stored),
    ("ratio", ratio, zeros),
    ("name_bytes", 4 * len("layer0.weight"), samples.stored),
]
# The others, and where they are tested from both sides.
ELSEWHERE = {
    "findings": "tests/unit/pickle/limits_test.cc",  # ends no load
    "wall_ms": "tests/unit/server/broker_hostile_test.cc",
    "silence_ms": "tests/unit/server/broker_hostile_test.cc",
    "cpu_seconds": "tests/unit/server/broker_hostile_test.cc",
    "memory_bytes": "tests/unit/server/validator_test.cc",
    "nested": "tests/unit/server/validator_test.cc",
    "files": "tests/unit/server/sources_test.cc",  # of folders
}


class LimitsTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.directory.name)

    def tearDown(self):
        self.directory.cleanup()

    def test_a_file_that_needs_just_so_much_passes_and_one_less_is_a_limit(self):
        for name, needed, make in LIMITS:
            path = make(self.path / f"{name}.pt")
            needed = needed(path) if callable(needed) else needed
            for command in ("inspect", "load"):
                # What is inflated is only counted where it is written.
                if (name, command) == ("output_bytes", "inspect"):
                    continue
                with self.subTest(name, command=command, limit=needed), airlock.Daemon("--limit", f"{name}={needed}") as daemon:
                    code, report = airlock.report("--address", daemon.address, command, path)
                    self.assertEqual((code, report["verdict"]), (0, "clean"), report)
                with self.subTest(name, command=command, limit=needed - 1), airlock.Daemon("--limit", f"{name}={needed - 1}") as daemon:
                    code, report = airlock.report("--address", daemon.address, command, path)
                    self.assertEqual((code, report["verdict"], report["reason"]), (2, "limit", "LIMIT_EXCEEDED"), report)
                    self.assertEqual((report["limit"]["name"], report["limit"]["limit"]), (name, needed - 1), report)
                    self.assertGreaterEqual(report["limit"]["seen"], needed)
                    self.assertIn(name, report["message"])

    def test_the_files_are_within_the_limits_that_are_the_default(self):
        with airlock.Daemon() as daemon:
            for name, _, make in LIMITS:
                with self.subTest(name):
                    code, report = airlock.report("--address", daemon.address, "load", make(self.path / f"{name}.pt"))
                    self.assertEqual((code, report["verdict"]), (0, "clean"), report)

    def test_no_limit_is_without_a_test(self):
        rows = re.findall(r"^AIRLOCK_LIMIT\((\w+),", (airlock.ROOT / "sandbox/base/limits.def").read_text(), re.MULTILINE)
        self.assertGreater(len(rows), 20)
        self.assertEqual(sorted(rows), sorted([name for name, _, _ in LIMITS] + list(ELSEWHERE)))
        for name, test in ELSEWHERE.items():
            self.assertIn(name, (airlock.ROOT / test).read_text(), test)


if __name__ == "__main__":
    unittest.main(verbosity=2)
