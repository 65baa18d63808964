"""The forms of training_state.json whose values hold no others: numbers, bytes, names. README.md has the table.

What JSON has is itself: null, true, numbers, strings. A real number always has a point or an exponent. Everything else is an
object whose first key begins with `$`.
"""
from __future__ import annotations

import base64
import math
import pathlib
import re
import struct
import uuid
from typing import Any, Callable, Dict

import numpy as np

from . import _known
from ._errors import MalformedError, UnsupportedError
from ._record import StreamBytes, SymbolName

#: What `form_of` gives for what holds others.
NOT_SIMPLE = object()

_EXACT = 1 << 53  # beyond it, JSON readers of other languages round
_SHORT = 1 << 4000  # beyond it, decimal text takes the square of its length to make
_MAX_DIGITS = 1300  # those of _SHORT, and some
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_TORCH_WORDS = ("dtype", "layout", "qscheme")


def _int(value: int) -> Any:
    if -_EXACT <= value <= _EXACT:
        return value
    return {"$int": str(value) if abs(value) < _SHORT else hex(value)}


def _float(value: float) -> Any:
    if math.isfinite(value):
        return value
    text = struct.pack(">d", value).hex() if math.isnan(value) else "inf" if value > 0 else "-inf"
    return {"$float": text}


def _itself(value: Any) -> Any:
    return value


def _base64(tag: str) -> Callable[[Any], Any]:
    return lambda value: {tag: base64.b64encode(value).decode("ascii")}


_BY_TYPE: Dict[type, Callable[[Any], Any]] = {
    type(None): _itself, bool: _itself, str: _itself, int: _int, float: _float,
    complex: lambda value: {"$complex": [_float(value.real), _float(value.imag)]},
    bytes: _base64("$bytes"), StreamBytes: _base64("$bytes"), bytearray: _base64("$bytearray"),
    SymbolName: lambda value: {"$symbol": str(value), "kind": value.kind, "module": value.module},
    uuid.UUID: lambda value: {"$uuid": str(value)},
}


def form_of(value: Any) -> Any:
    """The form of what has no identity, and nothing inside."""
    kind = type(value)
    found = _BY_TYPE.get(kind)
    if found is not None:
        return found(value)
    if isinstance(value, pathlib.PurePath):
        return {"$path": str(value), "class": kind.__name__}
    if isinstance(value, np.dtype):
        return {"$numpy_dtype": value.str}
    if isinstance(value, type) or kind.__module__ == "typing":
        return {"$symbol": f"{value.__module__}.{getattr(value, '__qualname__', None) or value._name}", "kind": "known", "module": value.__module__}
    return _torch_form(value, kind) if kind.__module__ == "torch" else NOT_SIMPLE


def _torch_form(value: Any, kind: type) -> Any:
    if kind.__name__ in _TORCH_WORDS:
        return {f"${kind.__name__}": str(value)[len("torch."):]}
    if kind.__name__ == "device":
        return {"$device": str(value)}
    return {"$size": list(value)} if kind.__name__ == "Size" else NOT_SIMPLE


def length(form: Any) -> int:
    """Letters of a form, or elements; of what is short anyway, none."""
    if type(form) is str:
        if _PAIR.search(form):  # JSON has two surrogates for one letter: it would be read as another text
            raise UnsupportedError("a text with a pair of surrogates has no form in JSON (UNSUPPORTED_FEATURE)", reason="UNSUPPORTED_FEATURE")
        return len(form)
    if type(form) is not dict:
        return 0
    return sum(length(part) if type(part) is str else len(part) for part in form.values() if type(part) in (str, list))


# And back. What does not fit is an error, of whichever kind: the reader's caller knows them.

def _read_int(value: Any) -> int:
    text = value["$int"]
    if "x" not in text and len(text) > _MAX_DIGITS:
        raise MalformedError("a decimal number of so many digits is not what convert writes", reason="NOT_A_CHECKPOINT")
    return int(text, 16 if "x" in text else 10)


def read_float(value: Any) -> Any:
    """A real, which may be no number."""
    if not isinstance(value, dict):
        return value
    text = value["$float"]
    return float(text) if text in ("inf", "-inf") else struct.unpack(">d", bytes.fromhex(text))[0]


def _read_symbol(value: Any) -> Any:
    module = value["module"]
    name = value["$symbol"][len(module) + 1:]
    found = _known.CLASSES.get((module, name)) if value["kind"] == "known" else None
    return found or SymbolName(module, name, value["kind"])


def _read_dtype(value: Any) -> Any:
    from ._torch import TorchMaker

    return TorchMaker.dtype(value[next(iter(value))])


def _read_layout(value: Any) -> Any:
    from ._torch import TorchMaker

    return TorchMaker.layout(value["$layout"])


def _read_device(value: Any) -> Any:
    import torch

    return torch.device(value["$device"])


def _read_size(value: Any) -> Any:
    import torch

    return torch.Size(value["$size"])


#: What reads each.
READ: Dict[str, Callable[[Any], Any]] = {
    "$int": _read_int, "$float": read_float, "$symbol": _read_symbol,
    "$complex": lambda value: complex(*map(read_float, value["$complex"])),
    "$bytes": lambda value: base64.b64decode(value["$bytes"], validate=True),
    "$bytearray": lambda value: bytearray(base64.b64decode(value["$bytearray"], validate=True)),
    "$uuid": lambda value: uuid.UUID(value["$uuid"]),
    "$path": lambda value: _known.PATHS[value["class"]](value["$path"]),
    "$numpy_dtype": lambda value: _known.numpy_dtype(value["$numpy_dtype"]),
    "$dtype": _read_dtype, "$qscheme": _read_dtype, "$layout": _read_layout, "$device": _read_device, "$size": _read_size,
}
