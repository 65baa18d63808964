"""Training state as JSON beside a safetensors file: typed and lossless, for people, for other languages, and to be read back.

What JSON has is itself: null, true, numbers, strings, lists, and dicts whose keys are strings that do not begin with `$`. A real number always
has a point or an exponent. Everything else is an object whose first key begins with `$` (README.md has the table).
"""
from __future__ import annotations

import argparse
import base64
import collections
import datetime
import decimal
import fractions
import json
import math
import pathlib
import struct
import types
import uuid
from typing import Any, Callable, Dict, List, Tuple

import numpy as np

from . import _known, _safetensors
from ._errors import LimitError, MalformedError, UnsupportedError, printable
from ._record import AttributeDict, Record, StreamBytes, SymbolName

SCHEMA_VERSION = 1
_EXACT = 1 << 53  # beyond it, JSON readers of other languages round
_RECORD_PARTS = ("args", "kwargs", "state", "items", "pairs")

# Made from arguments, in the forms of _known.
_ARGUMENTS: Dict[type, Callable[[Any], Tuple[Any, ...]]] = {
    datetime.timedelta: lambda it: (it.days, it.seconds, it.microseconds),
    datetime.date: lambda it: (it.year, it.month, it.day),
    datetime.datetime: lambda it: (it.year, it.month, it.day, it.hour, it.minute, it.second, it.microsecond, *([it.tzinfo] if it.tzinfo else [])),
    datetime.time: lambda it: (it.hour, it.minute, it.second, it.microsecond, *([it.tzinfo] if it.tzinfo else [])),
    datetime.timezone: lambda it: it.__getinitargs__(),
    decimal.Decimal: lambda it: (str(it),),
    fractions.Fraction: lambda it: (it.numerator, it.denominator),
    range: lambda it: (it.start, it.stop, it.step),
    slice: lambda it: (it.start, it.stop, it.step),
}


class Writer:
    """Turns objects into what JSON has. Tensors go to a table, under the path at which they are met first."""

    def __init__(self) -> None:
        self.tensors: Dict[str, Any] = {}
        self._names: Dict[int, str] = {}
        self._numbers: Dict[int, int] = {}
        self._kept: List[Any] = []
        self._replaced: Dict[int, str] = {}
        self._shared: Dict[int, bool] = {}

    def replace(self, value: Any, file: str) -> None:
        """What stands in a file of its own."""
        self._replaced[id(value)] = file

    def write(self, root: Any) -> Any:
        """The object."""
        try:
            self._count(root)
            return self._value(root, "")
        except RecursionError:
            raise LimitError("the training state is nested too deeply for JSON", reason="LIMIT_EXCEEDED") from None

    def _count(self, root: Any) -> None:
        """Finds the containers that are met more than once."""
        stack = [root]
        while stack:
            value = stack.pop()
            if isinstance(value, (str, bytes, int, float, type(None))) or id(value) in self._replaced:
                continue
            if isinstance(value, (dict, list, set, collections.deque, Record, argparse.Namespace, types.SimpleNamespace)):
                if id(value) in self._shared:
                    self._shared[id(value)] = True
                    continue
                self._shared[id(value)] = False
                self._kept.append(value)
            stack += _children(value)

    def _value(self, value: Any, path: str) -> Any:
        simple = _simple(value)
        if simple is not _NOT_SIMPLE:
            return simple
        if id(value) in self._replaced:
            return {"$weights": self._replaced[id(value)]}
        if id(value) in self._numbers:
            return {"$ref": self._numbers[id(value)]}
        if self._shared.get(id(value)):
            self._numbers[id(value)] = len(self._numbers)
            return {"$shared": self._numbers[id(value)], "value": self._container(value, path)}
        return self._container(value, path)

    def _items(self, values: Any, path: str) -> List[Any]:
        return [self._value(item, f"{path}.{at}" if path else str(at)) for at, item in enumerate(values)]

    def _pairs(self, mapping: Any, path: str) -> List[Any]:
        return [[self._value(key, path), self._value(item, f"{path}.{key}" if path else str(key))] for key, item in mapping.items()]

    def _container(self, value: Any, path: str) -> Any:
        kind = type(value)
        if kind is dict and all(type(key) is str and not key.startswith("$") for key in value):
            return {key: self._value(item, f"{path}.{key}" if path else key) for key, item in value.items()}
        if kind is list:
            return self._items(value, path)
        for cls, tag in ((tuple, "$tuple"), (set, "$set"), (frozenset, "$frozenset")):
            if kind is cls:
                return {tag: self._items(value, path)}
        if kind is dict:
            return {"$dict": self._pairs(value, path)}
        if kind is collections.OrderedDict:
            attributes = {"attributes": self._value(vars(value), f"{path}#")} if vars(value) else {}
            return {"$ordered_dict": self._pairs(value, path), **attributes}
        if kind is collections.defaultdict:
            return {"$defaultdict": self._pairs(value, path), "factory": self._value(value.default_factory, path)}
        if kind is collections.Counter:
            return {"$counter": self._pairs(value, path)}
        if kind is collections.deque:
            return {"$deque": self._items(value, path), "maxlen": value.maxlen}
        if isinstance(value, AttributeDict):
            return {"$attribute_dict": self._pairs(value, path), "class": value.record_class}
        if kind in (argparse.Namespace, types.SimpleNamespace):
            return {"$namespace": self._pairs(vars(value), path), "class": f"{kind.__module__}.{kind.__name__}"}
        if isinstance(value, Record):
            return self._record(value, path)
        return self._special(value, path)

    def _record(self, value: Record, path: str) -> Any:
        made: Dict[str, Any] = {"$record": self._value(value.record_callee, path), "new": value.record_new, "states": value.record_states}
        for part in _RECORD_PARTS:
            held = getattr(value, f"record_{part}")
            if held is not None:
                made[part] = self._value(held, path)
        return made

    def _special(self, value: Any, path: str) -> Any:
        if type(value) in _ARGUMENTS:
            fold = {"fold": 1} if getattr(value, "fold", 0) else {}
            return {"$object": f"{type(value).__module__}.{type(value).__name__}", "args": self._items(_ARGUMENTS[type(value)](value), path), **fold}
        if isinstance(value, np.ndarray):
            return {"$ndarray": self._tensor(value, path)}
        if isinstance(value, np.generic):
            return {"$scalar": value.dtype.str, "value": self._value(value.item(), path)}
        if hasattr(value, "layout") and hasattr(value, "untyped_storage" if hasattr(value, "untyped_storage") else "storage"):
            return self._torch_tensor(value, path)
        raise UnsupportedError(f"training state of the type {type(value).__name__} at {printable(path)} has no form in JSON",
                               reason="UNSUPPORTED_FEATURE")

    def _torch_tensor(self, value: Any, path: str) -> Any:
        import torch

        facts = (("requires_grad", value.requires_grad), ("parameter", isinstance(value, torch.nn.Parameter)))
        flags = {name: True for name, is_set in facts if is_set}
        plain = value.detach()
        if str(value.layout) == "torch.sparse_coo":
            parts = {"indices": self._tensor(plain._indices(), f"{path}#indices"), "values": self._tensor(plain._values(), f"{path}#values")}
            return {"$sparse_coo": parts, "size": list(value.shape), "coalesced": value.is_coalesced(), **flags}
        if plain.is_complex():
            return {"$complex_tensor": self._tensor(torch.view_as_real(plain.resolve_conj().resolve_neg()), path), **flags}
        return {"$tensor": self._tensor(value, path), **flags}

    def _tensor(self, value: Any, path: str) -> str:
        if id(value) not in self._names:
            if not _safetensors.can_hold(value):
                raise UnsupportedError(f"safetensors cannot hold {printable(path)}: {_safetensors.dtype_name(value)}", reason="UNSUPPORTED_FEATURE")
            name = path or "value"
            while name in self.tensors:
                name += "'"
            self.tensors[name] = value
            self._names[id(value)] = name
            self._kept.append(value)
        return self._names[id(value)]


_NOT_SIMPLE = object()


def _simple(value: Any) -> Any:
    """What has no identity, and no tensors inside."""
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if -_EXACT <= value <= _EXACT else {"$int": str(value) if abs(value) < 1 << 4000 else hex(value)}
    if kind is float:
        return value if math.isfinite(value) else {"$float": "inf" if value == math.inf else "-inf" if value == -math.inf else _bits(value)}
    if kind is complex:
        return {"$complex": [_simple(value.real), _simple(value.imag)]}
    if kind in (bytes, bytearray, StreamBytes):
        return {"$bytearray" if kind is bytearray else "$bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, SymbolName):
        return {"$symbol": str(value), "kind": value.kind, "module": value.module}
    if isinstance(value, uuid.UUID):
        return {"$uuid": str(value)}
    if isinstance(value, pathlib.PurePath):
        return {"$path": str(value), "class": type(value).__name__}
    if isinstance(value, np.dtype):
        return {"$numpy_dtype": value.str}
    if isinstance(value, type) or kind.__module__ == "typing":
        return {"$symbol": f"{value.__module__}.{getattr(value, '__qualname__', None) or value._name}", "kind": "known", "module": value.__module__}
    if kind.__module__ == "torch" and kind.__name__ in ("dtype", "layout", "qscheme"):
        return {f"${kind.__name__}": str(value)[len("torch."):]}
    if kind.__module__ == "torch" and kind.__name__ == "device":
        return {"$device": str(value)}
    if kind.__module__ == "torch" and kind.__name__ == "Size":
        return {"$size": list(value)}
    return _NOT_SIMPLE


def _bits(value: float) -> str:
    return struct.pack(">d", value).hex()


def _children(value: Any) -> List[Any]:
    if isinstance(value, dict):
        attributes = list(vars(value).values()) if isinstance(value, collections.OrderedDict) else []
        return [*value, *value.values(), *attributes]
    if isinstance(value, (list, tuple, set, frozenset, collections.deque)):
        return list(value)
    if isinstance(value, Record):
        return [getattr(value, f"record_{part}") for part in _RECORD_PARTS]
    if isinstance(value, (argparse.Namespace, types.SimpleNamespace)):
        return list(vars(value).values())
    return []


class Reader:
    """Gives the objects back."""

    def __init__(self, tensors: Dict[str, Any], weights: Dict[str, Any]) -> None:
        self._tensors = tensors
        self._weights = weights
        self._shared: Dict[int, Any] = {}
        self._made: Dict[Tuple[str, str], Any] = {}

    def read(self, value: Any) -> Any:
        """One value."""
        if isinstance(value, list):
            return [self.read(item) for item in value]
        if not isinstance(value, dict):
            return value
        tag = next(iter(value), "")
        if not tag.startswith("$"):
            return self._fill(value, {})
        if tag == "$ref":
            return self._shared[value["$ref"]]
        if tag == "$shared":
            return self._begin(value["value"], value["$shared"])
        return self._tagged(tag, value)

    def _begin(self, value: Any, number: int) -> Any:
        """A container that refers to itself, or is referred to: it is there before what it holds."""
        if isinstance(value, list):
            made: Any = []
            self._shared[number] = made
            made.extend(self.read(item) for item in value)
            return made
        tag = next(iter(value), "")
        empty = _EMPTY.get(tag)
        if tag.startswith("$") and empty is None:
            made = self._tagged(tag, value)
            self._shared[number] = made
            return made
        made = self._shared[number] = {} if empty is None else empty(value, self)
        if empty is None:
            return self._fill(value, made)
        return self._contents(tag, value, made)

    def _fill(self, value: Dict[str, Any], made: Dict[str, Any]) -> Dict[str, Any]:
        for key, item in value.items():
            made[key] = self.read(item)
        return made

    def _tagged(self, tag: str, value: Dict[str, Any]) -> Any:
        if tag in _EMPTY:
            return self._contents(tag, value, _EMPTY[tag](value, self))
        method = getattr(self, f"_read_{tag[1:]}", None)
        if method is None:
            raise MalformedError(f"training state has no form {printable(tag)}", reason="UNSUPPORTED_FEATURE")
        return method(value)

    def _contents(self, tag: str, value: Dict[str, Any], made: Any) -> Any:
        """Fills a container that was made empty."""
        if tag in ("$set", "$deque"):
            (made.update if tag == "$set" else made.extend)([self.read(item) for item in value[tag]])
            return made
        if tag == "$record":
            made.record_callee = self.read(value["$record"])
            made.record_new, made.record_states = value["new"], value["states"]
            for part in _RECORD_PARTS:
                if part in value:
                    setattr(made, f"record_{part}", self.read(value[part]))
            return made
        target = vars(made) if tag == "$namespace" else made
        for key, item in value[tag]:
            target[self.read(key)] = self.read(item)
        if "attributes" in value:
            vars(made).update(self.read(value["attributes"]))
        return made

    def _read_weights(self, value: Any) -> Any:
        return self._weights[value["$weights"]]

    def _read_tuple(self, value: Any) -> Any:
        return tuple(self.read(item) for item in value["$tuple"])

    def _read_frozenset(self, value: Any) -> Any:
        return frozenset(self.read(item) for item in value["$frozenset"])

    def _read_int(self, value: Any) -> Any:
        text = value["$int"]
        return int(text, 16 if "x" in text else 10)

    def _read_float(self, value: Any) -> Any:
        text = value["$float"]
        return float(text) if "inf" in text else struct.unpack(">d", bytes.fromhex(text))[0]

    def _read_complex(self, value: Any) -> Any:
        return complex(*(self.read(part) for part in value["$complex"]))

    def _read_bytes(self, value: Any) -> Any:
        return base64.b64decode(value["$bytes"], validate=True)

    def _read_bytearray(self, value: Any) -> Any:
        return bytearray(base64.b64decode(value["$bytearray"], validate=True))

    def _read_symbol(self, value: Any) -> Any:
        module = value["module"]
        name = value["$symbol"][len(module) + 1:]
        found = _known.CLASSES.get((module, name)) if value["kind"] == "known" else None
        return found or SymbolName(module, name, value["kind"])

    def _read_uuid(self, value: Any) -> Any:
        return uuid.UUID(value["$uuid"])

    def _read_path(self, value: Any) -> Any:
        return _known.PATHS[value["class"]](value["$path"])

    def _read_numpy_dtype(self, value: Any) -> Any:
        return _known.numpy_dtype(value["$numpy_dtype"])

    def _read_scalar(self, value: Any) -> Any:
        return _known.numpy_dtype(value["$scalar"]).type(self.read(value["value"]))

    def _read_ndarray(self, value: Any) -> Any:
        return self._once("$ndarray", value["$ndarray"], np.asarray)

    def _read_object(self, value: Any) -> Any:
        module, _, name = value["$object"].rpartition(".")
        kwargs = {"fold": 1} if "fold" in value else {}
        return _known.VALUES[module, name](tuple(self.read(item) for item in value["args"]), kwargs)

    def _read_dtype(self, value: Any) -> Any:
        from ._torch import TorchMaker

        return TorchMaker.dtype(value[next(iter(value))])

    _read_qscheme = _read_dtype

    def _read_layout(self, value: Any) -> Any:
        from ._torch import TorchMaker

        return TorchMaker.layout(value["$layout"])

    def _read_device(self, value: Any) -> Any:
        import torch

        return torch.device(value["$device"])

    def _read_size(self, value: Any) -> Any:
        import torch

        return torch.Size(value["$size"])

    def _once(self, tag: str, name: str, make: Callable[[Any], Any]) -> Any:
        if (tag, name) not in self._made:
            self._made[tag, name] = make(self._tensors[name])
        return self._made[tag, name]

    def _flagged(self, tensor: Any, value: Any) -> Any:
        import torch

        if value.get("parameter"):
            return torch.nn.Parameter(tensor, requires_grad=value.get("requires_grad", False))
        return tensor.requires_grad_() if value.get("requires_grad") else tensor

    def _read_tensor(self, value: Any) -> Any:
        return self._once("$tensor", value["$tensor"], lambda tensor: self._flagged(tensor, value))

    def _read_complex_tensor(self, value: Any) -> Any:
        import torch

        return self._once("$complex_tensor", value["$complex_tensor"], lambda tensor: self._flagged(torch.view_as_complex(tensor), value))

    def _read_sparse_coo(self, value: Any) -> Any:
        from ._torch import TorchMaker
        from .v1 import graph_pb2

        bits = graph_pb2.SPARSE_BIT_COO | (graph_pb2.SPARSE_BIT_COALESCED if value["coalesced"] else 0)
        indices, values = (self._tensors[value["$sparse_coo"][part]] for part in ("indices", "values"))
        return self._flagged(TorchMaker().sparse(bits, indices, None, values, tuple(value["size"])), value)


# Containers that can hold themselves: made empty, then filled.
_EMPTY: Dict[str, Callable[[Any, Reader], Any]] = {
    "$dict": lambda value, reader: {},
    "$ordered_dict": lambda value, reader: collections.OrderedDict(),
    "$defaultdict": lambda value, reader: _known.SHELLS["collections", "defaultdict"].make((reader.read(value["factory"]),)),
    "$counter": lambda value, reader: collections.Counter(),
    "$deque": lambda value, reader: collections.deque(maxlen=value["maxlen"]),
    "$set": lambda value, reader: set(),
    "$attribute_dict": lambda value, reader: AttributeDict(value["class"]),
    "$namespace": lambda value, reader: types.SimpleNamespace() if value["class"].startswith("types.") else argparse.Namespace(),
    "$record": lambda value, reader: Record(),
}


def dumps(value: Any) -> bytes:
    """JSON, indented by one: diffs of two states are readable."""
    return (json.dumps(value, indent=1, ensure_ascii=True, allow_nan=False) + "\n").encode("ascii")
