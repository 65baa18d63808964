"""The objects that hold no others, column by column."""
from __future__ import annotations

from typing import Any, Callable

from . import _known
from ._errors import DaemonError
from ._maker import TensorMaker
from ._record import SymbolName
from ._trusted import Trusted
from ._workspace import Workspace


class Leaves:
    """Makes all leaves of a plan."""

    def __init__(self, workspace: Workspace, maker: TensorMaker, trusted: Trusted) -> None:
        self._workspace = workspace
        self._maker = maker
        self._trusted = trusted

    def make(self) -> None:
        """The pass."""
        self._plain()
        self._strings()
        self._named()
        self._tensors()

    def _plain(self) -> None:
        nodes = self._workspace.nodes
        for name, value in (("NONE", None), ("TRUE", True), ("FALSE", False)):
            at = nodes.of_kind(name)
            self._workspace.put(at, [value] * len(at))
        self._workspace.put(nodes.of_kind("INT"), nodes.ints.tolist())
        floats = nodes.of_kind("FLOAT")
        self._workspace.put(floats, nodes.floats[nodes.float_start[floats]].tolist())
        if self._workspace.nodes.has("COMPLEX"):
            at = nodes.of_kind("COMPLEX")
            self._workspace.put(at, [complex(*nodes.floats[start:start + 2].tolist()) for start in nodes.float_start[at].tolist()])

    def _named(self) -> None:
        """What is made of text."""
        maker = self._maker
        self._texts("BYTES", bytes)
        self._texts("BYTE_ARRAY", bytearray)
        self._texts("BIG_INT", lambda raw: int.from_bytes(raw, "little", signed=True))
        self._texts("DTYPE", lambda raw: maker.dtype(str(raw, "utf-8")))
        self._texts("LAYOUT", lambda raw: maker.layout(str(raw, "utf-8")))
        self._texts("DEVICE", lambda raw: maker.device(str(raw, "utf-8")))
        self._texts("NUMPY_DTYPE", lambda raw: _numpy_dtype(str(raw, "utf-8")))

    def _tensors(self) -> None:
        """What is a number in a table."""
        maker, nodes = self._maker, self._workspace.nodes
        self._linked("TENSOR", maker.tensor)
        self._linked("ARRAY", maker.array)
        self._linked("SYMBOL", self._symbol)
        if self._workspace.nodes.has("STORAGE"):
            at = nodes.of_kind("STORAGE")
            self._workspace.put(at, [maker.storage(nodes.link(node), nodes.link(node, 1)) for node in at.tolist()])

    def _strings(self) -> None:
        at = self._workspace.nodes.of_kind("STRING")
        starts = self._workspace.nodes.blob_start[at]
        spans = zip(starts.tolist(), (starts + self._workspace.nodes.count[at]).tolist())
        blob = self._workspace.nodes.blob
        if blob.isascii():
            text = blob.decode("ascii")
            self._workspace.put(at, [text[start:end] for start, end in spans])
        else:
            self._workspace.put(at, [blob[start:end].decode("utf-8", "surrogatepass") for start, end in spans])

    def _texts(self, name: str, make: Callable[[bytes], Any]) -> None:
        if self._workspace.nodes.has(name):
            at = self._workspace.nodes.of_kind(name)
            self._workspace.put(at, [make(self._workspace.nodes.text(node)) for node in at.tolist()])

    def _linked(self, name: str, make: Callable[[int], Any]) -> None:
        if self._workspace.nodes.has(name):
            at = self._workspace.nodes.of_kind(name)
            self._workspace.put(at, [make(link) for link in self._workspace.nodes.links[self._workspace.nodes.link_start[at]].tolist()])

    def _symbol(self, index: int) -> Any:
        symbol = self._workspace.plan.symbols[index]
        if symbol.kind == "known":
            found = _known.CLASSES.get((symbol.module, symbol.name)) or self._maker.symbol(symbol.module, symbol.name)
            if found is not None:
                return found
        return self._trusted.find(symbol.module, symbol.name) or SymbolName(symbol.module, symbol.name, symbol.kind)


def _numpy_dtype(text: str) -> Any:
    try:
        return _known.numpy_dtype(text)
    except _known.Misfit:
        raise DaemonError("a numpy type in the daemon's answer is none") from None
