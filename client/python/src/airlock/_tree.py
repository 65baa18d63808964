"""The tree of `inspect`: objects as `load` gives them, tensors as what is known of them."""
from __future__ import annotations

from typing import Any, Dict, List, Tuple

from ._arrays import NumpyMaker
from ._plan import DTYPE_NAMES, Plan
from ._report import TensorInfo
from .v1 import tensor_pb2


class TreeMaker(NumpyMaker):
    """Makes a TensorInfo of each tensor; the first name that it has."""

    def __init__(self, plan: Plan, named: List[TensorInfo]) -> None:
        self._plan = plan
        self._by_number: Dict[int, TensorInfo] = {}
        for number, info in zip(plan.entries().tensor, (info for info in named if info.storage >= 0)):
            self._by_number.setdefault(number, info)

    def tensor(self, number: int) -> Any:
        """A tensor, without its data."""
        found = self._by_number.get(number)
        if found is None:
            tensors = self._plan.tensors
            storage = tensors.storage[number]
            found = TensorInfo("", DTYPE_NAMES[tensors.dtype[number]], tensors.shape_of(number), tensors.stride_of(number), storage,
                               tensors.offset[number], bool(tensors.flags[number] & tensor_pb2.TENSOR_FLAG_REQUIRES_GRAD),
                               self._plan.storages.device[storage])
        return found

    array = tensor

    def storage(self, number: int, dtype: int) -> Any:
        """A storage, without its data."""
        storages = self._plan.storages
        return {"storage": number, "nbytes": storages.nbytes[number], "dtype": DTYPE_NAMES[dtype] if dtype else "untyped"}

    def meta(self, _flags: int, dtype: Any, shape: Tuple[int, ...], strides: Tuple[int, ...]) -> Any:
        """A tensor that never had data."""
        return TensorInfo("", str(dtype)[len("torch."):], shape, tuple(strides), -1, 0, bool(_flags & tensor_pb2.TENSOR_FLAG_REQUIRES_GRAD), "meta")
