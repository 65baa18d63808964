"""patch(): every torch.load of the process goes through Airlock.

The function object stays, and gets other code: so a `from torch import load` of long ago, torch.hub, torch.storage and
functools.partial all reach Airlock, whoever holds the function and under whichever name.
"""
from __future__ import annotations

import contextlib
import os
import sys
import threading
import types
import warnings
from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple, Union

from . import _load
from ._errors import printable

__all__ = ["UnknownTypesWarning", "UnsafeLoadWarning", "patch"]

_TRUE = ("1", "y", "yes", "true")


class UnsafeLoadWarning(UserWarning):
    """A program asked for weights_only=False, and got a load that runs nothing all the same."""


class UnknownTypesWarning(UserWarning):
    """A file holds objects of unknown types: the program gets inert records in their place."""


class _Settings:
    """What a patch was asked for."""

    def __init__(self, unknown: str, trusted: Tuple[Union[str, type], ...], inert: bool, options: Dict[str, Any]) -> None:
        self.unknown = unknown
        self.trusted = trusted
        self.inert = inert
        self.options = options
        self.warned: Set[Tuple[type, str, int]] = set()


_lock = threading.RLock()
_active: List[_Settings] = []
_original: Optional[types.FunctionType] = None
_kept: Tuple[Any, ...] = ()


# The code that torch.load gets. It runs with torch.serialization's globals: all that it needs, it imports.
def _load_through_airlock(f: Any, map_location: Any = None, pickle_module: Any = None, **more: Any) -> Any:
    from airlock._patch import _entry

    return _entry(f, map_location, pickle_module, more)


def _flag(name: str) -> bool:
    return os.environ.get(name, "0").lower() in _TRUE


def _call_site() -> Tuple[str, int]:
    """Who called torch.load: the first frame above that is none of ours."""
    frame: Optional[types.FrameType] = sys._getframe(1)
    while frame is not None and (frame.f_code is _load_through_airlock.__code__ or frame.f_globals.get("__name__") == __name__):
        frame = frame.f_back
    return ("<unknown>", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)


def _warn_once(settings: _Settings, text: str, category: type[Warning]) -> None:
    site = _call_site()
    if (category, *site) not in settings.warned:
        settings.warned.add((category, *site))
        warnings.warn_explicit(text.format(site=f"{site[0]}:{site[1]}"), category, site[0], site[1])


def _weights_only(settings: _Settings, given: Optional[bool], pickle_module: Any) -> bool:
    """Whether unknown types are an error for this call; as torch decides, in the safe direction."""
    force, force_not = _flag("TORCH_FORCE_WEIGHTS_ONLY_LOAD"), _flag("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")
    if force and force_not:
        raise RuntimeError("Only one of `TORCH_FORCE_WEIGHTS_ONLY_LOAD` or `TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD` should be set, but both were set.")
    if given and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    if force:
        return True
    if force_not and given is None:
        _warn_once(settings, "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD is set: torch.load at {site} stays sandboxed all the same, and runs no code of the "
                   "file.", UnsafeLoadWarning)
    elif given is False:
        _warn_once(settings, "torch.load(weights_only=False) at {site} stays sandboxed all the same, and runs no code of the file.",
                   UnsafeLoadWarning)
    return False


def _safe_globals() -> Tuple[type, ...]:
    """The classes that the program itself has told torch to trust. Functions are not called, trusted or not."""
    import torch

    listed: Callable[[], Iterable[Any]] = getattr(torch.serialization, "get_safe_globals", tuple)
    found = (entry[0] if isinstance(entry, tuple) else entry for entry in listed())
    return tuple(entry for entry in found if isinstance(entry, type) and entry.__module__ != "builtins")


def _entry(f: Any, map_location: Any, pickle_module: Any, more: Dict[str, Any]) -> Any:
    with _lock:
        settings = _active[-1]
    strict = _weights_only(settings, more.pop("weights_only", None), pickle_module)
    mmap = more.pop("mmap", None)
    if mmap and not isinstance(f, (str, os.PathLike)):
        raise ValueError("f must be a file path in order to use the mmap argument")
    unknown = "error" if strict else settings.unknown
    trusted = (*settings.trusted, *_safe_globals())
    told: List[Any] = []
    made = _load.load(f, map_location, mmap=mmap, trusted=trusted, unknown=unknown, inert=settings.inert, on_unknown=told.extend,
                      **settings.options)
    if told:
        names = ", ".join(printable(str(symbol)) for symbol in told[:20]) + (", ..." if len(told) > 20 else "")
        names = names.replace("{", "{{").replace("}", "}}")
        _warn_once(settings, f"torch.load at {{site}}: the file holds objects of unknown types, which are inert records now: {names}",
                   UnknownTypesWarning)
    return made


def _swap() -> None:
    """Gives torch.load our code."""
    global _original, _kept
    import torch

    function: Any = torch.load
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    if not isinstance(function, types.FunctionType) or function.__closure__:
        raise RuntimeError("torch.load is not torch's own function: something else has patched it")
    _original = function
    _kept = (function.__code__, function.__defaults__, function.__kwdefaults__)
    function.__code__ = _load_through_airlock.__code__
    function.__defaults__ = _load_through_airlock.__defaults__
    function.__kwdefaults__ = None


def _swap_back() -> None:
    global _original
    if _original is not None:
        _original.__code__, _original.__defaults__, _original.__kwdefaults__ = _kept
        _original = None


class _Patch(contextlib.ContextDecorator):
    """A patch in force. As a context manager it ends with the block; else it stays until `undo()`."""

    def __init__(self, settings: _Settings) -> None:
        self._settings = settings
        with _lock:
            if not _active:
                _swap()
            _active.append(settings)

    def undo(self) -> None:
        """Takes the patch back."""
        with _lock:
            if self._settings in _active:
                _active.remove(self._settings)
                if not _active:
                    _swap_back()

    def __enter__(self) -> _Patch:
        return self

    def __exit__(self, *_: object) -> None:
        self.undo()


def patch(*, unknown: str = "record", trusted: Iterable[Union[str, type]] = (), inert: bool = False, **options: Any) -> _Patch:
    """Sends every torch.load of this process through Airlock, those in libraries and inside other loads too.

    `with airlock.patch(): ...` ends with the block; `airlock.patch()` alone stays, until `undo()`.

    A call with weights_only=False stays sandboxed, with one warning that names the call site. TORCH_FORCE_WEIGHTS_ONLY_LOAD makes
    unknown types an error everywhere; TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD changes nothing but for a warning. Classes that the
    program has given to torch.serialization.add_safe_globals are trusted, as in torch.

    Args:
        unknown: "record": objects of unknown types become inert records, with one warning that lists them. "error": they are
            an UnknownTypesError, which is what torch's weights_only=True does.
        trusted: as of `airlock.load`.
        inert: as of `airlock.load`.
        options: `limits` and `timeout` of `airlock.load`.
    """
    if unknown not in ("record", "error"):
        raise ValueError('unknown is "record" or "error"')
    if set(options) - {"limits", "timeout"}:
        raise TypeError(f"patch() takes no {sorted(set(options) - {'limits', 'timeout'})}")
    return _Patch(_Settings(unknown, tuple(trusted), inert, options))
