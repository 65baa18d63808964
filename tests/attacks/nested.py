"""Streams inside streams: whatever level hides what, the file gets the verdict of the worst of them, in time."""
import io
import pathlib
import struct
import sys
import time
import unittest
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import torch_zip
from judge import DaemonTest
from torch_zip import text

PROTO = b"\x80\x02"
GADGET = b"cos\nsystem\n" + text("echo marker") + b"\x85R"
HARMLESS = b"K\x07"


def literal(data):
    return b"B" + struct.pack("<I", len(data)) + data


def plain(opcodes):
    return PROTO + opcodes + b"."


def archive(opcodes, deflate=False):
    """A torch zip whose one object these opcodes make."""
    out = io.BytesIO()
    if deflate:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
            target.writestr("archive/data.pkl", plain(opcodes))
            target.writestr("archive/version", b"3\n")
        return out.getvalue()
    writer = torch_zip.Writer(out)
    writer.bytes("data.pkl", plain(opcodes))
    writer.bytes("version", b"3\n")
    writer.finish()
    return out.getvalue()


def loaded(module, name, data):
    return f"c{module}\n{name}\n".encode() + literal(data) + b"\x85R"


def levels(count, innermost, wrap=literal):
    stream = plain(innermost)
    for _ in range(count - 1):
        stream = plain(wrap(stream))
    return archive(wrap(stream))


def by_pickle(data):
    return loaded("pickle", "loads", data)


def by_torch(data):
    """What torch.load would open: a torch zip around the stream."""
    return loaded("torch.storage", "_load_from_bytes", archive(literal(data)))


class NestedTest(DaemonTest):
    def expect(self, data, verdict, seconds=20):
        path = pathlib.Path(self.directory.name, "file.pt")
        path.write_bytes(data)
        start = time.monotonic()
        code, report = airlock.report("--address", self.daemon.address, "inspect", path)
        self.assertEqual(report["verdict"], verdict, report.get("failure") or report.get("findings"))
        self.assertEqual(code, {"clean": 0, "unknown_types": 0, "dangerous": 1, "limit": 2}[verdict])
        self.assertLess(time.monotonic() - start, seconds)
        return report

    def test_control_harmless_streams_are_clean(self):
        for wrap in (literal, by_torch):
            with self.subTest(wrap.__name__):
                self.expect(levels(3, HARMLESS, wrap), "clean")

    def test_a_pickle_that_loads_another_is_never_clean(self):
        self.expect(levels(3, HARMLESS, by_pickle), "unknown_types")

    def test_a_gadget_is_found_at_level_three(self):
        for wrap in (literal, by_pickle, by_torch):
            with self.subTest(wrap.__name__):
                report = self.expect(levels(3, GADGET, wrap), "dangerous")
                self.assertEqual([s["name"] for s in report["symbols"] if s["class"] == "dangerous"], ["os.system"])

    def test_a_report_says_where_and_how_deep(self):
        inner = plain(b"}" + text("deep") + literal(plain(GADGET)) + b"s")
        report = self.expect(archive(b"}" + text("state") + literal(inner) + b"s"), "dangerous")
        self.assertEqual([(n["where"], n["format"], n["level"]) for n in report["nested"]],
                         [("state", "pickle", 1), ("state.deep", "pickle", 2)])
        self.assertEqual([f["where"] for f in report["findings"] if f["severity"] == "danger"], ["state.deep"])

    def test_sixteen_levels_are_read_and_seventeen_are_not(self):
        for wrap in (literal, by_pickle):
            with self.subTest(wrap.__name__):
                verdict = "unknown_types" if wrap is by_pickle else "clean"
                self.assertEqual(max(n["level"] for n in self.expect(levels(16, HARMLESS, wrap), verdict)["nested"]), 16)
                self.expect(levels(16, GADGET, wrap), "dangerous")
                self.expect(levels(17, HARMLESS, wrap), "limit")
                self.expect(levels(40, GADGET, wrap), "limit")

    def test_a_stream_that_breaks_off_hides_nothing(self):
        self.expect(archive(literal(plain(GADGET) + b"more")), "dangerous")
        self.expect(archive(literal(plain(GADGET)[:-1])), "dangerous")
        self.expect(archive(literal(plain(HARMLESS) + b"more")), "clean")

    def test_a_loader_of_what_cannot_be_read_is_dangerous(self):
        for data in (b"", b"garbage", plain(HARMLESS) + b"more", plain(HARMLESS)[:-1]):
            with self.subTest(data):
                self.expect(archive(by_pickle(data)), "dangerous")
        self.expect(archive(loaded("torch.storage", "_load_from_bytes", plain(HARMLESS))), "dangerous")

    def test_what_holds_a_stream_may_hold_itself(self):
        self.expect(archive(b"]q\x01h\x01a" + literal(plain(b"]q\x01h\x01a")) + b"a"), "clean")

    def test_a_hundred_thousand_streams_end_in_time(self):
        one = literal(plain(HARMLESS))
        report = self.expect(archive(b"(" + one * 100_000 + b"l"), "clean")
        self.assertEqual(len(report["nested"]), 200)
        self.assertIn("pickle.more-streams", [f["id"] for f in report["findings"]])
        self.expect(archive(b"(" + by_pickle(plain(HARMLESS)) * 20_000 + b"l"), "unknown_types")

    def test_one_stream_that_is_loaded_again_and_again_ends_in_time(self):
        """A megabyte that is decoded ten thousand times over."""
        stream = plain(literal(bytes(1 << 20)))
        again = b"cpickle\nloads\nh\x01\x85R0"
        self.expect(archive(literal(stream) + b"q\x010" + again * 10_000 + b"N"), "limit")

    def test_levels_that_inflate_share_one_budget(self):
        """Each level is deflated: few bytes, of many."""
        stream = plain(b"(" + b"N" * 1_000_000 + b"l")
        for _ in range(4):
            stream = archive(literal(stream), deflate=True)
        self.expect(archive(literal(stream)), "clean")
        fan = b"(" + literal(stream) * 120 + b"l"
        self.expect(archive(fan), "limit")

    def test_the_file_of_a_skorch_net_whose_state_runs_a_command(self):
        """The outer pickle is harmless, its byte string is not, and the file itself asks for the unsafe loader."""
        state = b"}" + text("torch_load_kwargs") + b"}" + text("weights_only") + b"\x89ss"
        attributes = b"}(" + text("torch_load_kwargs") + state + text("__cuda_dependent_attributes__")
        net = b"cskorch.classifier\nNeuralNetClassifier\n)\x81" + attributes + literal(plain(GADGET)) + b"ub"
        report = self.expect(archive(net), "dangerous")
        self.assertEqual([n["level"] for n in report["nested"]], [1])


if __name__ == "__main__":
    unittest.main(verbosity=1)
