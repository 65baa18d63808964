"""What the tests of systems share: the package, a folder, files that would leave a mark if they ran."""
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("AIRLOCK_BIN", ROOT / "build" / "bin"))
SKIP = 77
sys.path.insert(0, os.environ.get("AIRLOCK_PYTHON", str(ROOT / "build" / "python")))
os.environ.setdefault("AIRLOCK_DAEMON", str(BIN / "airlockd"))
os.environ.pop("AIRLOCK_ADDRESS", None)


def skip(reason):
    print(f"SKIPPED: {reason}", flush=True)
    sys.exit(SKIP)


def need(*modules):
    """Ends the test as skipped, loudly, where a library is missing."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            skip(f"this Python has no {module} (tests/systems/run.sh installs it)")


class Marker:
    """An object whose pickle would make a file: a mark that it ran."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


class Case(unittest.TestCase):
    """A test with a folder of its own, and a mark that nothing may leave."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="airlock-systems-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.mark = self.folder / "mark-that-must-not-appear"
        self.addCleanup(lambda: self.assertFalse(self.mark.exists(), "a file ran code"))

    def convert(self, *arguments):
        """`airlock convert ARGUMENTS`."""
        done = subprocess.run([BIN / "airlock", "convert", *map(str, arguments)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout


def same_tensors(test, want, got):
    import torch

    test.assertEqual(list(want), list(got))
    for name in want:
        test.assertTrue(torch.equal(want[name], got[name]), name)


def main():
    result = unittest.main(module="__main__", exit=False, verbosity=1).result
    sys.exit(0 if result.wasSuccessful() else 1)
