"""Python's own classes, made again from what a record says: a table, and functions that check what they are given.

Only what holds data is here. Arguments come in the normal form that sandbox/pickle/README.md describes; whatever does not fit
it, stays a Record. Nothing here calls what a file names: each function names what it makes.
"""
from __future__ import annotations

import argparse
import builtins
import collections
import datetime
import decimal
import fractions
import pathlib
import re
import types
import typing
import uuid
from typing import Any, Callable, Dict, Optional, Tuple, Type

import numpy as np

from ._record import AttributeDict, set_attributes

Args = Tuple[Any, ...]


class Misfit(Exception):
    """Not the normal form: the object stays a record."""


# Classes that may stand as values, or as the factory of a defaultdict.
CLASSES: Dict[Tuple[str, str], Any] = {("builtins", cls.__name__): cls for cls in (
    bool, int, float, str, bytes, bytearray, complex, list, dict, set, frozenset, tuple, object)}
CLASSES.update({("collections", cls.__name__): cls for cls in (
    collections.OrderedDict, collections.defaultdict, collections.Counter, collections.deque)})
CLASSES.update({("typing", name): getattr(typing, name) for name in (
    "Any", "Callable", "Dict", "FrozenSet", "Iterable", "Iterator", "List", "Mapping", "MutableMapping", "Optional", "Sequence", "Set", "Tuple",
    "Type", "Union")})


def _only(args: Args, *shapes: Tuple[Any, ...]) -> Args:
    """The arguments, if their types are one of these."""
    for shape in shapes:
        if len(args) == len(shape) and all(type(arg) in want for arg, want in zip(args, shape)):
            return args
    raise Misfit


_INT, _TEXT = (int,), (str,)
_ZONE = (datetime.timezone,)
_SMALL_FRACTION = re.compile(r"[+-]?\d{1,400}(/\d{1,400})?")
_LONG_NUMBER = 4096
# To divide numbers, or to take common factors out, takes the square of their length; one long number can stand in a million places.
_MAX_BITS = 2048
_NUMPY_DTYPE = re.compile(r"[<>=|]?(b1|[iu][1248]|f(2|4|8|16)|c(8|16|32)|[OSUV]\d{0,6}|[mM]8(\[\d{0,6}[a-zA-Z]{0,2}\])?)")


def _moment(cls: Callable[..., Any], counts: Tuple[int, ...]) -> Callable[..., Any]:
    """A date or time of so many numbers, with a time zone perhaps."""

    def make(args: Args, kwargs: Dict[str, Any]) -> Any:
        if set(kwargs) - {"fold"}:
            raise Misfit
        shapes = [(_INT,) * count + zone for count in counts for zone in ((), (_ZONE,))]
        return cls(*_only(args, *shapes), **kwargs)

    return make


def _plain(cls: Callable[..., Any], *shapes: Tuple[Any, ...]) -> Callable[..., Any]:
    def make(args: Args, kwargs: Dict[str, Any]) -> Any:
        if kwargs:
            raise Misfit
        return cls(*_only(args, *shapes))

    return make


def _short(args: Args) -> Args:
    """The arguments, if no number among them is long."""
    if any(type(arg) is int and arg.bit_length() > _MAX_BITS for arg in args):
        raise Misfit
    return args


def _decimal(args: Args, kwargs: Dict[str, Any]) -> Any:
    if kwargs or len(_only(args, (_TEXT,))[0]) > _LONG_NUMBER:
        raise Misfit
    return decimal.Decimal(args[0])


def _fraction(args: Args, kwargs: Dict[str, Any]) -> Any:
    # "1e999999999" is a short text and a long number.
    if kwargs or (len(args) == 1 and not _SMALL_FRACTION.fullmatch(_only(args, (_TEXT,))[0])):
        raise Misfit
    return fractions.Fraction(*_short(_only(args, (_TEXT,), (_INT, _INT))))


def _range(args: Args, kwargs: Dict[str, Any]) -> Any:
    if kwargs:
        raise Misfit
    return range(*_short(_only(args, (_INT, _INT, _INT))))


def _path(cls: Callable[..., Any]) -> Callable[..., Any]:
    def make(args: Args, kwargs: Dict[str, Any]) -> Any:
        if kwargs or not all(type(part) is str for part in args):
            raise Misfit
        return cls(*args)

    return make


PATHS: Dict[str, Callable[..., Any]] = {
    "Path": pathlib.Path, "PosixPath": pathlib.Path, "WindowsPath": pathlib.PureWindowsPath, "PurePath": pathlib.PurePath,
    "PurePosixPath": pathlib.PurePosixPath, "PureWindowsPath": pathlib.PureWindowsPath,
}

#: Made in one step, from arguments.
VALUES: Dict[Tuple[str, str], Callable[[Args, Dict[str, Any]], Any]] = {
    ("datetime", "date"): _moment(datetime.date, (3,)),
    ("datetime", "datetime"): _moment(datetime.datetime, (3, 4, 5, 6, 7)),
    ("datetime", "time"): _moment(datetime.time, (0, 1, 2, 3, 4)),
    ("datetime", "timedelta"): _plain(datetime.timedelta, (_INT, _INT, _INT)),
    ("datetime", "timezone"): _plain(datetime.timezone, ((datetime.timedelta,),), ((datetime.timedelta,), _TEXT)),
    ("decimal", "Decimal"): _decimal,
    ("fractions", "Fraction"): _fraction,
    ("builtins", "range"): _range,
    ("builtins", "slice"): _plain(slice, ((int, type(None)),), ((int, type(None)),) * 3),
    **{(module, name): _path(cls) for name, cls in PATHS.items() for module in ("pathlib", "pathlib._local")},
}


class Shell:
    """A mutable object that is made empty, and filled once what it holds is there."""

    def __init__(self, make: Callable[[Args], Any], fill: Callable[[Any, Any], None], part: str, by_new: Optional[bool] = None) -> None:
        self.make = make
        self.fill = fill
        #: Which part of the record fills it: "pairs", "items" or "state".
        self.part = part
        self.by_new = by_new


def _set_attributes(made: Any, state: Any) -> None:
    if isinstance(state, dict):
        set_attributes(made, state)


def _factory(args: Args) -> Any:
    if args not in ((), (None,)) and (len(args) != 1 or args[0] not in CLASSES.values()):
        raise Misfit
    return collections.defaultdict(*args)


def _deque(args: Args) -> Any:
    if args and type(args[0]) is not int:
        raise Misfit
    return collections.deque([], *args)


def _nothing(cls: Callable[[], Any]) -> Callable[[Args], Any]:
    def make(args: Args) -> Any:
        if args:
            raise Misfit
        return cls()

    return make


def _exception(cls: Type[BaseException]) -> Callable[[Args], Any]:
    def make(args: Args) -> Any:
        try:
            return cls(*args)
        except TypeError as error:
            raise Misfit from error

    return make


def _attribute_dict(name: str) -> Callable[[Args], Any]:
    return _nothing(lambda: AttributeDict(name))


def _update(made: Any, pairs: Any) -> None:
    dict.update(made, pairs)


_ATTRIBUTE_DICTS = ("lightning.fabric.utilities.data.AttributeDict", "lightning_fabric.utilities.data.AttributeDict",
                    "lightning.pytorch.utilities.parsing.AttributeDict", "pytorch_lightning.utilities.parsing.AttributeDict",
                    "yacs.config.CfgNode", "easydict.EasyDict")

#: Made empty, then filled.
SHELLS: Dict[Tuple[str, str], Shell] = {
    ("collections", "defaultdict"): Shell(_factory, _update, "pairs"),
    ("collections", "Counter"): Shell(_nothing(collections.Counter), _update, "pairs"),
    ("collections", "deque"): Shell(_deque, collections.deque.extend, "items"),
    ("argparse", "Namespace"): Shell(_nothing(argparse.Namespace), _set_attributes, "state", True),
    ("types", "SimpleNamespace"): Shell(_nothing(types.SimpleNamespace), _set_attributes, "state"),
    **{(name.rpartition(".")[0], name.rpartition(".")[2]): Shell(_attribute_dict(name), _update, "pairs") for name in _ATTRIBUTE_DICTS},
    **{("builtins", name): Shell(_exception(cls), _set_attributes, "state") for name, cls in vars(builtins).items()
       if isinstance(cls, type) and issubclass(cls, BaseException)},
}


def uuid_of(state: Any) -> uuid.UUID:
    """A UUID, from its state."""
    number = state.get("int") if isinstance(state, dict) else None
    if type(number) is not int or not 0 <= number < 1 << 128:
        raise Misfit
    return uuid.UUID(int=number)


def numpy_dtype(text: Any) -> Any:
    """A numpy type by its own string; numpy itself would take a program for some."""
    if not isinstance(text, str) or not _NUMPY_DTYPE.fullmatch(text):
        raise Misfit
    return np.dtype(text)
