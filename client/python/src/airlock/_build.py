"""Objects out of a plan: what torch.load would return, without a step of its program.

Four passes, none of which recurses, however deep the graph is: leaves, column by column; mutable containers, empty; what is
immutable, children first; then the containers are filled. So cycles and shared objects come out as they were.
"""
from __future__ import annotations

import collections
import contextlib
import gc
from typing import Any, Callable, Dict, Iterator, List

import numpy as np

from . import _keys
from ._errors import DaemonError, MalformedError
from ._leaves import Leaves
from ._maker import TensorMaker
from ._plan import Plan
from ._record import StreamBytes, set_attributes
from ._records import Records
from ._trusted import Trusted
from ._workspace import Workspace
from .v1 import graph_pb2


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


# The method that makes a node of a kind, which it has where such a node is made of others.
_MAKERS = {number: f"_make_{name[len('NODE_KIND_'):].lower()}" for name, number in graph_pb2.NodeKind.items()}


class ObjectBuilder:
    """Builds the objects of one plan, once."""

    def __init__(self, plan: Plan, maker: TensorMaker, trusted: Trusted) -> None:
        self._workspace = Workspace(plan)
        self._maker = maker
        self._leaves = Leaves(self._workspace, maker, trusted)
        self._records = Records(self._workspace, trusted)

    def build(self) -> Any:
        """The root."""
        _keys.check(self._workspace.nodes)
        with _without_collector():
            self._leaves.make()
            self._containers()
            self._records.make()
            self._immutable()
            self._fill()
        return self._workspace.objects[0]

    # Containers, empty

    def _containers(self) -> None:
        for name, cls in (("LIST", list), ("DICT", dict), ("SET", set), ("ORDERED_DICT", collections.OrderedDict)):
            if self._workspace.nodes.has(name):
                at = self._workspace.nodes.of_kind(name)
                self._workspace.put(at, [cls() for _ in range(len(at))])

    # What is immutable, children first

    def _tuples(self) -> None:
        """Those whose members are there already, as those of most are."""
        workspace = self._workspace
        objects, done, refs = workspace.objects, workspace.done, workspace.refs
        for node in reversed(workspace.nodes.of_kind("TUPLE").tolist()):
            members = refs[workspace.start[node]:workspace.end[node]]
            if all(map(done.__getitem__, members)):
                objects[node] = tuple(map(objects.__getitem__, members))
                done[node] = 1

    def _immutable(self) -> None:
        self._tuples()
        waiting = np.flatnonzero(self._workspace.marks == 0).tolist()
        kinds = self._workspace.nodes.kinds.tolist()
        objects, done = self._workspace.objects, self._workspace.done
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
                maker = self._workspace.makers.get(node) or getattr(self, _MAKERS[kinds[node]])
                objects[node] = maker(node)
                done[node] = 1
                stack.pop()

    def _needed(self, node: int, kind: int) -> List[int]:
        workspace = self._workspace
        children = workspace.children(node)
        if kind == graph_pb2.NODE_KIND_ATTRIBUTED:
            return children[:1]
        if kind == graph_pb2.NODE_KIND_RECORD:
            # A state's or keyword's values: the dict itself is filled later.
            return children + [inner for child in children[1:] if workspace.nodes.is_kind(child, "DICT")
                               for inner in workspace.children(child) if self._is_atom(inner)]
        return children

    def _is_atom(self, node: int) -> bool:
        nodes = self._workspace.nodes
        return nodes.is_kind(node, "INT") or nodes.is_kind(node, "STRING") or nodes.is_kind(node, "BIG_INT")

    def _make_tuple(self, node: int) -> Any:
        return tuple(self._workspace.items(node))

    def _make_frozen_set(self, node: int) -> Any:
        with _hashing():
            return frozenset(self._workspace.items(node))

    def _make_size(self, node: int) -> Any:
        return self._maker.size(tuple(self._workspace.items(node)))

    def _make_scalar(self, node: int) -> Any:
        dtype, value = self._workspace.items(node)
        return np.dtype(dtype).type(value)

    def _make_sparse_tensor(self, node: int) -> Any:
        indices, more, values, size = self._workspace.items(node)
        return self._maker.sparse(self._workspace.bits(node), indices, more, values, tuple(size))

    def _make_meta_tensor(self, node: int) -> Any:
        dtype, shape, strides = self._workspace.items(node)
        return self._maker.meta(self._workspace.bits(node), dtype, tuple(shape), strides)

    def _make_nested_tensor(self, node: int) -> Any:
        return self._maker.nested(*self._workspace.items(node))

    def _make_stream(self, node: int) -> Any:
        held, contents = self._workspace.items(node)
        if isinstance(held, bytes):
            made = StreamBytes(held)
            made.contents = contents
            return made
        return contents if held is None else held

    def _make_attributed(self, node: int) -> Any:
        tensor_node, attributes_node = self._workspace.children(node)
        tensor = self._workspace.objects[tensor_node]

        def fill() -> None:
            found = self._workspace.objects[attributes_node]
            for part in found if isinstance(found, tuple) else (found,):
                if isinstance(part, dict):
                    # Into the dict, past every descriptor: an attribute called `data` stays data.
                    set_attributes(tensor, part)

        self._workspace.fills.append(fill)
        return tensor

    # Filling

    def _fill(self) -> None:
        objects, start, end = self._workspace.objects, self._workspace.start, self._workspace.end
        resolved = list(map(objects.__getitem__, self._workspace.refs))
        for node in self._workspace.nodes.of_kind("LIST").tolist():
            objects[node].extend(resolved[start[node]:end[node]])
        with _hashing():
            for node in self._workspace.nodes.of_kind("SET").tolist():
                objects[node].update(resolved[start[node]:end[node]])
            for node in self._workspace.nodes.of_kind("DICT").tolist():
                first, last = start[node], end[node]
                objects[node].update(zip(resolved[first:last:2], resolved[first + 1:last:2]))
            for node in self._workspace.nodes.of_kind("ORDERED_DICT").tolist():
                first, last = start[node], end[node]
                made = objects[node]
                made.update(zip(resolved[first + 1:last:2], resolved[first + 2:last:2]))
                if isinstance(resolved[first], dict):
                    self._workspace.fills.append(_attribute_filler(made, resolved[first]))
        # Children come after their parents, mostly: from the end, what is inside is full before what holds it.
        for fill in (*reversed(self._workspace.fills), *self._workspace.last_fills):
            fill()


def _attribute_filler(made: Any, attributes: Dict[Any, Any]) -> Callable[[], None]:
    return lambda: set_attributes(made, attributes)
