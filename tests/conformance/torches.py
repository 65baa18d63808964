"""The torches that a test compares with, and files that one of them writes, as torch and Airlock read them."""
import json
import os
import pathlib
import random
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock

HERE = pathlib.Path(__file__).resolve().parent


def interpreters():
    """/usr/bin/python3 and those of $AIRLOCK_TORCH_PYTHONS (paths, joined by colons), whether they have torch or not."""
    return ["/usr/bin/python3", *filter(None, os.environ.get("AIRLOCK_TORCH_PYTHONS", "").split(":"))]


def torch_of(python):
    """The version of its torch, or None."""
    found = subprocess.run([python, "-c", "import torch; print(torch.__version__)"], capture_output=True, text=True)
    return found.stdout.strip() if found.returncode == 0 else None


def answers(daemon, directory):
    """What torch made of the files in a directory by its `expected.jsonl`, and the line of airlock-graph-dump for each."""
    rows = [json.loads(line) for line in pathlib.Path(directory, "expected.jsonl").read_text().splitlines()]
    files = [os.path.join(directory, row["file"]) for row in rows]
    dump = subprocess.run([airlock.BIN / "airlock-graph-dump", daemon.address, *files], check=True, capture_output=True, text=True)
    lines = dump.stdout.splitlines()
    assert len(lines) == len(rows), "an answer for every file"
    return rows, lines


def wrong_among(rows, lines, wrong_with):
    """(file, what is wrong with it) for those of which wrong_with(row, line) says something."""
    return [(row["file"], said) for row, line in zip(rows, lines) if (said := wrong_with(row, line))]


def with_each(run):
    """The main of a test of COUNT files by SEED, which are its arguments: run(daemon, python, seed, count) for each that has torch.
    0 if all of them held."""
    count = int(sys.argv[1])
    seed = sys.argv[2] if len(sys.argv) > 2 else str(random.randrange(10**9))
    found = [python for python in interpreters() if torch_of(python)]
    if not found:
        airlock.skip("no interpreter has torch (apt-get install python3-torch)")
    with airlock.Daemon() as daemon:
        good = [run(daemon, python, seed, count) for python in found]
    return 0 if all(good) else 1
