"""Random object graphs that real torch writes: airlock.load gives what torch.load gives.

    property_test.py COUNT [SEED]

With this Python's torch and with that of each interpreter in $AIRLOCK_TORCH_PYTHONS (paths, joined by colons; they need grpcio).
Prints the seed; a graph that differs is named with its number, and `random_graphs.py DIRECTORY SEED N:M` writes it again.
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import package

HERE = pathlib.Path(__file__).resolve().parent
GRAPHS = package.ROOT / "tests" / "conformance" / "random_graphs.py"
STEP = 250  # graphs that are on disk at a time


def torch_of(python):
    found = subprocess.run([python, "-c", "import grpc, torch; print(torch.__version__)"], capture_output=True, text=True)
    return found.stdout.strip() if found.returncode == 0 else None


def step(python, seed, first, last):
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([python, GRAPHS, directory, seed, f"{first}:{last}"], check=True)
        environment = {**os.environ, "PYTHONPATH": package.PACKAGE}
        done = subprocess.run([python, HERE / "load_random_graphs.py", directory], check=True, stdout=subprocess.PIPE, text=True, env=environment)
        return json.loads(done.stdout.splitlines()[-1])


def run(python, seed, count):
    total = {"compared": 0, "accepted": 0, "wrong": 0}
    for first in range(0, count, STEP):
        found = step(python, seed, first, min(count, first + STEP))
        total = {key: total[key] + found[key] for key in total}
    print(f"torch {torch_of(python)}, seed {seed}: {total['compared']} graphs compared, weights_only=True accepts {total['accepted']} of them, "
          f"{total['wrong']} differ", flush=True)
    assert total["compared"] >= 0.9 * count, "most of what torch writes it reads again"
    return total["wrong"] == 0


def main():
    count = int(sys.argv[1])
    seed = sys.argv[2] if len(sys.argv) > 2 else str(random.randrange(10**9))
    pythons = [sys.executable] + [path for path in os.environ.get("AIRLOCK_TORCH_PYTHONS", "").split(":") if path]
    found = [python for python in pythons if torch_of(python)]
    if not found:
        package.skip("no interpreter has torch (apt-get install python3-torch)")
    return 0 if all([run(python, seed, count) for python in found]) else 1


if __name__ == "__main__":
    sys.exit(main())
