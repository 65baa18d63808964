"""Random object graphs as checkpoints: `random_graphs.py DIRECTORY SEED COUNT`, for any Python that has torch.

Writes COUNT files N.pt and the file `expected.jsonl`: for each {"file", "tokens", "accepted"}: what torch.load makes of the file
it has just written itself, in the words of canonical.py, and whether weights_only=True accepts it. Everything is drawn from
SEED; graph N can be written alone by asking for that range: `random_graphs.py DIRECTORY SEED N:M`. A graph that torch cannot
write, or writes and cannot read, has no line.
"""
import argparse
import collections
import datetime
import decimal
import fractions
import functools
import inspect
import io
import json
import math
import pathlib
import random
import struct
import sys
import types
import uuid
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import numpy
import torch

import canonical

warnings.filterwarnings("ignore")
NAMES = ("float16 bfloat16 float32 float64 int8 uint8 int16 int32 int64 bool complex64 complex128 complex32 uint16 uint32 uint64 "
         "float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 bits8 bits16 bits1x8 bits2x4 bits4x2 bcomplex32").split()


def can_be_saved(dtype):
    try:
        torch.save(torch.empty(1, dtype=dtype), io.BytesIO())
    except (KeyError, RuntimeError):  # torch 1.13 makes complex32 tensors and cannot save them
        return False
    return True


DTYPES = [dtype for dtype in (getattr(torch, name, None) for name in NAMES) if dtype is not None and can_be_saved(dtype)]
HAS_WEIGHTS_ONLY = "weights_only" in inspect.signature(torch.load).parameters
HAS_LAYOUTS = tuple(layout for layout in ("sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc") if hasattr(torch, layout))
IS_TORCH_2 = int(torch.__version__.partition(".")[0]) >= 2
NANS = (0x7FF8000000000000, 0xFFF8000000000001, 0x7FF0000000000001, 0x7FF4DEADBEEF0000)


class Tagged(torch.Tensor):
    """A subclass that no reader knows."""


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
            lambda: rng.choice((torch.strided, torch.sparse_coo, torch.sparse_csr)),
            lambda: torch.Size(rng.sample(range(9), rng.randrange(4)))))()

    def key(self):
        rng = self.rng
        kind = rng.random()
        if kind < 0.55:
            return self.text()
        if kind < 0.75:
            return rng.randrange(-3, 300)
        if kind < 0.9:
            # Of these some are equal to each other, though of other types.
            return rng.choice((None, True, False, 1.0, 0.5, -0.0, 1 + 0j, 2j, 2**53, float(2**53), 2**64, self.integer(), rng.choice(DTYPES), b"key",
                               torch.Size((1, 2)), (1, 2), self.real()))
        if kind < 0.93 and not self.plain:
            return rng.choice((numpy.int64(1), numpy.float32(0.5), frozenset((1, "a")), frozenset(), datetime.timedelta(1), int))
        return tuple(rng.choice((1, "a", None, 2.5, True, (1, 2)[0])) for _ in range(rng.randrange(3)))

    def members(self, count):
        """Keys for a set: such as have a token in one word."""
        keys = (self.key() for _ in range(count))
        return [key for key in keys if canonical.member(key) is not None]

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
        if dtype is torch.complex64 and rng.random() < 0.4:
            tensor = tensor.conj() if rng.random() < 0.6 else tensor.clone().conj().imag
            dtype = tensor.dtype
        usual = dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16)
        if usual and rng.random() < 0.2:
            return torch.nn.Parameter(tensor.detach(), requires_grad=rng.random() < 0.7)
        if floating and usual and rng.random() < 0.1:
            tensor = tensor.detach().requires_grad_()
        return tensor

    def numbers(self, *shape):
        """Numbers for what has to be computed with: a seed of our own, whatever torch was asked for before."""
        return torch.tensor([self.rng.uniform(-9, 9) for _ in range(math.prod(shape))]).reshape(shape)

    def sparse(self):
        rng = self.rng
        dense = self.numbers(4, 6) * torch.tensor([rng.randrange(2) for _ in range(24)]).reshape(4, 6)
        dense = dense.to(rng.choice((torch.float32, torch.float64, torch.int64)))
        layout = rng.choice(("coo", "uncoalesced", "hybrid", *HAS_LAYOUTS))
        if layout == "uncoalesced":
            return torch.sparse_coo_tensor(torch.tensor([[1, 1, 0], [2, 2, 3]]), self.numbers(3), (2, 5))
        if layout == "hybrid":
            return torch.sparse_coo_tensor(torch.tensor([[4, 0]]), self.numbers(2, 3), (5, 3))
        if layout == "coo":
            return torch.nn.Parameter(dense.float().to_sparse()) if rng.random() < 0.2 else dense.to_sparse()
        if layout == "sparse_csr" or not IS_TORCH_2:
            return dense.to_sparse_csr()
        return dense.to_sparse(layout=getattr(torch, layout), blocksize=(2, 3) if "_bs" in layout else None)

    def quantised(self):
        rng = self.rng
        values = self.numbers(4, rng.choice((1, 3, 6)))
        if rng.random() < 0.5:
            return torch.quantize_per_tensor(values, rng.random() + 0.01, rng.randrange(9), rng.choice((torch.qint8, torch.quint8, torch.qint32)))
        scales, zeros = self.numbers(4).abs().double() + 0.01, torch.tensor([rng.randrange(9) for _ in range(4)])
        return torch.quantize_per_channel(values, scales, zeros, 0, rng.choice((torch.qint8, torch.quint8)))

    def without_data(self):
        rng = self.rng
        empty = torch.empty(rng.sample(range(1, 9), rng.randrange(4)), device="meta", dtype=rng.choice((torch.float32, torch.int64, torch.bfloat16)))
        return empty.t() if empty.dim() == 2 else empty

    def attributed(self):
        tensor = self.numbers(2, 2)
        if self.rng.random() < 0.5:
            tensor = torch.nn.Parameter(tensor)
        tensor.note, tensor.more = self.text(), [self.atom()]
        return tensor

    def uncommon(self):
        """Tensors that few checkpoints have."""
        made = [self.sparse, self.quantised, self.without_data, self.storage]
        if IS_TORCH_2:
            made += [self.attributed, self.nested]
        if not self.plain:
            made.append(self.subclass)
        return self.rng.choice(made)()

    def nested(self):
        return torch.nested.nested_tensor([self.numbers(self.rng.randrange(4), 3) for _ in range(self.rng.randrange(1, 4))])

    def subclass(self):
        tensor = self.numbers(3).as_subclass(Tagged)
        tensor.note = self.text()
        return tensor

    def storage(self):
        """A storage by itself, which tensors may share."""
        flat = self.storage_of(self.rng.choice((torch.float32, torch.int64, torch.uint8)))
        return flat.untyped_storage() if IS_TORCH_2 and self.rng.random() < 0.7 else flat.storage()

    def array(self):
        rng = self.rng
        dtype = numpy.dtype(rng.choice(("<f4", ">f4", ">i2", "<i8", "|b1", "<c16", ">c8", "|u1", "<f2", ">u8")))
        shape = rng.choice(((), (0,), (1,), (5,), (2, 3), (3, 0, 2), (2, 2, 2)))
        raw = rng.randbytes(math.prod(shape) * dtype.itemsize)
        array = numpy.frombuffer(bytes(byte & 1 for byte in raw) if dtype.kind == "b" else raw, dtype).reshape(shape).copy()
        return numpy.asfortranarray(array) if rng.random() < 0.3 else array

    def number(self):
        rng = self.rng
        return rng.choice((lambda: numpy.float64(self.real()), lambda: numpy.float32(rng.random()), lambda: numpy.float16(1.5), lambda: numpy.int64(rng.randrange(-9, 9)),
                           lambda: numpy.uint8(200), lambda: numpy.uint64(2**64 - 1), lambda: numpy.bool_(rng.random() < 0.5), lambda: numpy.complex64(1 - 2j),
                           lambda: numpy.dtype(rng.choice(("<f4", ">i8", "|b1"))))
                          )()

    def library(self):
        rng = self.rng
        return rng.choice((
            lambda: collections.defaultdict(rng.choice((list, dict, int)), {self.key(): self.value()}),
            lambda: collections.Counter({self.text(): rng.randrange(9)}),
            lambda: collections.deque([self.value() for _ in range(rng.randrange(3))], rng.choice((None, 7))),
            lambda: argparse.Namespace(lr=self.real(), name=self.text(), value=self.value()),
            lambda: datetime.datetime(2026, 1, rng.randrange(1, 28), 3, 4, 5, rng.randrange(10**6)),
            lambda: datetime.timedelta(rng.randrange(9), rng.randrange(9), rng.randrange(9)),
            self.array, self.array, self.number, self.number,
            lambda: datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc), lambda: datetime.date(2026, 2, 3), lambda: datetime.time(1, 2, 3, 4),
            lambda: decimal.Decimal(rng.choice(("1.50", "-1E+9", "NaN", "Infinity"))), lambda: fractions.Fraction(rng.randrange(9), 7),
            lambda: uuid.UUID(int=rng.getrandbits(128)), lambda: rng.choice((range(1, 10, 3), slice(None, 5), range(0))),
            lambda: pathlib.PurePosixPath("/a/b") if rng.random() < 0.5 else pathlib.PosixPath("x"), lambda: types.SimpleNamespace(a=self.value()),
            lambda: frozenset(self.members(3)), lambda: ValueError(self.text(), 1),
            lambda: functools.partial(int, self.text(), base=8), lambda: rng.choice((int, dict, print, ValueError)),
            lambda: random.Random(rng.randrange(9)).getstate(), lambda: numpy.random.RandomState(rng.randrange(9)).get_state(),
            self.ring))()

    def ring(self):
        """What holds itself, by way of everything that can."""
        made = self.rng.choice((argparse.Namespace(), types.SimpleNamespace(), collections.deque(), collections.defaultdict(list), collections.OrderedDict()))
        inside = (made, [made])
        if isinstance(made, collections.deque):
            made.append(inside)
        elif isinstance(made, dict):
            made["self"] = inside
        else:
            made.me = inside
        return made

    def container(self):
        rng = self.rng
        kind = rng.randrange(7)
        count = rng.choice((0, 1, 2, 3, 5, 12))
        if kind == 0 and rng.random() < 0.1:  # a tuple that holds itself
            made = []
            made.append((made, self.value()))
            return made[0]
        if kind == 0:
            return tuple(self.value() for _ in range(count))
        if kind == 1:
            return set(self.members(count))
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
        if kind == 5 and rng.random() < 0.1:
            return rng.choice((lambda: collections.Counter({self.text(): rng.randrange(9)}), lambda: bytearray(rng.randbytes(rng.randrange(20)))))()
        return made

    def deep(self):
        value = self.atom()
        for _ in range(self.rng.choice((10, 300, 900))):
            value = self.rng.choice((lambda: [value], lambda: (value,), lambda: {"a": value}))()
        return value

    def value(self):
        self.left -= 1
        kind = self.rng.random()
        if self.left <= 0 or kind < 0.3:
            return self.atom()
        if self.made and kind < 0.42:
            return self.rng.choice(self.made)
        if kind < 0.62:
            value = self.tensor() if self.rng.random() < 0.85 else self.uncommon()
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
    options = {"_use_new_zipfile_serialization": rng.random() < 0.7, "pickle_protocol": rng.choice((2, 2, 2, 2, 1, 3, 4, 5))}
    try:
        torch.save(root, path, **options)
    except RuntimeError:  # in the legacy stream torch 2 takes no storage that is viewed as two types
        return None
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
