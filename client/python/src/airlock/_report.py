"""What is known of a file besides its data: the answer of `inspect`, and what errors carry."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional, Tuple

__all__ = ["Finding", "Nested", "Report", "Symbol", "TensorInfo"]


@dataclass(frozen=True)
class Symbol:
    """A class or function that the file names. Nothing was imported and nothing was called."""

    module: str
    name: str
    #: "known", "unknown" or "dangerous".
    kind: str
    uses: int
    #: Whether the file asks to call it, and not only names it.
    would_call: bool
    first_offset: int
    #: Levels of streams inside streams around it; 0 is the file itself.
    level: int

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class Finding:
    """Something about the file that a person or a gate should know."""

    #: Stable, dotted: `pickle.dangerous-symbol`, `zip.wrong-crc`.
    id: str
    #: "note", "warning" or "danger".
    severity: str
    message: str
    where: str
    offset: int


@dataclass(frozen=True)
class Nested:
    """A stream inside the file that was decoded by the same rules."""

    where: str
    format: str
    level: int


@dataclass(frozen=True)
class TensorInfo:
    """One tensor by name, without its data."""

    name: str
    #: As torch prints it, without "torch.".
    dtype: str
    shape: Tuple[int, ...]
    strides: Tuple[int, ...]
    #: Number of its storage; two tensors of one storage share memory.
    storage: int
    #: Elements from the start of the storage.
    offset: int
    requires_grad: bool
    device: str


@dataclass(frozen=True)
class Report:
    """What a file holds. Text from the file stands here as it is: escape it before a terminal sees it."""

    #: "clean", "unknown_types", "dangerous", "refused", "malformed", "limit", "unsupported" or "error".
    verdict: str
    #: "torch_zip", "torch_legacy", "safetensors", ...; empty where it is none.
    format: str
    size: int
    #: Of the file, where the daemon has computed it; else empty.
    sha256: str
    #: The walls that the file was opened behind: "full", "nested" or "filter_only".
    posture: str
    #: Why there is no complete answer, in one sentence; empty if there is one.
    failure: str = ""
    #: The row of the error table; empty if there is a complete answer.
    reason: str = ""
    symbols: Tuple[Symbol, ...] = ()
    findings: Tuple[Finding, ...] = ()
    nested: Tuple[Nested, ...] = ()
    tensors: Tuple[TensorInfo, ...] = ()
    #: The object tree: containers and values as `load` gives them, each tensor as its TensorInfo.
    tree: Any = field(default=None, repr=False)

    @property
    def unknown(self) -> Tuple[Symbol, ...]:
        """The symbols that are not known: their objects are inert records."""
        return tuple(symbol for symbol in self.symbols if symbol.kind == "unknown")

    @property
    def dangerous(self) -> Tuple[Symbol, ...]:
        """The symbols that would run code or reach files or the network."""
        return tuple(symbol for symbol in self.symbols if symbol.kind == "dangerous")

    @property
    def ok(self) -> bool:
        """Whether the file holds only tensors and data whose construction is understood."""
        return self.verdict == "clean"

    def tensor(self, name: str) -> Optional[TensorInfo]:
        """The tensor of this name, if there is one."""
        return next((tensor for tensor in self.tensors if tensor.name == name), None)
