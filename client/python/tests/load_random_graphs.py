"""airlock.load gives what torch.load gives: values, types, order, sharing, strides, requires_grad, on random checkpoints.

    load_random_graphs.py DIRECTORY

DIRECTORY holds what tests/conformance/random_graphs.py wrote: N.pt, and in expected.jsonl what that torch made of each. Loads
each file in this interpreter, and compares token by token. Prints a line for each file that differs, then a summary as JSON.
"""
import json
import pathlib
import sys
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "conformance"))
import canonical

import airlock

warnings.filterwarnings("ignore")


def tokens_of(path):
    try:
        return canonical.dump(airlock.load(path, map_location="cpu"))
    except Exception as error:  # whatever it is, it is a difference
        return f"{type(error).__name__}: {error}"


def first_difference(want, got):
    want, got = want.split(" "), got.split(" ")
    for at, (one, other) in enumerate(zip(want, got)):
        if one != other:
            return f"token {at}: {one[:80]} is {' '.join(got[at:at + 12])[:160]}, after {' '.join(want[max(0, at - 3):at])[:200]}"
    return f"{len(want)} tokens, and {len(got)}"


def main():
    directory = pathlib.Path(sys.argv[1])
    rows = [json.loads(line) for line in (directory / "expected.jsonl").read_text().splitlines()]
    wrong = 0
    for row in rows:
        got = tokens_of(directory / row["file"])
        if got != row["tokens"]:
            wrong += 1
            print(f"  {row['file']}: {first_difference(row['tokens'], got)}", file=sys.stderr)
    print(json.dumps({"compared": len(rows), "accepted": sum(row["accepted"] for row in rows), "wrong": wrong}))


if __name__ == "__main__":
    main()
