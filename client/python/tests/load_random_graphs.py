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


class Dumper(canonical.Dumper):
    """Objects that are inert records here are told as what they say: the same tokens as the object itself has."""

    def node(self, value):
        if isinstance(value, airlock.SymbolName):
            self.tokens.append(f"g:{value}")
            return []
        return super().node(value)

    def record(self, value, number, pairs):
        if not isinstance(value, airlock.Record):
            return super().record(value, number, pairs)
        self.tokens.append(f"R{number}")
        rest = []
        for sign, name in (("c", "callee"), ("a", "args"), ("k", "kwargs"), ("s", "state"), ("i", "items"), ("p", "pairs")):
            part = getattr(value, f"record_{name}")
            if part is not None:
                rest += [canonical.Literal(f"{sign}="), part]
        return [*rest, canonical.Literal(".")]


def tokens_of(path):
    try:
        return Dumper().run(airlock.load(path, map_location="cpu"))
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
