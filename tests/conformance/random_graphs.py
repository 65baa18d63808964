"""Random object graphs as checkpoints: `random_graphs.py DIRECTORY SEED COUNT`, for any Python that has torch.

Writes COUNT files N.pt and the file `expected.jsonl`: for each {"file", "tokens", "accepted"}: what torch.load makes of the file
it has just written itself, in the words of canonical.py, and whether weights_only=True accepts it. Everything is drawn from
SEED; graph N can be written alone by asking for that range: `random_graphs.py DIRECTORY SEED N:M`. A graph that torch writes and cannot read
has no line.
"""
import argparse
import collections
import datetime
import inspect
import io
import json
import math
import pathlib
import random
import struct
import sys
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import numpy
import torch

import canonical

warnings.filterwarnings("ignore")
NAMES = ("float16 bfloat16 float32 float64 int8 uint8 int16 int32 int64 bool complex64 complex128 complex32 uint16 uint32 uint64 "
         "float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz").split()


def can_be_saved(dtype):
    try:
        torch.save(torch.empty(1, dtype=dtype), io.BytesIO())
    except (KeyError, RuntimeError):  # torch 1.13 makes complex32 tensors and cannot save them
        return False
    return True


DTYPES = [dtype for dtype in (getattr(torch, name, None) for name in NAMES) if dtype is not None and can_be_saved(dtype)]
HAS_WEIGHTS_ONLY = "weights_only" in inspect.signature(torch.load).parameters
NANS = (0x7FF8000000000000, 0xFFF8000000000001, 0x7FF0000000000001, 0x7FF4DEADBEEF0000)


class Maker:
    """One graph. What it made is kept, so that later parts may refer to it again: sharing and cycles."""

    def __init__(self, rng, plain):
        self.rng = rng
        self.plain = plain  # only what torch.save's own loader knows, no classes of the library
        self.made = []
        self.storages = []
        self.left = rng.randrange(1, 60)

    def text(self):
        alphabet = "abcXYZ019._-/é漢\U0001F600\n\0" + ("\ud800\udfff" if self.rng.random() < 0.1 else "")
        return "".join(self.rng.choice(alphabet) for _ in range(self.rng.choice((0, 1, 3, 8, 40, 300))))

    def integer(self):
        size = self.rng.choice((0, 1, 7, 8, 15, 16, 31, 32, 33, 62, 63, 64, 65, 127, 128, 255, 256, 1000, 2100))
        return self.rng.choice((-1, 1)) * self.rng.getrandbits(size) + self.rng.randrange(-1, 2)

    def real(self):
        if self.rng.random() < 0.1:
            return struct.unpack(">d", struct.pack(">Q", self.rng.choice(NANS)))[0]
        return self.rng.choice((0.0, -0.0, math.inf, -math.inf, 5e-324, 1.5, -1e300, self.rng.random()))

    def atom(self):
        rng = self.rng
        return rng.choice((
            lambda: None, lambda: rng.random() < 0.5, self.integer, self.integer, self.real, self.text, self.text,
            lambda: complex(self.real(), self.real()), lambda: rng.randbytes(rng.choice((1, 5, 100, 300))),
            lambda: rng.choice(DTYPES), lambda: torch.device(rng.choice(("cpu", "cuda:1", "meta"))),
            lambda: torch.Size(rng.sample(range(9), rng.randrange(4)))))()

    def key(self):
        rng = self.rng
        kind = rng.random()
        if kind < 0.6:
            return self.text()
        if kind < 0.8:
            return rng.randrange(-3, 300)
        if kind < 0.9:
            return rng.choice((None, True, False, 1.0, 0.5, -0.0, self.integer(), rng.choice(DTYPES), b"key"))
        return tuple(rng.choice((1, "a", None, 2.5, (1, 2)[0])) for _ in range(rng.randrange(3)))

    def storage_of(self, dtype):
        """A flat tensor whose storage others may share."""
        for flat in self.storages:
            if flat.dtype is dtype and self.rng.random() < 0.5:
                return flat
        numel = self.rng.choice((1, 2, 5, 24, 60))
        size = torch.empty((), dtype=dtype).element_size()
        data = bytearray(self.rng.randbytes(numel * size)) if dtype is not torch.bool else bytearray(
            self.rng.randrange(2) for _ in range(numel))
        flat = torch.frombuffer(data, dtype=torch.uint8).clone()
        flat = flat.view(dtype) if dtype is not torch.bool else flat.to(torch.bool)
        self.storages.append(flat)
        return flat

    def tensor(self):
        rng = self.rng
        dtype = rng.choice(DTYPES)
        kind = rng.random()
        if kind < 0.08:
            return torch.empty(rng.choice(((0,), (0, 3), (2, 0, 1))), dtype=dtype)
        flat = self.storage_of(dtype)
        numel = flat.numel()
        if kind < 0.2:
            tensor = flat[rng.randrange(numel)]
        elif kind < 0.5 and numel >= 4:
            offset = rng.randrange(numel // 2)
            tensor = torch.as_strided(flat, (2, (numel - offset) // 4), (1, 2), offset)
        elif kind < 0.6:
            tensor = flat[:1].expand(rng.randrange(1, 5), rng.randrange(1, 4))
        elif kind < 0.7 and numel % 6 == 0:
            tensor = flat.view(-1, 2, 3).transpose(0, 2)
        else:
            tensor = flat
        floating = dtype.is_floating_point or dtype.is_complex
        if dtype is torch.complex64 and rng.random() < 0.3:
            tensor = tensor.conj()
        usual = dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16)
        if usual and rng.random() < 0.2:
            return torch.nn.Parameter(tensor.detach(), requires_grad=rng.random() < 0.7)
        if floating and usual and rng.random() < 0.1:
            tensor = tensor.detach().requires_grad_()
        return tensor

    def sparse(self):
        dense = torch.tensor([[0.0, self.rng.random(), 0], [self.rng.random(), 0, 1.0]])
        return dense.to_sparse() if self.rng.random() < 0.5 else dense.to_sparse_csr()

    def library(self):
        rng = self.rng
        return rng.choice((
            lambda: collections.defaultdict(rng.choice((list, dict, int)), {self.key(): self.value()}),
            lambda: collections.Counter({self.text(): rng.randrange(9)}),
            lambda: collections.deque([self.value() for _ in range(rng.randrange(3))], rng.choice((None, 7))),
            lambda: argparse.Namespace(lr=self.real(), name=self.text(), value=self.value()),
            lambda: datetime.datetime(2026, 1, rng.randrange(1, 28), 3, 4, 5, rng.randrange(10**6)),
            lambda: datetime.timedelta(rng.randrange(9), rng.randrange(9), rng.randrange(9)),
            lambda: numpy.arange(rng.randrange(1, 9)).astype(rng.choice(("<f4", ">i2", "<i8", "|b1", "<c16"))),
            lambda: bytearray(rng.randbytes(rng.randrange(20)))))()

    def container(self):
        rng = self.rng
        kind = rng.randrange(7)
        count = rng.choice((0, 1, 2, 3, 5, 12))
        if kind == 0:
            return tuple(self.value() for _ in range(count))
        if kind == 1:
            return {member for member in (self.key() for _ in range(count)) if member == member}
        if kind in (2, 3):
            made = []
            self.made.append(made)
            made.extend(self.value() for _ in range(count))
            return made
        made = {} if kind < 6 else collections.OrderedDict()
        self.made.append(made)
        for _ in range(count):
            made[self.key()] = self.value()
        if kind == 6 and rng.random() < 0.3:
            made._metadata = collections.OrderedDict([("", {"version": 1})])
        return made

    def deep(self):
        value = self.atom()
        for _ in range(self.rng.choice((10, 300, 900))):
            value = [value] if self.rng.random() < 0.5 else (value,)
        return value

    def value(self):
        self.left -= 1
        kind = self.rng.random()
        if self.left <= 0 or kind < 0.3:
            return self.atom()
        if self.made and kind < 0.42:
            return self.rng.choice(self.made)
        if kind < 0.62:
            value = self.tensor() if self.plain or self.rng.random() < 0.9 else self.sparse()
        elif kind < 0.63:
            value = self.deep()
        elif kind < 0.7 and not self.plain:
            value = self.library()
        else:
            return self.container()
        self.made.append(value)
        return value


def write(directory, seed, index):
    rng = random.Random(f"{seed}/{index}")
    root = Maker(rng, plain=rng.random() < 0.6).value()
    path = directory / f"{index}.pt"
    options = {"_use_new_zipfile_serialization": rng.random() < 0.7, "pickle_protocol": rng.choice((2, 2, 2, 3, 4, 5))}
    torch.save(root, path, **options)
    full = {"weights_only": False} if HAS_WEIGHTS_ONLY else {}
    try:
        loaded = torch.load(path, map_location="cpu", **full)  # this program wrote it a line ago
    except Exception:  # torch does not read all that it writes: new dtypes in the legacy stream, some sparse tensors
        return None
    accepted = False
    if HAS_WEIGHTS_ONLY:
        try:
            torch.load(path, map_location="cpu", weights_only=True)
            accepted = True
        except Exception:  # whatever it refuses with
            pass
    return {"file": path.name, "tokens": canonical.dump(loaded), "accepted": accepted}


def main():
    directory, seed = pathlib.Path(sys.argv[1]), sys.argv[2]
    first, _, last = sys.argv[3].rpartition(":")
    sys.setrecursionlimit(20_000)  # torch.save itself recurses
    with open(directory / "expected.jsonl", "w") as out:
        for index in range(int(first or 0), int(last)):
            expected = write(directory, seed, index)
            if expected is not None:
                print(json.dumps(expected), file=out)


if __name__ == "__main__":
    main()
