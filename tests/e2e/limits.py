"""Each limit that a file can hit, set with `airlockd --limit`: the load ends as LIMIT with that very name, and as clean one above."""
import pathlib
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

# limit, the largest value that the file does not pass, the file
LIMITS = [
    ("input_bytes", 100, samples.stored),
    ("output_bytes", 100, samples.deflated),
    ("opcodes", 10, samples.stored),
    ("nodes", 5, samples.stored),
    ("stack", 5, pickled(STRINGS)),
    ("memo", 4, pickled(STRINGS)),
    ("depth", 5, pickled(b")" + b"\x85" * 6)),
    ("string_bytes", 7, pickled(text("abcdefgh"))),
    ("integer_bytes", 19, pickled(b"\x8a\x14" + b"\x01" * 20)),
    ("symbols", 2, pickled(SYMBOLS)),
    ("tensors", 3, samples.stored),
    ("dims", 2, solid),
    ("members", 3, samples.stored),
    ("ratio", 10, zeros),
    ("name_bytes", 12, samples.stored),
]


class LimitsTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.directory.name)

    def tearDown(self):
        self.directory.cleanup()

    def test_each_limit_is_honoured_and_named(self):
        for name, value, make in LIMITS:
            path = make(self.path / f"{name}.pt")
            with airlock.Daemon("--limit", f"{name}={value}") as daemon:
                for command in ("inspect", "load"):
                    # What is inflated is only counted where it is written.
                    if (name, command) in (("output_bytes", "inspect"), ("ratio", "inspect")):
                        continue
                    with self.subTest(name, command=command):
                        code, report = airlock.report("--address", daemon.address, command, path)
                        self.assertEqual((code, report["verdict"], report["reason"]), (2, "limit", "LIMIT_EXCEEDED"), report)
                        self.assertEqual((report["limit"]["name"], report["limit"]["limit"]), (name, value), report)
                        self.assertGreater(report["limit"]["seen"], value)
                        self.assertIn(name, report["message"])

    def test_the_files_are_within_the_limits_that_are_the_default(self):
        with airlock.Daemon() as daemon:
            for name, _, make in LIMITS:
                with self.subTest(name):
                    code, report = airlock.report("--address", daemon.address, "load", make(self.path / f"{name}.pt"))
                    self.assertEqual((code, report["verdict"]), (0, "clean"), report)

    def test_the_largest_value_that_passes_passes(self):
        exact = {"stack": 7, "memo": 5, "depth": 7, "string_bytes": 8, "integer_bytes": 20, "symbols": 3, "tensors": 4, "dims": 3}
        for name, _, make in LIMITS:
            if name in exact:
                path = make(self.path / f"{name}.pt")
                with self.subTest(name), airlock.Daemon("--limit", f"{name}={exact[name]}") as daemon:
                    code, report = airlock.report("--address", daemon.address, "load", path)
                    self.assertEqual((code, report["verdict"]), (0, "clean"), report)


if __name__ == "__main__":
    unittest.main(verbosity=2)
