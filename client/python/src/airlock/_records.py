"""Objects of classes: made again where the class is known or trusted, else inert records."""
from __future__ import annotations

from typing import Any, Callable, Dict, Tuple

from . import _known
from ._known import Shell
from ._record import Record, is_obeyed
from ._trusted import Trusted
from ._workspace import Workspace
from .v1 import graph_pb2

# Parts of a record, in the order of its children.
_PARTS = (("record_args", graph_pb2.RECORD_PART_ARGS), ("record_kwargs", graph_pb2.RECORD_PART_KWARGS),
          ("record_state", graph_pb2.RECORD_PART_STATE), ("record_items", graph_pb2.RECORD_PART_ITEMS),
          ("record_pairs", graph_pb2.RECORD_PART_PAIRS), ("record_state_dict", graph_pb2.RECORD_PART_RECOVERED))
# What a class of Python's own says of arguments that it does not take: then the object stays a record.
_DOES_NOT_FIT = (_known.Misfit, ValueError, ArithmeticError)


class Records:
    """Makes the objects of all records, or says how they will be made."""

    def __init__(self, workspace: Workspace, trusted: Trusted) -> None:
        self._workspace = workspace
        self._trusted = trusted

    def make(self) -> None:
        """The pass."""
        if self._workspace.nodes.has("RECORD"):
            for node in self._workspace.nodes.of_kind("RECORD").tolist():
                self._record(node)

    def _record_parts(self, node: int) -> Dict[str, int]:
        """The nodes of a record's parts, by name."""
        bits = self._workspace.bits(node)
        children = iter(self._workspace.children(node))
        parts = {"record_callee": next(children)}
        for name, bit in _PARTS:
            if bits & bit:
                parts[name] = next(children)
        return parts

    def _record(self, node: int) -> None:
        parts = self._record_parts(node)
        bits = self._workspace.bits(node)
        callee = parts["record_callee"]
        if self._workspace.nodes.is_kind(callee, "SYMBOL"):
            symbol = self._workspace.plan.symbols[self._workspace.nodes.link(callee)]
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
        self._workspace.finished(node, record)

        def fill() -> None:
            for name, part in parts.items():
                setattr(record, name, self._workspace.objects[part])

        self._workspace.fills.append(fill)

    def _known(self, node: int, key: Tuple[str, str], parts: Dict[str, int], bits: int) -> bool:
        """Whether it is, or will be, made again."""
        if key == ("uuid", "UUID") and "record_state" in parts:
            self._workspace.makers[node] = lambda at: self._later(at, lambda: _known.uuid_of(self._state_of(parts)), parts, bits)
            return True
        if key in _known.VALUES and not set(parts) - {"record_callee", "record_args", "record_kwargs"}:
            make = _known.VALUES[key]
            self._workspace.makers[node] = lambda at: self._later(
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
        arguments = self._workspace.children(parts["record_args"]) if "record_args" in parts else []
        if not all(self._workspace.done[argument] for argument in arguments):
            return False
        try:
            made = shell.make(tuple(self._workspace.objects[argument] for argument in arguments))
        except _DOES_NOT_FIT:
            return False
        self._workspace.finished(node, made)
        if filling is not None:
            self._workspace.fills.append(lambda: shell.fill(made, self._workspace.objects[filling]))
        return True

    def _names_attributes(self, node: int) -> bool:
        """Whether it is a dict all of whose keys are strings, and none is a name that libraries obey."""
        nodes = self._workspace.nodes
        if not nodes.is_kind(node, "DICT"):
            return False
        return all(nodes.is_kind(key, "STRING") and not is_obeyed(str(nodes.text(key), "utf-8", "replace"))
                   for key in self._workspace.children(node)[::2])

    def _get(self, parts: Dict[str, int], name: str, default: Any) -> Any:
        return self._workspace.objects[parts[name]] if name in parts else default

    def _dict_of(self, node: Any) -> Dict[str, Any]:
        """A dict of keyword arguments, before the containers are filled."""
        if node is None:
            return {}
        children = self._workspace.children(node)
        return {str(self._workspace.objects[key]): self._workspace.objects[value] for key, value in zip(children[::2], children[1::2])}

    def _state_of(self, parts: Dict[str, int]) -> Any:
        node = parts["record_state"]
        return self._dict_of(node) if self._workspace.nodes.is_kind(node, "DICT") else None

    def _later(self, node: int, make: Callable[[], Any], parts: Dict[str, int], bits: int) -> Any:
        """What `make` gives; an inert record where that does not fit."""
        try:
            return make()
        except _DOES_NOT_FIT:
            self._inert(node, parts, bits)
            return self._workspace.objects[node]

    def _rebuild(self, node: int, cls: type, parts: Dict[str, int], bits: int) -> bool:
        """An object of a class that the caller trusts: by `__new__` and state, never by calling."""
        if not self._trusted.may_make(cls, bool(bits & graph_pb2.RECORD_PART_NEW), parts):
            return False
        states = bool(bits & graph_pb2.RECORD_PART_STATES)

        def make(_: int) -> Any:
            made = self._trusted.make(cls, self._get(parts, "record_args", ()))
            self._workspace.last_fills.append(lambda: self._trusted.fill(
                made, self._get(parts, "record_items", None), self._get(parts, "record_pairs", None),
                self._get(parts, "record_state", None), states))
            return made

        self._workspace.makers[node] = make
        return True
