"""Of damaged checkpoints, those that torch.load(weights_only=True) opens all the same: Airlock gives the same, or says by a finding or a reason of
the table in sandbox/tensors/README.md why not. Never something else under the verdict `clean`.

    mutations.py COUNT [SEED]

With /usr/bin/python3's torch and that of each interpreter in $AIRLOCK_TORCH_PYTHONS. Prints the seed.
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
import property as graphs

HERE = pathlib.Path(__file__).resolve().parent
# Verdicts that are no answer of ours to a file that torch opens, but for the rows of the table that end so.
ALLOWED = ("unknown_types", "dangerous", "error PICKLE_MALFORMED", "error STORAGE_SIZE_MISMATCH", "error LIMIT_EXCEEDED", "error TRAILING_BYTES",
           "error ZIP_MALFORMED", "error DANGEROUS")
# Torch keeps the number of a device in one byte: cuda:255 is "cuda" to it.
WRAPS = ("v:cuda",)


def wrong_with(row, line):
    if line.startswith(ALLOWED):
        return None
    verdict, _, rest = line.partition(" ")
    if verdict != "clean":
        return line
    if rest == row["tokens"]:
        return None
    ours, theirs = rest.split(" "), row["tokens"].split(" ")
    if len(ours) == len(theirs) and all(a == b or (a.startswith(WRAPS) and b.startswith(WRAPS)) for a, b in zip(ours, theirs)):
        return None
    return compare.first_difference(theirs, ours)


def run(daemon, python, seed, count):
    with tempfile.TemporaryDirectory() as directory:
        # It may be ended by what a damaged number asks for: what it has said by then counts.
        subprocess.run([python, HERE / "mutated_graphs.py", directory, seed, str(count)], stderr=subprocess.DEVNULL)
        lines = pathlib.Path(directory, "expected.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        dump = subprocess.run([airlock.BIN / "airlock-graph-dump", daemon.address, *(os.path.join(directory, row["file"]) for row in rows)], check=True,
                              capture_output=True, text=True)
    answers = dump.stdout.splitlines()
    assert len(answers) == len(rows), "an answer for every file"
    wrong = [(row["file"], said) for row, line in zip(rows, answers) if (said := wrong_with(row, line))]
    clean = sum(line.startswith("clean ") for line in answers)
    print(f"torch {graphs.torch_of(python)}, seed {seed}: weights_only=True opens {len(rows)} of {count}; {clean} are clean and equal, {len(wrong)} wrong", flush=True)
    for name, said in wrong[:20]:
        print(f"  {name}: {said[:300]}")
    assert clean >= count / 10, "most of what torch opens is opened"
    return not wrong


def main():
    count = int(sys.argv[1])
    seed = sys.argv[2] if len(sys.argv) > 2 else str(random.randrange(10**9))
    found = [python for python in graphs.interpreters() if graphs.torch_of(python)]
    if not found:
        airlock.skip("no interpreter has torch (apt-get install python3-torch)")
    with airlock.Daemon() as daemon:
        good = [run(daemon, python, seed, count) for python in found]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
