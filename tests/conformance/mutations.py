"""Of damaged checkpoints, those that torch.load(weights_only=True) opens all the same: Airlock gives the same, or says by a finding or a reason of
the table in sandbox/tensors/README.md why not. Never something else under the verdict `clean`.

    mutations.py COUNT [SEED]

With /usr/bin/python3's torch and that of each interpreter in $AIRLOCK_TORCH_PYTHONS. Prints the seed.
"""
import subprocess
import sys
import tempfile

import compare
import torches

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
        subprocess.run([python, torches.HERE / "mutated_graphs.py", directory, seed, str(count)], stderr=subprocess.DEVNULL)
        rows, answers = torches.answers(daemon, directory)
    wrong = torches.wrong_among(rows, answers, wrong_with)
    clean = sum(line.startswith("clean ") for line in answers)
    print(f"torch {torches.torch_of(python)}, seed {seed}: weights_only=True opens {len(rows)} of {count}; {clean} are clean and equal, {len(wrong)} wrong", flush=True)
    for name, said in wrong[:20]:
        print(f"  {name}: {said[:300]}")
    assert clean >= count / 10, "most of what torch opens is opened"
    return not wrong


if __name__ == "__main__":
    sys.exit(torches.with_each(run))
