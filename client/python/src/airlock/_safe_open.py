"""safe_open: safetensors' surface, for a file of any format."""
from __future__ import annotations

from types import TracebackType
from typing import Any, Dict, List, Optional, Type

from . import _load, _weights
from ._source import FileLike

__all__ = ["safe_open"]


class Slice:
    """A tensor that is cut before it is read."""

    def __init__(self, tensor: Any) -> None:
        self._tensor = tensor

    def get_shape(self) -> List[int]:
        """Elements in each dimension."""
        return list(self._tensor.shape)

    def get_dtype(self) -> str:
        """The element type, as safetensors names it."""
        from ._safetensors import NAMES, dtype_name

        return NAMES.get(dtype_name(self._tensor), dtype_name(self._tensor))

    def __getitem__(self, index: Any) -> Any:
        return self._tensor[index]


class safe_open:
    """A file of any format with safetensors' surface: `with airlock.safe_open(path, framework="pt") as f: f.get_tensor("weight")`.

    A file on this machine is mapped, so that only what is used of it is read. The names are those of `load_file`.

    Args:
        filename: the file.
        framework: "pt" or "numpy".
        device: where tensors go.
        key: which part of a training checkpoint, as of `load_file`.
    """

    def __init__(self, filename: FileLike, framework: str = "pt", device: Any = "cpu", *, key: str = "auto") -> None:
        self._filename = filename
        self._framework = framework
        self._device = device
        self._key = key
        self._weights: Optional[Dict[str, Any]] = None

    def __enter__(self) -> safe_open:
        self._open()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException], traceback: Optional[TracebackType]) -> None:
        self._weights = None

    def _open(self) -> Dict[str, Any]:
        if self._weights is None:
            value = _load.load(self._filename, "cpu", mmap=True, framework=self._framework)
            self._weights = _weights.weights_of(value, self._key)[1]
        return self._weights

    def keys(self) -> List[str]:
        """The names of the tensors, sorted."""
        return sorted(self._open())

    def offset_keys(self) -> List[str]:
        """The names of the tensors, in the order of the file."""
        return list(self._open())

    def metadata(self) -> Optional[Dict[str, str]]:
        """The key-values of a safetensors file, or None."""
        tree = _load.inspect(self._filename).tree
        found = tree.get("__metadata__") if isinstance(tree, dict) else None
        return dict(found) if isinstance(found, dict) else None

    def get_tensor(self, name: str) -> Any:
        """One tensor."""
        tensor = self._open()[name]
        return tensor.to(self._device) if str(self._device) != "cpu" and hasattr(tensor, "to") else tensor

    def get_tensors(self) -> Dict[str, Any]:
        """All tensors, by name."""
        return {name: self.get_tensor(name) for name in self.offset_keys()}

    def get_slice(self, name: str) -> Slice:
        """One tensor, to be cut: `f.get_slice("weight")[:, :10]`."""
        return Slice(self._open()[name])
