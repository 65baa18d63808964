"""Random object graphs, written by real torch, come out of Airlock as torch itself reads them: tensors, values, types, order and sharing.

    property.py COUNT [SEED]

Until COUNT graphs are compared, with /usr/bin/python3's torch and with that of each interpreter in $AIRLOCK_TORCH_PYTHONS (paths, joined
by colons). Prints the seed; a graph that differs is named with its number, and `random_graphs.py DIRECTORY SEED N:M` writes it again.
What weights_only=True accepts must be `clean`.
"""
import subprocess
import sys
import tempfile

import compare
import torches

STEP = 250  # graphs that are on disk at a time
MOST_TRIES = 1.3


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
        subprocess.run([python, torches.HERE / "random_graphs.py", directory, seed, f"{first}:{last}"], check=True)
        rows, answers = torches.answers(daemon, directory)
    return len(rows), sum(row["accepted"] for row in rows), torches.wrong_among(rows, answers, wrong_with)


def run(daemon, python, seed, count):
    """Until `count` graphs are compared: some are none that torch writes and reads again."""
    compared = accepted = tried = 0
    wrong = []
    while compared < count and tried < MOST_TRIES * count:
        last = tried + min(STEP, count - compared)
        done, good, bad = step(daemon, python, seed, tried, last)
        compared, accepted, wrong, tried = compared + done, accepted + good, wrong + bad, last
    print(f"torch {torches.torch_of(python)}, seed {seed}: {compared} graphs compared of {tried}, weights_only=True accepts {accepted} of them, "
          f"{len(wrong)} differ", flush=True)
    for name, said in wrong[:20]:
        print(f"  {name}: {said}")
    assert compared >= count, "most of what torch writes it reads again"
    return not wrong


if __name__ == "__main__":
    sys.exit(torches.with_each(run))
