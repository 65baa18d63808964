"""Objects out of a plan: what torch.load would return, without a step of its program.

Four passes, none of which recurses, however deep the graph is: leaves, column by column; mutable containers, empty; what is
immutable, children first; then the containers are filled. So cycles and shared objects come out as they were.
"""
from __future__ import annotations

import collections
import contextlib
import gc
from typing import Any, Callable, Dict, Iterator, List, Protocol, Tuple

import numpy as np

from . import _keys, _known
from ._errors import DaemonError, MalformedError
from ._known import Shell
from ._plan import Nodes, Plan
from ._record import Record, StreamBytes, SymbolName
from ._trusted import Trusted
from .v1 import graph_pb2

_PARTS = (("record_args", graph_pb2.RECORD_PART_ARGS), ("record_kwargs", graph_pb2.RECORD_PART_KWARGS),
          ("record_state", graph_pb2.RECORD_PART_STATE), ("record_items", graph_pb2.RECORD_PART_ITEMS),
          ("record_pairs", graph_pb2.RECORD_PART_PAIRS), ("record_state_dict", graph_pb2.RECORD_PART_RECOVERED))
# What a class of Python's own says of arguments that it does not take: then the object stays a record.
_DOES_NOT_FIT = (_known.Misfit, ValueError, ArithmeticError)


class TensorMaker(Protocol):
    """Makes a framework's objects. Tensors and storages are given by their number in the plan's tables."""

    def tensor(self, number: int) -> Any:
        """A strided tensor."""

    def array(self, number: int) -> Any:
        """A numpy array."""

    def storage(self, number: int, dtype: int) -> Any:
        """A storage; `dtype` is 0 for an untyped one."""

    def sparse(self, _bits: int, indices: Any, more_indices: Any, values: Any, size: Tuple[int, ...]) -> Any:
        """A sparse tensor."""

    def meta(self, _flags: int, dtype: Any, shape: Tuple[int, ...], strides: Tuple[int, ...]) -> Any:
        """A tensor without data."""

    def nested(self, buffer: Any, sizes: Any, strides: Any, offsets: Any) -> Any:
        """A nested tensor."""

    def dtype(self, name: str) -> Any:
        """An element type."""

    def layout(self, name: str) -> Any:
        """A layout."""

    def device(self, name: str) -> Any:
        """A device."""

    def size(self, dims: Tuple[int, ...]) -> Any:
        """A torch.Size."""

    def symbol(self, _module: str, _name: str) -> Any:
        """The class that a known name stands for, or None."""


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """A million containers, none of which is garbage, would be looked through again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextlib.contextmanager
def _hashing() -> Iterator[None]:
    """The worker knows what of a pickle's own types can be a key; of the objects that are made here, only Python does."""
    try:
        yield
    except TypeError as error:
        raise MalformedError(f"Python does not take a key or a member of a set: {error} (PICKLE_MALFORMED)", reason="PICKLE_MALFORMED") from error


class ObjectBuilder:
    """Builds the objects of one plan, once."""

    def __init__(self, plan: Plan, maker: TensorMaker, trusted: Trusted) -> None:
        self._plan = plan
        self._nodes: Nodes = plan.nodes
        self._maker = maker
        self._trusted = trusted
        size = len(self._nodes)
        self._objects: List[Any] = [None] * size
        self._done = bytearray(size)
        self._marks = np.frombuffer(self._done, np.uint8)
        self._refs: List[int] = self._nodes.refs.tolist()
        self._start: List[int] = self._nodes.ref_start.tolist()
        self._end: List[int] = self._nodes.ref_end.tolist()
        self._makers: Dict[int, Callable[[int], Any]] = {}
        self._fills: List[Callable[[], None]] = []
        # Of classes that the caller trusts: when all else is there, what is inside before what holds it.
        self._last_fills: List[Callable[[], None]] = []
        self._present = self._nodes.present()

    def build(self) -> Any:
        """The root."""
        _keys.check(self._nodes)
        with _without_collector():
            self._leaves()
            self._containers()
            self._records()
            self._immutable()
            self._fill()
        return self._objects[0]

    # Leaves

    def _put(self, at: Any, values: List[Any]) -> None:
        objects = self._objects
        for node, value in zip(at.tolist(), values):
            objects[node] = value
        self._marks[at] = 1

    def _leaves(self) -> None:
        nodes, maker = self._nodes, self._maker
        for name, value in (("NONE", None), ("TRUE", True), ("FALSE", False)):
            at = nodes.of_kind(name)
            self._put(at, [value] * len(at))
        self._put(nodes.of_kind("INT"), nodes.ints.tolist())
        floats = nodes.of_kind("FLOAT")
        self._put(floats, nodes.floats[nodes.float_start[floats]].tolist())
        if self._present["COMPLEX"]:
            at = nodes.of_kind("COMPLEX")
            self._put(at, [complex(*nodes.floats[start:start + 2].tolist()) for start in nodes.float_start[at].tolist()])
        self._strings()
        self._texts("BYTES", bytes)
        self._texts("BYTE_ARRAY", bytearray)
        self._texts("BIG_INT", lambda raw: int.from_bytes(raw, "little", signed=True))
        self._texts("DTYPE", lambda raw: maker.dtype(str(raw, "utf-8")))
        self._texts("LAYOUT", lambda raw: maker.layout(str(raw, "utf-8")))
        self._texts("DEVICE", lambda raw: maker.device(str(raw, "utf-8")))
        self._texts("NUMPY_DTYPE", lambda raw: _numpy_dtype(str(raw, "utf-8")))
        self._linked("TENSOR", maker.tensor)
        self._linked("ARRAY", maker.array)
        self._linked("SYMBOL", self._symbol)
        if self._present["STORAGE"]:
            at = nodes.of_kind("STORAGE")
            self._put(at, [maker.storage(nodes.link(node), nodes.link(node, 1)) for node in at.tolist()])

    def _strings(self) -> None:
        at = self._nodes.of_kind("STRING")
        starts = self._nodes.blob_start[at]
        spans = zip(starts.tolist(), (starts + self._nodes.count[at]).tolist())
        blob = self._nodes.blob
        if blob.isascii():
            text = blob.decode("ascii")
            self._put(at, [text[start:end] for start, end in spans])
        else:
            self._put(at, [blob[start:end].decode("utf-8", "surrogatepass") for start, end in spans])

    def _texts(self, name: str, make: Callable[[bytes], Any]) -> None:
        if self._present[name]:
            at = self._nodes.of_kind(name)
            self._put(at, [make(self._nodes.text(node)) for node in at.tolist()])

    def _linked(self, name: str, make: Callable[[int], Any]) -> None:
        if self._present[name]:
            at = self._nodes.of_kind(name)
            self._put(at, [make(link) for link in self._nodes.links[self._nodes.link_start[at]].tolist()])

    def _symbol(self, index: int) -> Any:
        symbol = self._plan.symbols[index]
        if symbol.kind == "known":
            found = _known.CLASSES.get((symbol.module, symbol.name)) or self._maker.symbol(symbol.module, symbol.name)
            if found is not None:
                return found
        return self._trusted.find(symbol.module, symbol.name) or SymbolName(symbol.module, symbol.name, symbol.kind)

    # Containers, empty

    def _containers(self) -> None:
        for name, cls in (("LIST", list), ("DICT", dict), ("SET", set), ("ORDERED_DICT", collections.OrderedDict)):
            if self._present[name]:
                at = self._nodes.of_kind(name)
                self._put(at, [cls() for _ in range(len(at))])

    # Records

    def _children(self, node: int) -> List[int]:
        return self._refs[self._start[node]:self._end[node]]

    def _record_parts(self, node: int) -> Dict[str, int]:
        """The nodes of a record's parts, by name."""
        bits = int(self._nodes.count[node])
        children = iter(self._children(node))
        parts = {"record_callee": next(children)}
        for name, bit in _PARTS:
            if bits & bit:
                parts[name] = next(children)
        return parts

    def _records(self) -> None:
        if self._present["RECORD"]:
            for node in self._nodes.of_kind("RECORD").tolist():
                self._record(node)

    def _record(self, node: int) -> None:
        parts = self._record_parts(node)
        bits = int(self._nodes.count[node])
        callee = parts["record_callee"]
        if self._nodes.is_kind(callee, "SYMBOL"):
            symbol = self._plan.symbols[self._nodes.link(callee)]
            key = (symbol.module, symbol.name)
            if symbol.kind == "known" and not bits & graph_pb2.RECORD_PART_STATES and self._known(node, key, parts, bits):
                return
            cls = self._trusted.find(*key)
            if cls is not None and self._rebuild(node, cls, parts, bits):
                return
        self._inert(node, parts, bits)

    def _inert(self, node: int, parts: Dict[str, int], bits: int) -> None:
        record = Record()
        record.record_new = bool(bits & graph_pb2.RECORD_PART_NEW)
        record.record_states = bool(bits & graph_pb2.RECORD_PART_STATES)
        self._finished(node, record)

        def fill() -> None:
            for name, part in parts.items():
                setattr(record, name, self._objects[part])

        self._fills.append(fill)

    def _finished(self, node: int, value: Any) -> None:
        self._objects[node] = value
        self._done[node] = 1

    def _known(self, node: int, key: Tuple[str, str], parts: Dict[str, int], bits: int) -> bool:
        """Whether it is, or will be, made again."""
        if key == ("uuid", "UUID") and "record_state" in parts:
            self._makers[node] = lambda at: self._later(at, lambda: _known.uuid_of(self._state_of(parts)), parts, bits)
            return True
        if key in _known.VALUES and not set(parts) - {"record_callee", "record_args", "record_kwargs"}:
            make = _known.VALUES[key]
            self._makers[node] = lambda at: self._later(
                at, lambda: make(self._get(parts, "record_args", ()), self._dict_of(parts.get("record_kwargs"))), parts, bits)
            return True
        shell = _known.SHELLS.get(key)
        if shell is None or set(parts) - {"record_callee", "record_args", f"record_{shell.part}"}:
            return False
        if shell.by_new is not None and shell.by_new != bool(bits & graph_pb2.RECORD_PART_NEW):
            return False
        return self._shell(node, shell, parts)

    def _shell(self, node: int, shell: Shell, parts: Dict[str, int]) -> bool:
        filling = parts.get(f"record_{shell.part}")
        if filling is not None and shell.part == "state" and not self._names_attributes(filling):
            return False
        arguments = self._children(parts["record_args"]) if "record_args" in parts else []
        if not all(self._done[argument] for argument in arguments):
            return False
        try:
            made = shell.make(tuple(self._objects[argument] for argument in arguments))
        except _DOES_NOT_FIT:
            return False
        self._finished(node, made)
        if filling is not None:
            self._fills.append(lambda: shell.fill(made, self._objects[filling]))
        return True

    def _names_attributes(self, node: int) -> bool:
        """Whether it is a dict all of whose keys are strings."""
        if not self._nodes.is_kind(node, "DICT"):
            return False
        return all(self._nodes.is_kind(key, "STRING") for key in self._children(node)[::2])

    def _get(self, parts: Dict[str, int], name: str, default: Any) -> Any:
        return self._objects[parts[name]] if name in parts else default

    def _dict_of(self, node: Any) -> Dict[str, Any]:
        """A dict of keyword arguments, before the containers are filled."""
        if node is None:
            return {}
        children = self._children(node)
        return {str(self._objects[key]): self._objects[value] for key, value in zip(children[::2], children[1::2])}

    def _state_of(self, parts: Dict[str, int]) -> Any:
        node = parts["record_state"]
        return self._dict_of(node) if self._nodes.is_kind(node, "DICT") else None

    def _later(self, node: int, make: Callable[[], Any], parts: Dict[str, int], bits: int) -> Any:
        """What `make` gives; an inert record where that does not fit."""
        try:
            return make()
        except _DOES_NOT_FIT:
            self._inert(node, parts, bits)
            return self._objects[node]

    def _rebuild(self, node: int, cls: type, parts: Dict[str, int], bits: int) -> bool:
        """An object of a class that the caller trusts: by `__new__` and state, never by calling."""
        if not self._trusted.may_make(cls, bool(bits & graph_pb2.RECORD_PART_NEW), parts):
            return False
        states = bool(bits & graph_pb2.RECORD_PART_STATES)

        def make(_: int) -> Any:
            made = self._trusted.make(cls, self._get(parts, "record_args", ()))
            self._last_fills.append(lambda: self._trusted.fill(
                made, self._get(parts, "record_items", None), self._get(parts, "record_pairs", None),
                self._get(parts, "record_state", None), states))
            return made

        self._makers[node] = make
        return True

    # What is immutable, children first

    def _immutable(self) -> None:
        waiting = np.flatnonzero(self._marks == 0).tolist()
        kinds = self._nodes.kinds.tolist()
        names = {number: name[len("NODE_KIND_"):] for name, number in graph_pb2.NodeKind.items()}
        methods: Dict[int, Callable[[int], Any]] = {
            number: getattr(self, f"_make_{name.lower()}") for number, name in names.items() if hasattr(self, f"_make_{name.lower()}")}
        objects, done = self._objects, self._done
        active = bytearray(len(done))
        for first in reversed(waiting):
            stack = [first]
            while stack:
                node = stack[-1]
                if done[node]:
                    stack.pop()
                    continue
                wanted = [child for child in self._needed(node, kinds[node]) if not done[child]]
                if wanted:
                    if active[node]:
                        raise DaemonError("the value graph in the daemon's answer goes in a circle")
                    active[node] = 1
                    stack.extend(wanted)
                    continue
                maker = self._makers.get(node) or methods[kinds[node]]
                objects[node] = maker(node)
                done[node] = 1
                stack.pop()

    def _needed(self, node: int, kind: int) -> List[int]:
        children = self._children(node)
        if kind == graph_pb2.NODE_KIND_ATTRIBUTED:
            return children[:1]
        if kind == graph_pb2.NODE_KIND_RECORD:
            # A state's or keyword's values: the dict itself is filled later.
            return children + [inner for child in children[1:] if self._nodes.is_kind(child, "DICT") for inner in self._children(child)
                               if self._is_atom(inner)]
        return children

    def _is_atom(self, node: int) -> bool:
        return self._nodes.is_kind(node, "INT") or self._nodes.is_kind(node, "STRING") or self._nodes.is_kind(node, "BIG_INT")

    def _items(self, node: int) -> List[Any]:
        return [self._objects[child] for child in self._children(node)]

    def _make_tuple(self, node: int) -> Any:
        return tuple(self._items(node))

    def _make_frozen_set(self, node: int) -> Any:
        with _hashing():
            return frozenset(self._items(node))

    def _make_size(self, node: int) -> Any:
        return self._maker.size(tuple(self._items(node)))

    def _make_scalar(self, node: int) -> Any:
        dtype, value = self._items(node)
        return np.dtype(dtype).type(value)

    def _make_sparse_tensor(self, node: int) -> Any:
        indices, more, values, size = self._items(node)
        return self._maker.sparse(int(self._nodes.count[node]), indices, more, values, tuple(size))

    def _make_meta_tensor(self, node: int) -> Any:
        dtype, shape, strides = self._items(node)
        return self._maker.meta(int(self._nodes.count[node]), dtype, tuple(shape), strides)

    def _make_nested_tensor(self, node: int) -> Any:
        return self._maker.nested(*self._items(node))

    def _make_stream(self, node: int) -> Any:
        held, contents = self._items(node)
        if isinstance(held, bytes):
            made = StreamBytes(held)
            made.contents = contents
            return made
        return contents if held is None else held

    def _make_attributed(self, node: int) -> Any:
        tensor_node, attributes_node = self._children(node)
        tensor = self._objects[tensor_node]

        def fill() -> None:
            found = self._objects[attributes_node]
            for part in found if isinstance(found, tuple) else (found,):
                if isinstance(part, dict):
                    # Into the dict, past every descriptor: an attribute called `data` stays data.
                    vars(tensor).update((name, value) for name, value in part.items() if isinstance(name, str))

        self._fills.append(fill)
        return tensor

    # Filling

    def _fill(self) -> None:
        objects, start, end = self._objects, self._start, self._end
        resolved = list(map(objects.__getitem__, self._refs))
        for node in self._nodes.of_kind("LIST").tolist():
            objects[node].extend(resolved[start[node]:end[node]])
        with _hashing():
            for node in self._nodes.of_kind("SET").tolist():
                objects[node].update(resolved[start[node]:end[node]])
            for node in self._nodes.of_kind("DICT").tolist():
                first, last = start[node], end[node]
                objects[node].update(zip(resolved[first:last:2], resolved[first + 1:last:2]))
            for node in self._nodes.of_kind("ORDERED_DICT").tolist():
                first, last = start[node], end[node]
                made = objects[node]
                made.update(zip(resolved[first + 1:last:2], resolved[first + 2:last:2]))
                if isinstance(resolved[first], dict):
                    self._fills.append(_attribute_filler(made, resolved[first]))
        # Children come after their parents, mostly: from the end, what is inside is full before what holds it.
        for fill in (*reversed(self._fills), *self._last_fills):
            fill()


def _attribute_filler(made: Any, attributes: Dict[Any, Any]) -> Callable[[], None]:
    return lambda: vars(made).update((name, value) for name, value in attributes.items() if isinstance(name, str))


def _numpy_dtype(text: str) -> Any:
    try:
        return _known.numpy_dtype(text)
    except _known.Misfit:
        raise DaemonError("a numpy type in the daemon's answer is none") from None
