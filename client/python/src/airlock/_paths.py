"""Paths of objects in a checkpoint, as `inspect` has them: parts joined by dots. A chain until somebody asks: text grows with each level."""
from __future__ import annotations

from typing import Any, List, Optional, Tuple

#: The path of what holds it, and its own part; None is the root.
Path = Optional[Tuple[Any, str]]

_WORDS = (bool, float, type(None))
_TORCH_WORDS = ("dtype", "layout", "device")
_LONG = 64  # bits; a longer integer has no name


def key_text(key: Any) -> str:
    """What a key is called in a path. Text and numbers are themselves; what could be long or hold other things has only its kind's name."""
    kind = type(key)
    if kind is str:
        return str(key)
    if kind is int:
        return str(key) if key.bit_length() < _LONG else "<BIG_INT>"
    if kind in _WORDS or (kind.__module__ == "torch" and kind.__name__ in _TORCH_WORDS):
        return str(key)
    return f"<{kind.__name__.upper()}>"


def join(path: Path) -> str:
    """The path as text."""
    parts: List[str] = []
    while path is not None:
        path, part = path
        parts.append(part)
    return ".".join(reversed(parts))


def length(path: Path) -> int:
    """How long its text is."""
    total = -1
    while path is not None:
        path, part = path
        total += 1 + len(part)
    return max(total, 0)
