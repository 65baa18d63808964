"""Checkpoints of torch 2.x come out of Airlock as that torch reads them, to the bit: sparse layouts, new dtypes, attributes, nested tensors.

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
# What is more than a checkpoint of torch.save. Code that comes with weights is never clean.
VERDICTS = {"exported": ("torch_export", "clean"), "exported-two": ("torch_export", "clean"),
            "exported-old": ("torch_export", "clean"), "package-weights": ("torch_package", "clean"),
            "package-code": ("torch_package", "unknown_types"), "package-script": ("torch_package", "clean")}


def main():
    if not PYTHON:
        airlock.skip("no Python with torch 2.x (set AIRLOCK_TORCH2_PYTHON)")
    tally = compare.Tally()
    with airlock.Daemon() as daemon, tempfile.TemporaryDirectory() as directory:
        done = subprocess.run([PYTHON, HERE / "torch2_files.py", directory], capture_output=True, text=True, timeout=500)
        if done.returncode != 0:
            sys.exit(f"{PYTHON} wrote no checkpoints:\n{done.stderr}")
        print(f"torch {done.stdout.strip()}")
        for path in sorted(pathlib.Path(directory).glob("*.pt*")):
            expected = json.loads(path.with_suffix(".json").read_text())
            code, answer = airlock.report("--address", daemon.address, "load", path, "--digests")
            tally.check(path.stem, code, answer, expected)
            wanted = VERDICTS.get(path.stem)
            if wanted and (answer["format"], answer["verdict"]) != wanted:
                tally.failed.append(path.stem)
                print(f"{path.stem}: {answer['format']}, {answer['verdict']}, {answer['findings']}")
    tally.finish()


main()
