"""What the tests of the package share: the package as it was built, the daemon beside it, files to load."""
import importlib.util
import io
import os
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ.get("AIRLOCK_BIN", ROOT / "build" / "bin"))
SKIP = 77  # what ctest takes for "skipped"

PACKAGE = os.environ.get("AIRLOCK_PYTHON", str(ROOT / "build" / "python"))
sys.path.insert(0, PACKAGE)
os.environ.setdefault("AIRLOCK_DAEMON", str(BIN / "airlockd"))
os.environ.pop("AIRLOCK_ADDRESS", None)
HAS_TORCH = importlib.util.find_spec("torch") is not None
needs_torch = unittest.skipUnless(HAS_TORCH, "this Python has no torch (apt-get install python3-torch)")


def skip(reason):
    """Ends the whole test as skipped, loudly."""
    print(f"SKIPPED: {reason}", flush=True)
    sys.exit(SKIP)


for needed, package in (("grpc", "python3-grpcio"), ("google.protobuf", "python3-protobuf"), ("numpy", "python3-numpy")):
    try:
        importlib.import_module(needed)
    except ImportError:
        skip(f"this Python has no {needed} (apt-get install {package})")


def saved(value, **options):
    """What torch.save writes of it."""
    import torch
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


class Folder(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="airlock-python-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path


def main():
    """Runs the tests of the calling file; skipped as a whole where every test was."""
    program = unittest.main(module="__main__", exit=False, verbosity=1)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun and len(result.skipped) == result.testsRun:
        skip(result.skipped[0][1])
