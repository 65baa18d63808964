"""Training state as JSON beside a safetensors file: typed and lossless, for people, for other languages, and to be read back."""
from __future__ import annotations

import argparse
import collections
import datetime
import decimal
import fractions
import json
import types
from typing import Any, Callable, Dict, List, Set, Tuple

import numpy as np

from . import _safetensors
from ._errors import LimitError, UnsupportedError, printable
from ._paths import Path, join, key_text, length
from ._record import AttributeDict, Record
from ._state_forms import NOT_SIMPLE, form_of
from ._state_forms import length as form_length

SCHEMA_VERSION = 1
RECORD_PARTS = ("args", "kwargs", "state", "items", "pairs")
# Letters of all strings together, as often as they are written, and names of tensors: one string of a file can stand in a million places.
_MAX_TEXT = 256 << 20

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
_NAMESPACES = (argparse.Namespace, types.SimpleNamespace)
_SEQUENCES: Dict[type, str] = {tuple: "$tuple", set: "$set", frozenset: "$frozenset"}
_MAPPINGS: Dict[type, str] = {dict: "$dict", collections.Counter: "$counter"}
_HOLDERS = (dict, list, tuple, set, frozenset, collections.deque, Record, *_NAMESPACES)


def _children(value: Any) -> List[Any]:
    if isinstance(value, dict):
        attributes = list(vars(value).values()) if isinstance(value, collections.OrderedDict) else []
        return [*value, *value.values(), *attributes]
    if isinstance(value, Record):
        return [value.record_callee, *(getattr(value, f"record_{part}") for part in RECORD_PARTS)]
    return list(vars(value).values()) if isinstance(value, _NAMESPACES) else list(value)


class Writer:
    """Turns objects into what JSON has. Tensors go to a table, under the path at which they are met first."""

    def __init__(self) -> None:
        self.tensors: Dict[str, Any] = {}
        self._tensor_forms: Dict[int, Dict[str, Any]] = {}
        self._next_name: Dict[str, int] = {}
        self._replaced: Dict[int, str] = {}
        self._seen: Set[int] = set()
        self._shared: Set[int] = set()
        self._numbers: Dict[int, int] = {}
        self._kept: List[Any] = []
        self._text_left = _MAX_TEXT
        self._depth = 0

    def replace(self, value: Any, file: str) -> None:
        """What stands in a file of its own."""
        self._replaced[id(value)] = file

    def write(self, roots: List[Any]) -> List[Any]:
        """The objects, which may share others."""
        self._count(roots)
        try:
            return [self._value(root, None) for root in roots]
        except RecursionError:
            raise LimitError("the training state is nested too deeply for JSON (LIMIT_EXCEEDED)", reason="LIMIT_EXCEEDED") from None

    def _count(self, roots: List[Any]) -> None:
        """Finds what is met more than once. Tuples too: a pair of one pair twice, sixty levels deep, would be 2^60 values."""
        self._kept.append(roots)
        stack = list(roots)
        while stack:
            value = stack.pop()
            if not isinstance(value, _HOLDERS) or id(value) in self._replaced or not _has_identity(value):
                continue
            if id(value) in self._seen:
                self._shared.add(id(value))
                continue
            self._seen.add(id(value))
            stack += _children(value)

    def _use(self, letters: int) -> None:
        self._text_left -= letters
        if self._text_left < 0:
            raise LimitError(f"the training state has more than {_MAX_TEXT} letters of text (LIMIT_EXCEEDED)", reason="LIMIT_EXCEEDED")

    def _value(self, value: Any, path: Path) -> Any:
        form = form_of(value)
        self._use(self._depth)  # every line is indented, so depth is text as well
        if form is not NOT_SIMPLE:
            self._use(form_length(form))
            return form
        if id(value) in self._replaced:
            return {"$weights": self._replaced[id(value)]}
        if id(value) in self._numbers:
            return {"$ref": self._numbers[id(value)]}
        if id(value) not in self._shared:
            return self._nested(value, path)
        number = self._numbers[id(value)] = len(self._numbers)
        return {"$shared": number, "value": self._nested(value, path)}

    def _nested(self, value: Any, path: Path) -> Any:
        self._depth += 1
        made = self._container(value, path)
        self._depth -= 1
        return made

    def _items(self, values: Any, path: Path) -> List[Any]:
        return [self._value(item, (path, str(at))) for at, item in enumerate(values)]

    def _pairs(self, mapping: Any, path: Path) -> List[Any]:
        return [[self._value(key, path), self._value(item, (path, key_text(key)))] for key, item in mapping.items()]

    def _object(self, mapping: Dict[str, Any], path: Path) -> Dict[str, Any]:
        self._use(sum(map(form_length, mapping)))
        return {key: self._value(item, (path, key)) for key, item in mapping.items()}

    def _container(self, value: Any, path: Path) -> Any:
        kind = type(value)
        if kind is dict and all(type(key) is str and not key.startswith("$") for key in value):
            return self._object(value, path)
        if kind is list:
            return self._items(value, path)
        if kind in _SEQUENCES:
            return {_SEQUENCES[kind]: self._items(value, path)}
        if kind in _MAPPINGS:
            return {_MAPPINGS[kind]: self._pairs(value, path)}
        return self._other_container(value, kind, path)

    def _other_container(self, value: Any, kind: type, path: Path) -> Any:
        if kind is collections.OrderedDict:
            attributes = {"attributes": self._value(vars(value), (path, "#"))} if vars(value) else {}
            return {"$ordered_dict": self._pairs(value, path), **attributes}
        if kind is collections.defaultdict:
            return {"$defaultdict": self._pairs(value, path), "factory": self._value(value.default_factory, path)}
        if kind is collections.deque:
            return {"$deque": self._items(value, path), "maxlen": value.maxlen}
        if isinstance(value, AttributeDict):
            return {"$attribute_dict": self._pairs(value, path), "class": value.record_class}
        if kind in _NAMESPACES:
            return {"$namespace": self._pairs(vars(value), path), "class": f"{kind.__module__}.{kind.__name__}"}
        return self._record(value, path) if isinstance(value, Record) else self._special(value, path)

    def _record(self, value: Record, path: Path) -> Any:
        made: Dict[str, Any] = {"$record": self._value(value.record_callee, path), "new": value.record_new, "states": value.record_states}
        for part in RECORD_PARTS:
            held = getattr(value, f"record_{part}")
            if held is not None:
                made[part] = self._value(held, path)
        return made

    def _special(self, value: Any, path: Path) -> Any:
        if type(value) in _ARGUMENTS:
            fold = {"fold": 1} if getattr(value, "fold", 0) else {}
            return {"$object": f"{type(value).__module__}.{type(value).__name__}", "args": self._items(_ARGUMENTS[type(value)](value), path), **fold}
        if isinstance(value, np.generic):
            return {"$scalar": value.dtype.str, "value": self._value(value.item(), path)}
        if isinstance(value, np.ndarray) or _is_torch_tensor(value):
            return self._tensor_once(value, path)
        raise UnsupportedError(f"training state of the type {type(value).__name__} at {printable(join(path))} has no form in JSON",
                               reason="UNSUPPORTED_FEATURE")

    # Tensors

    def _tensor_once(self, value: Any, path: Path) -> Dict[str, Any]:
        """The form of a tensor: the same one wherever it is met."""
        if id(value) not in self._tensor_forms:
            made = {"$ndarray": self._tensor(value, path)} if isinstance(value, np.ndarray) else self._torch_tensor(value, path)
            self._tensor_forms[id(value)] = made
            self._kept.append(value)
        form = self._tensor_forms[id(value)]
        self._use(form_length(form))
        return form

    def _torch_tensor(self, value: Any, path: Path) -> Dict[str, Any]:
        import torch

        facts = (("requires_grad", value.requires_grad), ("parameter", isinstance(value, torch.nn.Parameter)))
        flags = {name: True for name, is_set in facts if is_set}
        plain = value.detach()
        if str(value.layout) == "torch.sparse_coo":
            parts = {name: self._tensor(part, path, f"#{name}") for name, part in (("indices", plain._indices()), ("values", plain._values()))}
            return {"$sparse_coo": parts, "size": list(value.shape), "coalesced": value.is_coalesced(), **flags}
        if plain.is_complex():
            return {"$complex_tensor": self._tensor(torch.view_as_real(plain.resolve_conj().resolve_neg()), path), **flags}
        return {"$tensor": self._tensor(value, path), **flags}

    def _tensor(self, value: Any, path: Path, part: str = "") -> str:
        self._use(length(path))
        name = f"{join(path)}{part}" or "value"
        _safetensors.check_kind(name, value)
        name = self._free_name(name)
        self.tensors[name] = value
        return name

    def _free_name(self, name: str) -> str:
        """The name, or with a number where others have it: two keys can have one path."""
        found = name
        while found in self.tensors:
            self._next_name[name] = self._next_name.get(name, 1) + 1
            found = f"{name}'{self._next_name[name]}"
        return found


def _has_identity(value: Any) -> bool:
    """Whether it matters which one it is: Python itself has but one empty tuple."""
    return type(value) not in (tuple, frozenset) or bool(value)


def _is_torch_tensor(value: Any) -> bool:
    return hasattr(type(value), "layout") and hasattr(type(value), "storage")


def dumps(value: Any) -> bytes:
    """JSON, indented by one: diffs of two states are readable."""
    return (json.dumps(value, indent=1, ensure_ascii=True, allow_nan=False) + "\n").encode("ascii")
