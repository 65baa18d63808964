"""numpy's arrays out of a plan and its storages; also all that there is without torch."""
from __future__ import annotations

from typing import Any, List, Tuple

import numpy as np

from ._errors import UnsupportedError
from ._payload import Span
from ._plan import DTYPE_NAMES, Plan, Tensors
from .v1 import tensor_pb2

_NUMPY = {"bool": "?", "uint8": "u1", "int8": "i1", "int16": "<i2", "int32": "<i4", "int64": "<i8", "float16": "<f2", "float32": "<f4",
          "float64": "<f8", "complex64": "<c8", "complex128": "<c16", "uint16": "<u2", "uint32": "<u4", "uint64": "<u8"}
# What numpy has only with ml_dtypes; without it, integers as long.
_ML_DTYPES = {"bfloat16": "<u2", "float8_e4m3fn": "u1", "float8_e4m3fnuz": "u1", "float8_e5m2": "u1", "float8_e5m2fnuz": "u1",
              "float8_e8m0fnu": "u1"}
_CODES = {"qint8": "i1", "quint8": "u1", "qint32": "<i4", "bits8": "u1", "bits16": "<u2"}


def numpy_dtype(name: str) -> Any:
    """The numpy type for an element type of torch's."""
    if name in _NUMPY:
        return np.dtype(_NUMPY[name])
    if name in _ML_DTYPES:
        try:
            import ml_dtypes  # type: ignore[import-not-found,import-untyped,unused-ignore]
        except ImportError:
            return np.dtype(_ML_DTYPES[name])
        return np.dtype(getattr(ml_dtypes, name))
    if name in _CODES:
        return np.dtype(_CODES[name])
    raise UnsupportedError(f"numpy has no type for {name}", reason="UNSUPPORTED_FEATURE")


def array(tensors: Tensors, number: int, spans: List[Span]) -> Any:
    """One array, in memory of its storage's own unless that is large."""
    dtype = numpy_dtype(DTYPE_NAMES[tensors.dtype[number]])
    storage = tensors.storage[number]
    spans[storage] = _own(spans[storage])
    owner, offset, nbytes, _ = spans[storage]
    if hasattr(owner, "numpy"):
        owner = owner.numpy()
    flat = np.frombuffer(owner, dtype, nbytes // dtype.itemsize, offset)
    shape = tensors.shape_of(number)
    # No step is ever taken in a dimension of one, or in an array of nothing, and those may be more than numpy takes.
    steps = [step if 0 not in shape and size > 1 else 1 for size, step in zip(shape, tensors.stride_of(number))]
    # Elements that stand in many places are better not written to.
    return np.lib.stride_tricks.as_strided(flat[tensors.offset[number]:], shape, tuple(step * dtype.itemsize for step in steps), writeable=0 not in steps)


def _own(span: Span) -> Span:
    """Memory that can be written to, and keeps nothing large alive. It is the storage that is copied, once: a view of four bytes can
    have the shape of a terabyte.
    """
    if hasattr(span.owner, "numpy") and not span.to_copy:
        return span
    memory = np.frombuffer(span.owner.numpy() if hasattr(span.owner, "numpy") else span.owner, np.uint8, span.nbytes, span.offset)
    return Span(memory.copy(), 0, span.nbytes, False) if span.to_copy or not memory.flags.writeable else span


class NumpyMaker:
    """Makes numpy's objects; what torch has beyond them, as plain values."""

    def use(self, plan: Plan, spans: List[Span]) -> None:
        """What the numbers mean."""
        self._tensors = plan.tensors
        self._spans = spans

    @staticmethod
    def allocate(nbytes: int) -> Tuple[Any, memoryview]:
        """Memory of numpy's own."""
        owner = np.empty(nbytes, np.uint8)
        return owner, owner.data

    @staticmethod
    def view(owner: Any) -> memoryview:
        """The memory of what has the buffer interface."""
        return memoryview(owner).cast("B")

    def tensor(self, number: int) -> Any:
        """A strided tensor. Its conjugate and negative bits are carried out; quantised numbers stay integers."""
        made = array(self._tensors, number, self._spans)
        flags = self._tensors.flags[number]
        if flags & tensor_pb2.TENSOR_FLAG_CONJ:
            made = np.conj(made)
        return np.negative(made) if flags & tensor_pb2.TENSOR_FLAG_NEG else made

    def array(self, number: int) -> Any:
        """A numpy array."""
        return array(self._tensors, number, self._spans)

    def storage(self, number: int, dtype: int) -> Any:
        """A storage: its elements, or its bytes."""
        owner, offset, nbytes, _ = self._spans[number]
        kind = numpy_dtype(DTYPE_NAMES[dtype]) if dtype else np.dtype("u1")
        return np.frombuffer(owner, kind, nbytes // kind.itemsize, offset).copy()

    def sparse(self, _bits: int, indices: Any, more_indices: Any, values: Any, size: Tuple[int, ...]) -> Any:
        """A sparse tensor: its parts, in a dict."""
        return {"indices": indices, "more_indices": more_indices, "values": values, "size": size}

    def meta(self, _flags: int, dtype: Any, shape: Tuple[int, ...], strides: Tuple[int, ...]) -> Any:
        """A tensor without data: what is known of it, in a dict."""
        return {"dtype": dtype, "shape": shape, "strides": tuple(strides)}

    def nested(self, buffer: Any, sizes: Any, strides: Any, offsets: Any) -> Any:
        """A nested tensor: its parts, in a dict."""
        return {"values": buffer, "sizes": sizes, "strides": strides, "offsets": offsets}

    @staticmethod
    def dtype(name: str) -> Any:
        """An element type, by name."""
        return f"torch.{name}"

    @staticmethod
    def layout(name: str) -> Any:
        """A layout, by name."""
        return f"torch.{name}"

    @staticmethod
    def device(name: str) -> Any:
        """A device, by name."""
        return name

    @staticmethod
    def size(dims: Tuple[int, ...]) -> Any:
        """A torch.Size: a tuple."""
        return dims

    @staticmethod
    def symbol(_module: str, _name: str) -> Any:
        """No class of torch's is at hand."""
        return None
