"""What makes the objects of a framework, for the builder: torch's, numpy's, or those of a tree without data."""
from __future__ import annotations

from typing import Any, Protocol, Tuple


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
