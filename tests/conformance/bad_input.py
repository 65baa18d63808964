"""What is no checkpoint is named in one sentence, with the right exit code; what is refused leaves nothing behind."""
import os
import pathlib
import re
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import torch_zip

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d7a" * 16 + b"\nsize 12345\n"
# A pickle that would print a word in a loader: GLOBAL, one argument, REDUCE.
HOSTILE = b"\x80\x02cos\nsystem\nX\x0b\x00\x00\x00echo marker\x85R."

# name, content, exit code, what the sentence must name
FILES = [
    ("text", b"hello, this is no checkpoint\n" * 20, 2, "checkpoint|format"),
    ("random", bytes((i * 167 + 13) % 251 for i in range(4096)), 2, "checkpoint|format"),
    ("empty", b"", 2, "empty"),
    ("lfs", LFS, 2, "(?i)git.lfs"),
    ("html", b"<!DOCTYPE html>\n<html><head><title>404</title></head></html>\n", 2, "HTML"),
    ("html-lower", b"\n  <html><body>Sign in</body></html>\n", 2, "HTML"),
    ("7z", b"7z\xbc\xaf\x27\x1c\0\4" + bytes(100), 2, "7z"),
    ("truncated-zip", b"PK\3\4" + bytes(200), 2, "zip|end"),
]


class BadInput(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.directory.name)

    def tearDown(self):
        self.directory.cleanup()

    def refused(self, command, path, code, named):
        done = airlock.run(*command, path, timeout=60)
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        self.assertEqual(done.returncode, code, f"{command} {path}: {done.stderr}")
        self.assertEqual(len(lines), 1, f"one sentence, not: {done.stderr!r}")
        self.assertRegex(lines[0], re.compile(named))
        parts = lines[0].removesuffix(")").replace(" (", ": ").split(": ")
        self.assertEqual(len(parts), len(set(parts)), f"says it twice: {lines[0]}")
        for part in parts:
            self.assertEqual(lines[0].count(part), 1, f"says it twice: {lines[0]}")
        self.assertNotIn("Traceback", done.stderr)

    def both(self, path, code, named):
        for command in (["inspect"], ["load"]):
            with self.subTest(command=command, path=path.name):
                self.refused(command, path, code, named)

    def test_files_that_are_something_else(self):
        for name, content, code, named in FILES:
            path = self.path / name
            path.write_bytes(content)
            self.both(path, code, named)

    def test_missing_file(self):
        self.both(self.path / "nowhere.pt", 66, "(?i)no such file")

    def test_directory(self):
        self.both(self.path, 2, "(?i)regular file|directory|folder")

    def test_fifo(self):
        fifo = self.path / "fifo"
        os.mkfifo(fifo)
        self.both(fifo, 2, "(?i)regular file|fifo|pipe")

    def test_device(self):
        self.both(pathlib.Path("/dev/zero"), 2, "(?i)regular file|device")

    def test_convert_of_a_refused_file_leaves_nothing(self):
        good = self.path / "cut.pt"
        torch_zip.write(good, [torch_zip.Tensor("weight", 5000, b"abcd")])
        content = good.read_bytes()
        inputs = {"hostile.pkl": HOSTILE, "cut.pt": content[:9000], "text": b"hello\n", "empty": b""}
        for name, data in inputs.items():
            with self.subTest(name):
                (self.path / name).write_bytes(data)
                out = self.path / "out"
                out.mkdir(exist_ok=True)
                done = airlock.run("convert", self.path / name, out / "result.safetensors")
                self.assertIn(done.returncode, (1, 2), done.stderr)
                self.assertEqual(os.listdir(out), [], "a refused file left output behind")

    def test_convert_keeps_an_older_result_when_it_fails(self):
        source, target = self.path / "text", self.path / "result.safetensors"
        source.write_bytes(b"hello\n")
        target.write_bytes(b"older")
        self.assertEqual(airlock.run("convert", "--force", source, target).returncode, 2)
        self.assertEqual(target.read_bytes(), b"older")

    def test_usage(self):
        for arguments in ([], ["load"], ["nonsense"], ["load", "--nonsense", "x"], ["inspect", "--format", "xml", "x"]):
            with self.subTest(arguments):
                done = airlock.run(*arguments)
                self.assertEqual(done.returncode, 64, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_no_daemon_at_the_address(self):
        path = self.path / "x.pt"
        torch_zip.write(path, [torch_zip.Tensor("weight", 4)])
        done = airlock.run("--address", f"unix:{self.path}/nobody.sock", "load", path, timeout=60)
        self.assertEqual(done.returncode, 69, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
