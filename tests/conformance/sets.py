"""Sets of files come out of Airlock as torch 2.x reads them, to the bit: distributed checkpoints of one process, of two, and of boxes; sharded
checkpoints with an index. By path, and by upload.

Needs a Python with torch 2.x: AIRLOCK_TORCH2_PYTHON (python3 -m venv DIR && DIR/bin/pip install torch numpy).
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import airlock
import compare

PYTHON = os.environ.get("AIRLOCK_TORCH2_PYTHON")


def check(tally, way, path, expected, *options):
    code, answer = airlock.report(*options, "load", path, "--digests")
    tally.check(f"{path.name} {way}", code, answer, expected)
    if answer["verdict"] != "clean":
        tally.failed.append(path.name)
        print(f"{path.name} {way}: {answer['verdict']}: {answer['findings']}")


def main():
    if not PYTHON:
        airlock.skip("no Python with torch 2.x (set AIRLOCK_TORCH2_PYTHON)")
    tally = compare.Tally()
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run([PYTHON, HERE / "torch2_sets.py", directory], capture_output=True, text=True, timeout=500)
        if done.returncode != 0:
            sys.exit(f"{PYTHON} wrote no checkpoints:\n{done.stderr}")
        print(f"torch {done.stdout.strip()}")
        with airlock.Daemon("--root", directory) as daemon:
            for told in sorted(pathlib.Path(directory).glob("*.json")):
                path, expected = told.with_suffix(""), json.loads(told.read_text())
                check(tally, "uploaded", path, expected, "--address", daemon.address)
                check(tally, "by path", path, expected, "--address", daemon.address, "--server-path")
                for index in path.glob("*.index.json"):
                    check(tally, "by its index", index, expected, "--address", daemon.address)
    tally.finish()


main()
