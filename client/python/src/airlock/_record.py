"""What stands for objects that nobody may build: inert, readable, never callable."""
from __future__ import annotations

from typing import Any, Dict, Iterator, List, NoReturn, Optional, Tuple

__all__ = ["AttributeDict", "Record", "StreamBytes", "SymbolName"]

_MAX_REPR = 60


def is_obeyed(name: str) -> bool:
    """Whether it is one of the names by which libraries ask any object what it is. What a file gives no object has: numpy takes an
    address of this process's memory from `__array_interface__`.
    """
    return name.startswith("__") and name.endswith("__")


def set_attributes(made: Any, attributes: Dict[Any, Any]) -> None:
    """Gives an object those attributes of a file that it may have."""
    vars(made).update((name, value) for name, value in attributes.items() if isinstance(name, str) and not is_obeyed(name))


def _inert(self: object, *_: object) -> NoReturn:
    raise TypeError(f"{type(self).__name__} is inert: it cannot be pickled or copied into a pickle")


class SymbolName:
    """A class or function that a file names. It is a name and nothing else: nothing was imported."""

    __slots__ = ("kind", "module", "name")

    def __init__(self, module: str, name: str, kind: str) -> None:
        self.module = module
        self.name = name
        #: "known", "unknown" or "dangerous".
        self.kind = kind

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SymbolName) and (self.module, self.name) == (other.module, other.name)

    def __hash__(self) -> int:
        return hash((self.module, self.name))

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"

    def __repr__(self) -> str:
        return f"<symbol {ascii(str(self))[1:-1]}>"

    __reduce_ex__ = _inert


class Record:
    """An object of a class that is not known, or a call that was not made. Loses nothing of what the file says.

    Attributes are those of the object: `checkpoint["args"].model` works. Names such as `__array__` are in `record_attributes`
    alone. What the pickle says of it besides has names that begin with `record_`:

    Attributes:
        record_callee: the class or function, a SymbolName (or a Record: a call of what a call would give).
        record_args: positional arguments, or None.
        record_kwargs: keyword arguments, or None.
        record_state: what would have gone to `__setstate__` or `__dict__`, or None.
        record_items: what would have been appended or added, or None.
        record_pairs: what would have been set by key, or None.
        record_new: made by `cls.__new__`; else by calling.
        record_states: whether record_state is a list of several states.
        record_state_dict: state_dict() of the module or optimizer that this would be, or None.
    """

    __slots__ = ("__weakref__", "_attributes", "record_args", "record_callee", "record_items", "record_kwargs", "record_new", "record_pairs",
                 "record_state", "record_state_dict", "record_states")

    record_callee: Any
    record_args: Optional[Tuple[Any, ...]]
    record_kwargs: Optional[Dict[str, Any]]
    record_state: Any
    record_items: Optional[List[Any]]
    record_pairs: Optional[Dict[Any, Any]]
    record_new: bool
    record_states: bool
    record_state_dict: Optional[Dict[str, Any]]
    _attributes: Optional[Dict[str, Any]]

    def __new__(cls) -> Record:
        self = object.__new__(cls)
        self.record_callee = None
        self.record_args = self.record_kwargs = self.record_state = self.record_items = self.record_pairs = None
        self.record_state_dict = self._attributes = None
        self.record_new = self.record_states = False
        return self

    @property
    def record_class(self) -> str:
        """The class's or function's name, with its module."""
        return str(self.record_callee) if isinstance(self.record_callee, SymbolName) else "?"

    @property
    def record_attributes(self) -> Dict[str, Any]:
        """The object's attributes, as its states give them."""
        if self._attributes is None:
            self._attributes = {}
            states = self.record_state if self.record_states else [self.record_state]
            for state in states if isinstance(states, list) else []:
                parts = state if isinstance(state, tuple) and len(state) == 2 else (state,)
                for part in parts:
                    if isinstance(part, dict):
                        self._attributes.update((name, value) for name, value in part.items() if isinstance(name, str))
        return self._attributes

    def __getattr__(self, name: str) -> Any:
        attributes = {} if is_obeyed(name) else self.record_attributes
        if name in attributes:
            return attributes[name]
        # What torch.nn.Module gives as attributes, it keeps in three dicts.
        for kind in ("_parameters", "_buffers", "_modules"):
            part = attributes.get(kind)
            if isinstance(part, dict) and name in part:
                return part[name]
        raise AttributeError(f"{self!r} has no attribute {name!r}")

    def __dir__(self) -> List[str]:
        return sorted({*object.__dir__(self), *self.record_attributes})

    def __getitem__(self, key: Any) -> Any:
        if self.record_pairs is not None:
            return self.record_pairs[key]
        if self.record_items is not None:
            return self.record_items[key]
        raise TypeError(f"{self!r} holds neither items nor pairs")

    def __iter__(self) -> Iterator[Any]:
        if self.record_pairs is None and self.record_items is None:
            raise TypeError(f"{self!r} holds neither items nor pairs")
        return iter(self.record_pairs if self.record_pairs is not None else self.record_items or ())

    def __len__(self) -> int:
        return len(self.record_pairs if self.record_pairs is not None else self.record_items or ())

    def __bool__(self) -> bool:
        return True

    def __contains__(self, key: Any) -> bool:
        return key in (self.record_pairs if self.record_pairs is not None else self.record_items or ())

    def __repr__(self) -> str:
        names = [ascii(name)[1:-1] for name in self.record_attributes]
        text = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
        return f"<record of {ascii(self.record_class)[1:-1]}" + (f": {text[:_MAX_REPR]}>" if text else ">")

    __reduce_ex__ = _inert


class AttributeDict(Dict[Any, Any]):
    """A dict whose class a library defines (Lightning's AttributeDict, yacs' CfgNode, EasyDict): its pairs, attributes by name too."""

    record_class: str

    def __init__(self, record_class: str) -> None:
        super().__init__()
        object.__setattr__(self, "record_class", record_class)

    def __getattr__(self, name: str) -> Any:
        if is_obeyed(name) or name not in self:
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __repr__(self) -> str:
        return f"<{ascii(self.record_class)[1:-1]} {super().__repr__()}>"


class StreamBytes(bytes):
    """Bytes that hold a pickle or a checkpoint themselves. They are what they are; `contents` has what was decoded of them."""

    contents: Any = None

    __reduce_ex__ = _inert
