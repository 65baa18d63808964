"""Airlock's description of a file against another's: names, dtypes, shapes, strides, requires_grad, digests, in order."""
import sys

FIELDS = ("name", "dtype", "shape", "strides", "requires_grad", "sha256", "meta")


def differences(expected, found):
    """One line for each difference; none where both say the same."""
    lines = []
    if len(expected) != len(found):
        lines.append(f"{len(expected)} tensors expected, {len(found)} found")
    for want, have in zip(expected, found):
        for field in FIELDS:
            if field in want and want[field] != have.get(field):
                lines.append(f"{want['name']!r}: {field} is {have.get(field)!r}, not {want[field]!r}")
    return lines[:5]


def first_difference(expected, answer):
    """Where two lists of tokens part, for a reader."""
    for at, (want, got) in enumerate(zip(expected, answer)):
        if want != got:
            return f"token {at}: {want[:80]} is {got[:80]}, after {' '.join(expected[max(0, at - 3):at])[:200]}"
    return f"{len(expected)} tokens, and {len(answer)}"


class Tally:
    """Counts files, prints what differs, ends the program with 0 only if there were files and none differed."""

    def __init__(self):
        self.equal, self.failed = 0, []

    def check(self, name, code, answer, expected):
        problems = [] if code == 0 else [f"exit {code}: {answer.get('verdict')}: {answer.get('failure') or answer.get('findings')}"]
        problems += differences(expected, answer.get("tensors") or [])
        if not problems:
            self.equal += 1
            return
        self.failed.append(name)
        print(f"DIFFERS: {name}")
        for line in problems:
            print(f"    {line}")

    def finish(self):
        print(f"{self.equal} files equal, {len(self.failed)} differ", flush=True)
        sys.exit(0 if self.equal and not self.failed else 1)
