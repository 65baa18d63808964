"""Writes safetensors files: whole or not at all."""
from __future__ import annotations

import json
import math
import os
import tempfile
from typing import Any, Dict, List, Mapping, Tuple

import numpy as np

from ._errors import LimitError, UnsupportedError, printable

_ALIGNMENT = 8
_MAX_HEADER = 100_000_000  # the reference reader takes no more
_RESERVED = "__metadata__"
# As of the command line: views of one storage can be a petabyte, written out.
_MAX_EXPANSION = 4
_ALLOWANCE = 1 << 30
NAMES = {"bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "uint16": "U16", "int32": "I32", "uint32": "U32", "int64": "I64",
          "uint64": "U64", "float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64", "float8_e4m3fn": "F8_E4M3",
          "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0"}


def dtype_name(tensor: Any) -> str:
    """The element type, as torch names it."""
    name = str(tensor.dtype)
    return name[len("torch."):] if name.startswith("torch.") else name


def can_hold(tensor: Any) -> bool:
    """Whether the format has the tensor's kind and element type."""
    strided = str(getattr(tensor, "layout", "torch.strided")) == "torch.strided"
    return strided and dtype_name(tensor) in NAMES and str(getattr(tensor, "device", "cpu")) != "meta" and not getattr(tensor, "is_nested", False)


def _bytes_of(tensor: Any) -> Any:
    """The elements in row-major order, little-endian, as a buffer."""
    if isinstance(tensor, np.ndarray):
        return np.ascontiguousarray(tensor).reshape(-1).view(np.uint8).data
    import torch

    flat = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
    flat = flat.as_strided(flat.shape, (1,))  # one element is contiguous by any stride, and no view of its bytes
    return flat.view(torch.uint8).numpy().data if flat.numel() else b""


def check_kind(name: str, tensor: Any) -> None:
    """That the format can hold the tensor."""
    if not can_hold(tensor):
        raise UnsupportedError(f"safetensors cannot hold {printable(name)}: {dtype_name(tensor)}, {getattr(tensor, 'layout', 'strided')}",
                               reason="UNSUPPORTED_FEATURE")


def _check(tensors: Mapping[str, Any]) -> None:
    for name, tensor in tensors.items():
        if not name or name == _RESERVED or any("\ud800" <= letter <= "\udfff" for letter in name):
            raise UnsupportedError(f"safetensors cannot hold a tensor of the name {printable(name)!r}", reason="UNSUPPORTED_FEATURE")
        check_kind(name, tensor)


def _element_bytes(tensor: Any) -> int:
    return int(tensor.itemsize if isinstance(tensor, np.ndarray) else tensor.element_size())


def _size_of(tensor: Any) -> int:
    return math.prod(map(int, tensor.shape)) * _element_bytes(tensor)


def _memory_of(tensor: Any) -> Tuple[int, int]:
    """Where the tensor's memory is, and how much of it."""
    if isinstance(tensor, np.ndarray):
        memory, holder = tensor, tensor.base
        while holder is not None:  # as_strided puts objects between
            memory, holder = holder if isinstance(holder, np.ndarray) else memory, getattr(holder, "base", None)
        return memory.ctypes.data, memory.nbytes
    storage = tensor.untyped_storage() if hasattr(tensor, "untyped_storage") else tensor.storage()
    return storage.data_ptr(), storage.nbytes()


class File:
    """A file that is laid out, and not written yet: the tensors, those of the largest elements first. What cannot be is found here."""

    def __init__(self, tensors: Mapping[str, Any]) -> None:
        _check(tensors)
        order = sorted(tensors.items(), key=lambda entry: -_element_bytes(entry[1]))
        header: Dict[str, Any] = {_RESERVED: {"format": "pt"}}
        offset = 0
        for name, tensor in order:
            end = offset + _size_of(tensor)
            header[name] = {"dtype": NAMES[dtype_name(tensor)], "shape": list(tensor.shape), "data_offsets": [offset, end]}
            offset = end
        if offset > _ALLOWANCE + _MAX_EXPANSION * sum(dict(_memory_of(tensor) for _, tensor in order).values()):
            raise LimitError("its tensors, written out, are far larger than its data (LIMIT_EXCEEDED)", reason="LIMIT_EXCEEDED")
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
        text += b" " * (-len(text) % _ALIGNMENT)
        if len(text) > _MAX_HEADER:
            raise UnsupportedError("safetensors cannot hold so many names: its header would be too long", reason="UNSUPPORTED_FEATURE")
        self.size = 8 + len(text) + offset
        self._parts = [len(text).to_bytes(8, "little"), text]
        self._tensors = [tensor for _, tensor in order]

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes it."""
        write_whole(path, self._parts, self._tensors)


def write_whole(path: str | os.PathLike[str], parts: List[bytes], tensors: Tuple[Any, ...] | List[Any] = ()) -> None:
    """A file that appears complete: written beside its place, and renamed."""
    target = os.fspath(path)
    fd, temporary = tempfile.mkstemp(prefix=".airlock-", dir=os.path.dirname(os.path.abspath(target)))
    try:
        with open(fd, "wb") as file:
            for part in parts:
                file.write(part)
            for tensor in tensors:
                file.write(_bytes_of(tensor))
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
