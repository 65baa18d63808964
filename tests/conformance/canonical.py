"""What airlock-graph-dump says of a load, said of Python objects: see graph_dump.cc for the tokens."""
import argparse
import collections
import datetime
import struct

import torch

try:
    import numpy
except ImportError:
    numpy = None


def bits(value):
    return struct.pack(">d", value).hex()


def integer(value):
    if -2**63 <= value < 2**63:
        return f"i{value}"
    return "I" + value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True).hex()


def atom(value):
    """The token of what has no identity; None for what has one."""
    kind = type(value)
    if value is None:
        return "N"
    if kind is bool:
        return "T" if value else "F"
    if kind is int:
        return integer(value)
    if kind is float:
        return "f" + bits(value)
    if kind is complex:
        return "c" + bits(value.real) + bits(value.imag)
    if kind is str:
        return "s" + value.encode("utf-8", "surrogatepass").hex()
    if kind is bytes:
        return "b" + value.hex()
    if kind is torch.dtype:
        return f"d:{value}".replace("torch.", "")
    if kind is torch.layout:
        return f"l:{value}".replace("torch.", "")
    if kind is torch.device:
        return f"v:{value}"
    if kind is torch.Size:
        return "z" + "".join(f":{size}" for size in value)
    if kind is type:
        return f"g:{value.__module__}.{value.__qualname__}"
    return None


def member(value):
    if type(value) is tuple:
        return "(" + "".join(atom(item) + "," for item in value) + ")"
    return atom(value)


class Dumper:
    def __init__(self):
        self.numbers = {}
        self.kept = []  # what is numbered must live, or its id is given to another
        self.tokens = []

    def again(self, space, key):
        """The number of what is met for the first time, or None once `@N` was written."""
        if (space, key) in self.numbers:
            self.tokens.append(f"@{self.numbers[space, key]}")
            return None
        self.numbers[space, key] = len(self.numbers)
        return self.numbers[space, key]

    def run(self, root):
        work = [root]
        while work:
            value = work.pop()
            if isinstance(value, Literal):
                self.tokens.append(value)
            else:
                work.extend(reversed(self.node(value)))
        return " ".join(self.tokens)

    def node(self, value):
        """Writes one value's own token; the values that follow it."""
        token = atom(value)
        if token is not None:
            self.tokens.append(token)
            return []
        kind = type(value)
        if kind is tuple and not value:
            self.tokens.append("()")
            return []
        if kind is frozenset:
            self.tokens.append("E" + "".join(";" + text for text in sorted(map(member, value))))
            return []
        self.kept.append(value)
        number = self.again("n", id(value))
        if number is None:
            return []
        if isinstance(value, torch.Tensor):
            return self.tensor(value, number)
        if numpy is not None and kind is numpy.ndarray:
            shape = "".join(f"{size}," for size in value.shape)
            self.tokens.append(f"n{number}:{numpy_dtype(value.dtype)}:{shape}:"
                               f"{value.astype(value.dtype.newbyteorder('<')).tobytes().hex()}")
            return []
        if kind is bytearray:
            self.tokens.append(f"B{number}:{value.hex()}")
            return []
        if kind is set:
            self.tokens.append(f"e{number}" + "".join(";" + text for text in sorted(map(member, value))))
            return []
        if kind in (list, tuple):
            self.tokens.append(f"{'[' if kind is list else '('}{number}:{len(value)}")
            return list(value)
        pairs = [part for pair in value.items() for part in pair] if isinstance(value, dict) else []
        if kind is dict:
            self.tokens.append(f"{{{number}:{len(value)}")
            return pairs
        if kind is collections.OrderedDict:
            self.tokens.append(f"o{number}:{len(value)}")
            return [vars(value) or None] + pairs
        return self.record(value, number, pairs)

    def tensor(self, tensor, number):
        if tensor.layout is not torch.strided:
            return self.sparse(tensor, number)
        flags = (1 if tensor.requires_grad else 0) | (2 if isinstance(tensor, torch.nn.Parameter) else 0)
        flags |= (4 if tensor.is_conj() else 0) | (8 if tensor.is_neg() else 0)
        numbers = [":".join("".join(f"{n}," for n in ns) for ns in (tensor.shape, tensor.stride()))]
        self.tokens.append(f"t{number}:{str(tensor.dtype)[6:]}:{numbers[0]}:{tensor.storage_offset()}:{flags}")
        storage = tensor.storage()
        raw = getattr(storage, "untyped", getattr(storage, "_untyped", None))()
        self.kept.append(raw)
        key = raw.data_ptr() if raw.nbytes() else ("empty", id(tensor))
        at = self.again("s", key)
        if at is not None:
            data = torch.empty(0, dtype=torch.uint8).set_(raw).numpy().tobytes() if raw.nbytes() else b""
            self.tokens.append(f"S{at}:{data.hex()}")
        return []

    def sparse(self, tensor, number):
        layouts = {"sparse_coo": 1, "sparse_csr": 2, "sparse_csc": 3, "sparse_bsr": 4, "sparse_bsc": 5}
        layout = layouts[str(tensor.layout)[6:]]
        self.tokens.append(f"p{number}:{layout}:{int(tensor.requires_grad)}")
        if layout == 1:
            return [tensor._indices(), tensor._values(), tensor.shape]
        rows = layout in (2, 4)
        return [tensor.crow_indices() if rows else tensor.ccol_indices(),
                tensor.col_indices() if rows else tensor.row_indices(), tensor.values(), tensor.shape]

    def record(self, value, number, pairs):
        """Classes of the library, in the one form that each has (sandbox/pickle/README.md)."""
        kind = type(value)
        self.tokens.append(f"R{number}")
        after = [Literal(".")]
        if numpy is not None and isinstance(value, numpy.generic):
            raise TypeError("numpy scalars have tokens of their own")
        name = Literal(f"g:{kind.__module__}.{kind.__qualname__}")
        contents = [Literal("p="), dict(value)] if pairs else []
        if kind is collections.defaultdict:
            return [Literal("c="), name, Literal("a="), (value.default_factory,)] + contents + after
        if kind is collections.Counter:
            return [Literal("c="), name, Literal("a="), ()] + contents + after
        if kind is collections.deque:
            arguments = () if value.maxlen is None else (value.maxlen,)
            items = [Literal("i="), list(value)] if value else []
            return [Literal("c="), name, Literal("a="), arguments] + items + after
        if kind is argparse.Namespace:
            return [Literal("c="), name, Literal("a="), (), Literal("s="), vars(value)] + after
        if kind is datetime.datetime:
            return [Literal("c="), name, Literal("a="), (*value.timetuple()[:6], value.microsecond)] + after
        if kind is datetime.timedelta:
            return [Literal("c="), name, Literal("a="), (value.days, value.seconds, value.microseconds)] + after
        raise TypeError(f"no tokens for {kind}")


class Literal(str):
    """A token that stands as it is."""


def numpy_dtype(dtype):
    names = {"b1": "bool", "i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64", "u1": "uint8", "u2": "uint16",
             "u4": "uint32", "u8": "uint64", "f2": "float16", "f4": "float32", "f8": "float64", "c8": "complex64",
             "c16": "complex128"}
    return names[dtype.str[1:]]


def dump(root):
    return Dumper().run(root)
