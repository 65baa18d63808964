"""Random object graphs, written by real torch, come out of Airlock as torch itself reads them: tensors, values, types, order and sharing.

    property.py COUNT [SEED]

Until COUNT graphs are compared, with /usr/bin/python3's torch and with that of each interpreter in $AIRLOCK_TORCH_PYTHONS (paths, joined
by colons). Prints the seed; a graph that differs is named with its number, and `random_graphs.py DIRECTORY SEED N:M` writes it again.
What weights_only=True accepts must be `clean`.
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import compare

HERE = pathlib.Path(__file__).resolve().parent
STEP = 250  # graphs that are on disk at a time
MOST_TRIES = 1.3


def interpreters():
    named = os.environ.get("AIRLOCK_TORCH_PYTHONS", "").split(":")
    return ["/usr/bin/python3"] + [path for path in named if path]


def torch_of(python):
    found = subprocess.run([python, "-c", "import torch; print(torch.__version__)"], capture_output=True, text=True)
    return found.stdout.strip() if found.returncode == 0 else None


def wrong_with(expected, line):
    """What is wrong with the answer; None if nothing."""
    verdict, _, rest = line.partition(" ")
    if verdict == "error":
        return line
    if rest != expected["tokens"]:
        return compare.first_difference(expected["tokens"].split(" "), rest.split(" "))
    if expected["accepted"] and verdict != "clean":
        return f"{verdict}, and weights_only=True accepts it"
    return None


def step(daemon, python, seed, first, last):
    """Graphs first to last: how many were compared, how many weights_only accepts, and what is wrong."""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([python, HERE / "random_graphs.py", directory, seed, f"{first}:{last}"], check=True)
        lines = pathlib.Path(directory, "expected.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        files = [os.path.join(directory, row["file"]) for row in rows]
        dump = subprocess.run([airlock.BIN / "airlock-graph-dump", daemon.address, *files], check=True,
                              capture_output=True, text=True)
    answers = dump.stdout.splitlines()
    assert len(answers) == len(rows), "an answer for every file"
    wrong = [(row["file"], said) for row, line in zip(rows, answers) if (said := wrong_with(row, line))]
    return len(rows), sum(row["accepted"] for row in rows), wrong


def run(daemon, python, seed, count):
    """Until `count` graphs are compared: some are none that torch writes and reads again."""
    compared = accepted = tried = 0
    wrong = []
    while compared < count and tried < MOST_TRIES * count:
        last = tried + min(STEP, count - compared)
        done, good, bad = step(daemon, python, seed, tried, last)
        compared, accepted, wrong, tried = compared + done, accepted + good, wrong + bad, last
    print(f"torch {torch_of(python)}, seed {seed}: {compared} graphs compared of {tried}, weights_only=True accepts {accepted} of them, "
          f"{len(wrong)} differ", flush=True)
    for name, said in wrong[:20]:
        print(f"  {name}: {said}")
    assert compared >= count, "most of what torch writes it reads again"
    return not wrong


def main():
    count = int(sys.argv[1])
    seed = sys.argv[2] if len(sys.argv) > 2 else str(random.randrange(10**9))
    found = [python for python in interpreters() if torch_of(python)]
    if not found:
        airlock.skip("no interpreter has torch (apt-get install python3-torch)")
    with airlock.Daemon() as daemon:
        good = [run(daemon, python, seed, count) for python in found]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
