"""Random object graphs whose pickle is damaged: `mutated_graphs.py DIRECTORY SEED COUNT`, for any Python that has torch.

Opcodes of data.pkl are left out, doubled, exchanged, or have a byte of their argument changed. Of the COUNT files, those stay that
torch.load(weights_only=True) opens all the same, and `expected.jsonl` says what it made of each: see random_graphs.py.
"""
import io
import json
import pathlib
import pickletools
import random
import resource
import signal
import sys
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import torch

import canonical
import random_graphs

MEMORY = 8 << 30  # a damaged number may ask for any
SECONDS = 5


def pieces_of(stream):
    """The opcodes of a pickle, each with its argument."""
    starts = [at for _, _, at in pickletools.genops(stream)] + [len(stream)]
    return [stream[first:last] for first, last in zip(starts, starts[1:])]


def damage(rng, pieces):
    at, other = (rng.randrange(1, len(pieces) - 1) for _ in range(2))
    kind = rng.random()
    if kind < 0.25:
        del pieces[at]
    elif kind < 0.5:
        pieces.insert(at, pieces[other])
    elif kind < 0.75:
        pieces[at], pieces[other] = pieces[other], pieces[at]
    elif len(pieces[at]) > 1:
        changed = bytearray(pieces[at])
        changed[rng.randrange(1, len(changed))] = rng.choice((0, 1, 2, 255, rng.randrange(256)))
        pieces[at] = bytes(changed)


def write(path, rng):
    """False where there is too little to damage, or torch cannot write it."""
    maker = random_graphs.Maker(rng, plain=True)
    maker.left = rng.randrange(1, 12)
    out = io.BytesIO()
    try:
        torch.save(maker.value(), out)
    except RuntimeError:
        return False
    with zipfile.ZipFile(out) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in members if name.endswith("/data.pkl"))
    pieces = pieces_of(members[name])
    for _ in range(rng.choice((1, 1, 2, 3))):
        if len(pieces) < 6:
            return False
        damage(rng, pieces)
    members[name] = b"".join(pieces)
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(zipfile.ZipInfo(member), content)
    return True


def opened(path):
    """What torch makes of it in words, or None."""
    signal.alarm(SECONDS)
    try:
        return canonical.dump(torch.load(path, map_location="cpu", weights_only=True))
    except Exception:  # whatever it refuses with
        return None
    finally:
        signal.alarm(0)


def stop(*_):
    raise TimeoutError


def main():
    directory, seed, count = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    sys.setrecursionlimit(20_000)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, stop)
    with open(directory / "expected.jsonl", "w") as out:
        for index in range(count):
            path = directory / f"{index}.pt"
            tokens = opened(path) if write(path, random.Random(f"{seed}/{index}")) else None
            if tokens is not None:
                print(json.dumps({"file": path.name, "tokens": tokens}), file=out, flush=True)


if __name__ == "__main__":
    main()
