"""What airlock-graph-dump says of a load, said of Python objects: see graph_dump.cc for the tokens."""
import argparse
import collections
import datetime
import decimal
import fractions
import functools
import pathlib
import struct
import types
import uuid

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
    if numpy is not None and isinstance(value, numpy.dtype):
        return f"y:{value.str}"
    if kind is type or value is print:
        return f"g:{value.__module__}.{value.__qualname__}"
    return None


def member(value):
    """The token of a member of a set; None for what has none."""
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
        if numpy is not None and isinstance(value, numpy.generic):
            self.tokens.append("x")
            return [Literal(f"y:{value.dtype.str}"), value.item()]
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
        if isinstance(value, Bare):
            return self.tensor(value.tensor, number, value.flags)
        if isinstance(value, torch.Tensor):
            return self.any_tensor(value, number)
        if isinstance(value, STORAGES):
            return self.storage_node(value, number)
        if numpy is not None and kind is numpy.ndarray:
            shape = "".join(f"{size}," for size in value.shape)
            # Swapped as bytes: a cast would make another NaN of some.
            same = value if value.dtype.byteorder != ">" else value.byteswap()
            self.tokens.append(f"n{number}:{shape}:{numpy_dtype(value.dtype)}:{same.tobytes().hex()}")
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

    def any_tensor(self, tensor, number):
        kind = type(tensor)
        if kind not in PLAIN_TENSORS:  # a subclass: a record that holds the tensor, and its attributes for a state
            self.tokens.append(f"R{number}")
            state = [Literal("s="), vars(tensor)] if vars(tensor) else []
            return [Literal("c="), Literal(f"g:{kind.__module__}.{kind.__qualname__}"), Literal("a="), (Bare(tensor.as_subclass(torch.Tensor)),)] + state + [Literal(".")]
        if vars(tensor):
            self.tokens.append(f"P{number}:NODE_KIND_ATTRIBUTED")
            return [Bare(tensor), vars(tensor)]
        return self.tensor(tensor, number)

    def tensor(self, tensor, number, more_flags=0):
        if tensor.is_nested:
            self.tokens.append(f"P{number}:NODE_KIND_NESTED_TENSOR")
            return [tensor.values(), tensor._nested_tensor_size(), tensor._nested_tensor_strides(), tensor._nested_tensor_storage_offsets()]
        if tensor.layout is not torch.strided:
            return self.sparse(tensor, number)
        flags = (1 if tensor.requires_grad else 0) | (2 if isinstance(tensor, torch.nn.Parameter) else 0)
        flags |= more_flags | (4 if tensor.is_conj() else 0) | (8 if tensor.is_neg() else 0)
        if tensor.device.type == "meta":
            self.tokens.append(f"m{number}:{str(tensor.dtype)[6:]}:{flags}")
            return [tensor.shape, tuple(tensor.stride())]
        numbers = [":".join("".join(f"{n}," for n in ns) for ns in (tensor.shape, tensor.stride()))]
        self.tokens.append(f"t{number}:{str(tensor.dtype)[6:]}:{numbers[0]}:{tensor.storage_offset()}:{flags}{quantisation(tensor)}")
        self.storage(untyped(tensor.storage()), id(tensor))
        return []

    def storage_node(self, storage, number):
        # Storages have no identity of their own: a reader makes one object a reference, or one for all.
        del self.numbers["n", id(storage)]
        # Torch reads an untyped storage as one of uint8, so the two are one word here.
        typed = type(storage).__name__.lstrip("_").startswith("Typed") and storage.dtype is not torch.uint8
        self.tokens.append(f"u:{str(storage.dtype)[6:] if typed else 'bytes'}")
        self.storage(untyped(storage), id(storage))
        return []

    def storage(self, raw, owner):
        self.kept.append(raw)
        at = self.again("s", raw.data_ptr() if raw.nbytes() else ("empty", owner))
        if at is not None:
            data = torch.empty(0, dtype=torch.uint8).set_(raw).numpy().tobytes() if raw.nbytes() else b""
            self.tokens.append(f"S{at}:{data.hex()}")

    def sparse(self, tensor, number):
        layouts = {"sparse_coo": 1, "sparse_csr": 2, "sparse_csc": 3, "sparse_bsr": 4, "sparse_bsc": 5}
        layout = layouts[str(tensor.layout)[6:]]
        self.tokens.append(f"p{number}:{layout}:{int(tensor.requires_grad)}")
        parameter = 2 if isinstance(tensor, torch.nn.Parameter) else 0  # which stands on the values
        if layout == 1:
            return [tensor._indices(), Bare(tensor._values(), parameter), tensor.shape]
        rows = layout in (2, 4)
        return [tensor.crow_indices() if rows else tensor.ccol_indices(),
                tensor.col_indices() if rows else tensor.row_indices(), Bare(tensor.values(), parameter), tensor.shape]

    def record(self, value, number, pairs):
        """Classes of the library, in the one form that each has (sandbox/pickle/README.md)."""
        kind = type(value)
        self.tokens.append(f"R{number}")
        after = [Literal(".")]
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
        for types_of, arguments in RECORDS:
            if kind in types_of:
                return [Literal("c="), name, Literal("a="), arguments(value)] + after
        if kind is functools.partial:
            kwargs = [Literal("k="), value.keywords] if value.keywords else []
            return [Literal("c="), name, Literal("a="), (value.func, *value.args)] + kwargs + after
        if kind is types.SimpleNamespace:
            return [Literal("c="), name, Literal("a="), (), Literal("s="), vars(value)] + after
        if kind is uuid.UUID:
            return [Literal("c="), name, Literal("a="), (), Literal("s="), {"int": value.int}] + after
        raise TypeError(f"no tokens for {kind}")


def date_fields(value):
    return tuple(value.timetuple()[:3])


def time_fields(value):
    return (value.hour, value.minute, value.second, value.microsecond) + ((value.tzinfo,) if value.tzinfo else ())


# Classes of the library that are their arguments (sandbox/pickle/README.md).
RECORDS = (
    ((datetime.datetime,), lambda value: date_fields(value) + time_fields(value)),
    ((datetime.date,), date_fields),
    ((datetime.time,), time_fields),
    ((datetime.timedelta,), lambda value: (value.days, value.seconds, value.microseconds)),
    ((datetime.timezone,), lambda value: value.__getinitargs__()),
    ((decimal.Decimal,), lambda value: (str(value),)),
    ((fractions.Fraction,), lambda value: (value.numerator, value.denominator) if AS_NUMBERS else (str(value),)),
    ((range, slice), lambda value: (value.start, value.stop, value.step)),
    ((pathlib.PosixPath, pathlib.PurePosixPath), lambda value: value.parts),
    ((ValueError, KeyError, RuntimeError), lambda value: value.args),
)
# Since Python 3.12 fractions are written as two numbers.
AS_NUMBERS = isinstance(fractions.Fraction(1, 2).__reduce__()[1][0], int)
PLAIN_TENSORS = (torch.Tensor, torch.nn.Parameter)
STORAGES = tuple(getattr(torch.storage, name) for name in ("TypedStorage", "UntypedStorage", "_TypedStorage", "_UntypedStorage") if hasattr(torch.storage, name))


def untyped(storage):
    whole = getattr(storage, "_untyped_storage", None)
    if whole is not None:
        return whole
    return storage.untyped() if hasattr(storage, "untyped") else storage


def elements(tensor):
    return f"{str(tensor.dtype)[6:]}:{tensor.contiguous().numpy().tobytes().hex()}"


def quantisation(tensor):
    """How the integers of a quantised tensor are to be read; empty for any other."""
    if not tensor.is_quantized:
        return ""
    if tensor.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
        return f":q{bits(tensor.q_scale())},{tensor.q_zero_point()}"
    return f":Q{tensor.q_per_channel_axis()},{elements(tensor.q_per_channel_scales())},{elements(tensor.q_per_channel_zero_points())}"


class Bare:
    """A tensor without its attributes or its class: something else than the object itself. `flags` stand on it besides its own."""

    def __init__(self, tensor, flags=0):
        self.tensor, self.flags = tensor, flags


class Literal(str):
    """A token that stands as it is."""


def numpy_dtype(dtype):
    names = {"b1": "bool", "i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64", "u1": "uint8", "u2": "uint16",
             "u4": "uint32", "u8": "uint64", "f2": "float16", "f4": "float32", "f8": "float64", "c8": "complex64",
             "c16": "complex128"}
    return names[dtype.str[1:]]


def dump(root):
    return Dumper().run(root)
