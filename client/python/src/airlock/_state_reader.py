"""Objects out of training_state.json. The document is anybody's: what it names is looked up in tables, never called or opened.

What is mutable is made empty, and filled when all else is there; what is immutable is made of its parts. So what is shared
comes out shared, and what holds itself holds itself.
"""
from __future__ import annotations

import argparse
import collections
import types
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

import numpy as np

from . import _keys, _known
from ._errors import LimitError, MalformedError, printable
from ._record import AttributeDict, Record, is_obeyed, set_attributes
from ._state_forms import READ
from ._state_writer import RECORD_PARTS


def _malformed(message: str) -> MalformedError:
    return MalformedError(f"training state {message}", reason="NOT_A_CHECKPOINT")


def attribute(name: Any) -> str:
    """A name that a namespace may have."""
    if not isinstance(name, str) or is_obeyed(name):
        raise _malformed(f"has an attribute that convert does not write: {printable(str(name))}")
    return name


def _definitions(document: Any) -> Dict[int, Any]:
    """What is shared, by its number, wherever in the document it stands."""
    found: Dict[int, Any] = {}
    stack = [document]
    while stack:
        value = stack.pop()
        if isinstance(value, dict) and next(iter(value), "") == "$shared":
            if value["$shared"] in found:
                raise _malformed("has two values of one number")
            found[value["$shared"]] = value["value"]
        stack += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return found


class Reader:
    """Gives the objects of one document back."""

    def __init__(self, document: Any, tensors: Dict[str, Any], weights: Dict[str, Any]) -> None:
        self.weights = weights
        self._tensors = tensors
        self._defined = _definitions(document)
        self._shared: Dict[int, Any] = {}
        self._open: Set[int] = set()
        self._made: Dict[Tuple[str, str], Any] = {}
        self._fills: List[Callable[[], None]] = []
        # Those that take what another fill has put there.
        self._last_fills: List[Callable[[], None]] = []
        self._hashing = _Hashing()

    def read(self, value: Any) -> Any:
        """One value of it."""
        made = self._value(value)
        while self._fills:
            self._fills.pop()()
        while self._last_fills:
            self._last_fills.pop()()
        return made

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return self._filled([], lambda made: made.extend(map(self._value, value)))
        if not isinstance(value, dict):
            return value
        tag = next(iter(value), "")
        if not tag.startswith("$"):
            return self._filled({}, lambda made: made.update((key, self._value(item)) for key, item in value.items()))
        if tag in ("$ref", "$shared"):
            return self._shared_value(value[tag])
        if tag in READ:
            return READ[tag](value)
        if tag in _EMPTY:
            return self._filled(_EMPTY[tag](value, self), lambda made: self._fill(tag, value, made))
        if tag not in _MADE:
            raise MalformedError(f"training state has no form {printable(tag)}", reason="UNSUPPORTED_FEATURE")
        return _MADE[tag](self, value)

    def _filled(self, made: Any, fill: Callable[[Any], None]) -> Any:
        self._fills.append(lambda: fill(made))
        return made

    def _shared_value(self, number: int) -> Any:
        if number not in self._shared:
            if number in self._open:
                raise _malformed("has an immutable value that holds itself")
            self._open.add(number)
            self._shared[number] = self._value(self._defined[number])
        return self._shared[number]

    def _fill(self, tag: str, value: Dict[str, Any], made: Any) -> None:
        """Fills a container that was made empty."""
        if tag == "$record":
            self._fill_record(value, made)
        elif tag == "$set":
            made.update(map(self._key, value[tag]))
        elif tag == "$deque":
            made.extend(map(self._value, value[tag]))
        elif tag == "$namespace":
            for name, item in value[tag]:
                vars(made)[attribute(name)] = self._value(item)
        else:
            for key, item in value[tag]:
                made[self._key(key)] = self._value(item)
        if "attributes" in value:
            attributes = self._value(value["attributes"])
            self._last_fills.append(lambda: set_attributes(made, attributes))

    def _fill_record(self, value: Dict[str, Any], made: Record) -> None:
        made.record_callee = self._value(value["$record"])
        made.record_new, made.record_states = value["new"], value["states"]
        for part in RECORD_PARTS:
            if part in value:
                setattr(made, f"record_{part}", self._value(value[part]))

    def _key(self, value: Any) -> Any:
        """A value that is going to be hashed."""
        made = self._value(value)
        self._hashing.use(made)
        return made

    def make_tuple(self, value: Any) -> Any:
        """An immutable sequence."""
        return self._hashing.weighed(tuple(map(self._value, value["$tuple"])))

    def make_frozen_set(self, value: Any) -> Any:
        """An immutable set."""
        return self._hashing.weighed(frozenset(map(self._key, value["$frozenset"])))

    def make_object(self, value: Any) -> Any:
        """A date, a range and their like."""
        module, _, name = value["$object"].rpartition(".")
        kwargs = {"fold": 1} if "fold" in value else {}
        return _known.VALUES[module, name](tuple(map(self._value, value["args"])), kwargs)

    def make_scalar(self, value: Any) -> Any:
        """A scalar of numpy."""
        dtype, number = _known.numpy_dtype(value["$scalar"]), self._value(value["value"])
        # Of a number, a type of bytes makes so many of them.
        if type(number) not in _SCALARS.get(dtype.kind, ()):
            raise _malformed(f"has a scalar that convert does not write: {printable(value['$scalar'])}")
        return dtype.type(number)

    # Tensors

    def _once(self, tag: str, name: str, make: Callable[[Any], Any]) -> Any:
        if (tag, name) not in self._made:
            self._made[tag, name] = make(self._tensors[name])
        return self._made[tag, name]

    @staticmethod
    def flagged(tensor: Any, flags: Any) -> Any:
        """The tensor, with what safetensors cannot say of it."""
        import torch

        if flags.get("parameter"):
            return torch.nn.Parameter(tensor, requires_grad=flags.get("requires_grad", False))
        return tensor.requires_grad_() if flags.get("requires_grad") else tensor

    def make_array(self, value: Any) -> Any:
        """An array of numpy."""
        return self._once("$ndarray", value["$ndarray"], np.asarray)

    def make_tensor(self, value: Any) -> Any:
        """A tensor as it stands in the file."""
        return self._once("$tensor", value["$tensor"], lambda tensor: self.flagged(tensor, value))

    def make_complex_tensor(self, value: Any) -> Any:
        """A tensor of complex numbers, out of one of pairs."""
        import torch

        return self._once("$complex_tensor", value["$complex_tensor"], lambda tensor: self.flagged(torch.view_as_complex(tensor), value))

    def make_sparse_coo(self, value: Any) -> Any:
        """A sparse tensor, out of its parts."""
        from ._torch import TorchMaker
        from .v1 import graph_pb2

        bits = graph_pb2.SPARSE_BIT_COO | (graph_pb2.SPARSE_BIT_COALESCED if value["coalesced"] else 0)
        parts = value["$sparse_coo"]

        def make(indices: Any) -> Any:
            made = TorchMaker().sparse(bits, indices, None, self._tensors[parts["values"]], tuple(value["size"]))
            return self.flagged(made, value)

        return self._once("$sparse_coo", parts["indices"], make)


# What stands for a scalar of numpy, by the letter of its type.
_SCALARS: Dict[str, Tuple[type, ...]] = {**{kind: (bool, int, float, complex) for kind in "biufcmM"}, "S": (bytes,), "V": (bytes,), "U": (str,)}


class _Hashing:
    """What it costs to hash a tuple or a long number, through and through and each time: see _keys."""

    def __init__(self) -> None:
        self._costs: Dict[int, Tuple[int, int]] = {}  # parts, and levels
        self._kept: List[Any] = []
        self._left = _keys.MAX_PARTS

    def _cost(self, item: Any) -> Tuple[int, int]:
        return (1 + item.bit_length() // _keys.DIGIT_BITS, 0) if type(item) is int else self._costs.get(id(item), (1, 0))

    def weighed(self, made: Any) -> Any:
        """The tuple or frozenset, whose cost is known now."""
        costs = [self._cost(item) for item in made]
        parts = 1 + sum(parts for parts, _ in costs)
        self._costs[id(made)] = min(parts, _keys.MAX_PARTS + 1), 1 + max((levels for _, levels in costs), default=0)
        self._kept.append(made)
        return made

    def use(self, made: Any) -> None:
        """It is hashed once."""
        parts, levels = self._cost(made)
        self._left -= parts
        if self._left < 0 or levels > _keys.MAX_DEPTH:
            raise LimitError("keys of the training state are more to hash than any that a program makes (LIMIT_EXCEEDED)", reason="LIMIT_EXCEEDED")


def _namespace(value: Any, _: Optional[Reader]) -> Any:
    return types.SimpleNamespace() if value["class"].startswith("types.") else argparse.Namespace()


def _default_dict(value: Any, reader: Reader) -> Any:
    return _known.SHELLS["collections", "defaultdict"].make((reader._value(value["factory"]),))


# Made empty, then filled.
_EMPTY: Dict[str, Callable[[Any, Reader], Any]] = {
    "$dict": lambda value, reader: {},
    "$ordered_dict": lambda value, reader: collections.OrderedDict(),
    "$defaultdict": _default_dict,
    "$counter": lambda value, reader: collections.Counter(),
    "$deque": lambda value, reader: collections.deque(maxlen=value["maxlen"]),
    "$set": lambda value, reader: set(),
    "$attribute_dict": lambda value, reader: AttributeDict(value["class"]),
    "$namespace": _namespace,
    "$record": lambda value, reader: Record(),
}

# Made in one step, of what they hold.
_MADE: Dict[str, Callable[[Reader, Any], Any]] = {
    "$weights": lambda reader, value: reader.weights[value["$weights"]],
    "$tuple": Reader.make_tuple, "$frozenset": Reader.make_frozen_set, "$object": Reader.make_object, "$scalar": Reader.make_scalar,
    "$ndarray": Reader.make_array, "$tensor": Reader.make_tensor, "$complex_tensor": Reader.make_complex_tensor,
    "$sparse_coo": Reader.make_sparse_coo,
}
