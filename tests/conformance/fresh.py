"""Checkpoints written a moment ago by this machine's torch come out of Airlock as torch itself reads them, to the bit."""
import io
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock

try:
    import torch
except ImportError:
    airlock.skip("/usr/bin/python3 has no torch (apt-get install python3-torch)")
import checkpoints
import compare
import describe


def cases():
    """(name, the file's bytes, bytes of a file that torch reads alike)."""
    for name, data in checkpoints.plain():
        yield name, data, data
        if name.endswith("-zip"):
            yield f"{name}-deflated", checkpoints.deflated(data), data
    for dtype in checkpoints.DTYPES:
        original, swapped = checkpoints.big_endian(getattr(torch, dtype))
        yield f"big-endian-{dtype}", swapped, original
        yield f"big-endian-{dtype}-deflated", checkpoints.deflated(swapped), original


def main():
    print(f"torch {torch.__version__}")
    tally = compare.Tally()
    with airlock.Daemon() as daemon, tempfile.TemporaryDirectory() as directory:
        for name, data, readable in cases():
            path = pathlib.Path(directory, f"{name}.pt")
            path.write_bytes(data)
            # Written above by this very program: the one place where torch may unpickle.
            expected = describe.describe(torch.load(io.BytesIO(readable)))
            code, answer = airlock.report("--address", daemon.address, "load", path, "--digests")
            tally.check(name, code, answer, expected)
    tally.finish()


main()
