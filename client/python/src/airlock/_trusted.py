"""Classes that the caller trusts: rebuilt here, by `__new__` and state, and never by calling what a file names."""
from __future__ import annotations

import enum
import importlib
from typing import Any, Dict, Iterable, Optional, Tuple, Type, Union

from ._record import is_obeyed, set_attributes

Name = Tuple[str, str]


class Trusted:
    """The caller's list: classes, or their names with the module in front."""

    def __init__(self, classes: Iterable[Union[str, type]] = ()) -> None:
        self._found: Dict[Name, Optional[type]] = {}
        self._names: Dict[Name, str] = {}
        if isinstance(classes, (str, type)):
            raise TypeError("trusted= takes a list of classes and their names")
        for given in classes:
            if isinstance(given, str):
                # Either `a.b.C`, or `a.b.C.D` for a class inside a class: where the module ends, only an import tells.
                parts = given.split(".")
                for cut in range(1, len(parts)):
                    self._names[".".join(parts[:cut]), ".".join(parts[cut:])] = given
            elif isinstance(given, type):
                self._found[given.__module__, given.__qualname__] = given
            else:
                raise TypeError(f"trusted= takes classes and their names, not {type(given).__name__}")

    def find(self, module: str, name: str) -> Optional[type]:
        """The class, if it is on the list. Imports only what the caller has named."""
        key = (module, name)
        if key not in self._found:
            self._found[key] = _import(module, name) if key in self._names else None
        return self._found[key]

    @staticmethod
    def may_make(cls: Type[Any], new: bool, parts: Dict[str, int]) -> bool:
        """Whether an object is made by what is allowed here; a call of a class is not, but for the members of an enumeration."""
        if "record_kwargs" in parts:
            return False
        return new or issubclass(cls, enum.Enum)

    @staticmethod
    def make(cls: Type[Any], args: Tuple[Any, ...]) -> Any:
        """The object, without its state."""
        if issubclass(cls, enum.Enum):
            return cls(*args)  # a look-up
        return cls.__new__(cls, *args)

    @staticmethod
    def fill(made: Any, items: Any, pairs: Any, state: Any, many: bool) -> None:
        """Puts items, pairs and state where they belong."""
        if items and isinstance(made, list):
            list.extend(made, items)
        elif items and isinstance(made, set):
            set.update(made, items)
        if pairs and isinstance(made, dict):
            dict.update(made, pairs)
        for one in state if many else [state]:
            if one is not None:
                _set_state(made, one)


def _set_state(made: Any, state: Any) -> None:
    own = getattr(type(made), "__setstate__", None)
    if own is not None and own is not getattr(object, "__setstate__", None):
        own(made, state)
        return
    attributes, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
    if isinstance(attributes, dict):
        set_attributes(made, attributes)
    if isinstance(slots, dict):
        for name, value in slots.items():
            if isinstance(name, str) and not is_obeyed(name):  # `__class__` among them
                object.__setattr__(made, name, value)


def _import(module: str, name: str) -> Optional[type]:
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return None
    return found if isinstance(found, type) else None
