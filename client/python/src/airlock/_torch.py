"""Torch's objects out of a plan and its storages. Works with torch 1.13 to the current one; nothing of it unpickles."""
from __future__ import annotations

import ctypes
import warnings
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Union

import torch

from . import _arrays
from ._errors import MalformedError, UnsupportedError
from ._payload import SMALL_BYTES, Span
from ._plan import DTYPE_NAMES, Plan
from .v1 import graph_pb2, tensor_pb2

MapLocation = Union[None, str, "torch.device", Mapping[str, str], Callable[[Any, str], Any]]

_PARAMETER = tensor_pb2.TENSOR_FLAG_PARAMETER
_GRAD = tensor_pb2.TENSOR_FLAG_REQUIRES_GRAD
_CONJ = tensor_pb2.TENSOR_FLAG_CONJ
_NEG = tensor_pb2.TENSOR_FLAG_NEG
_QUANTISED = ("qint8", "quint8", "qint32", "quint4x2", "quint2x4")
_LAYOUTS: Dict[int, str] = {graph_pb2.SPARSE_BIT_CSR: "sparse_csr", graph_pb2.SPARSE_BIT_CSC: "sparse_csc", graph_pb2.SPARSE_BIT_BSR: "sparse_bsr",
            graph_pb2.SPARSE_BIT_BSC: "sparse_bsc"}
_LAYOUT_MASK = 7
# The classes that torch's own weights_only loader knows, by where they are pickled from.
_CLASSES: Dict[Tuple[str, str], str] = {("torch.nn.parameter", "Parameter"): "nn.Parameter", ("torch", "Size"): "Size", ("torch", "device"): "device",
                                        ("torch", "Tensor"): "Tensor", ("torch.storage", "UntypedStorage"): "UntypedStorage",
                                        ("torch.storage", "TypedStorage"): "storage.TypedStorage"}


def _named(path: str) -> Any:
    found: Any = torch
    for part in path.split("."):
        found = getattr(found, part, None)
    return found


def untyped_of(tensor: torch.Tensor) -> Any:
    """The tensor's storage, untyped, in any torch."""
    if hasattr(tensor, "untyped_storage"):
        return tensor.untyped_storage()
    storage: Any = tensor.storage()
    return storage.untyped() if hasattr(storage, "untyped") else storage._untyped()


def _restorer(map_location: MapLocation) -> Callable[[Any, str], Any]:
    """What becomes of a storage that lies in memory here, by the name of the device that it was saved from."""
    default: Callable[[Any, str], Any] = torch.serialization.default_restore_location
    if map_location is None:
        return default
    if isinstance(map_location, Mapping):
        moved = map_location
        return lambda storage, location: default(storage, moved.get(location, location))
    if isinstance(map_location, bytes):
        map_location = map_location.decode("ascii")
    if isinstance(map_location, (str, torch.device)):
        target = str(map_location)
        return lambda storage, _: default(storage, target)
    given = map_location

    def restore(storage: Any, location: str) -> Any:
        result = given(storage, location)
        return default(storage, location) if result is None else result

    return restore


class TorchMaker:
    """Makes torch's objects; a storage is made once, however many tensors view it."""

    def __init__(self, map_location: MapLocation = None) -> None:
        _check_modes()
        self._restore = _restorer(map_location)
        # Where everything stays in this process's memory, no storage is asked for its place.
        self._stays = map_location in ("cpu", torch.device("cpu")) if isinstance(map_location, (str, torch.device)) else False
        self._asks_all = callable(map_location) or isinstance(map_location, Mapping)
        self._target: Optional[str] = str(map_location) if isinstance(map_location, (str, torch.device)) else None
        self._storages: Dict[int, Any] = {}
        self._dtypes: Dict[int, Any] = {}

    def use(self, plan: Plan, spans: List[Span]) -> None:
        """What the numbers mean."""
        self._plan = plan
        self._tensors = plan.tensors
        self._spans = spans
        self._devices = plan.storages.device

    @staticmethod
    def allocate(nbytes: int) -> Tuple[Any, memoryview]:
        """Memory of torch's own. Not through numpy(), which takes from a tensor that it can be resized."""
        owner = torch.empty(nbytes, dtype=torch.uint8, device="cpu")
        return owner, TorchMaker.view(owner)

    @staticmethod
    def view(owner: Any) -> memoryview:
        """The memory of what `allocate` made, or of what has the buffer interface. Keeps a tensor's memory not alive."""
        if not isinstance(owner, torch.Tensor):
            return memoryview(owner).cast("B")
        return memoryview((ctypes.c_ubyte * owner.numel()).from_address(owner.data_ptr())).cast("B")

    # Storages

    def _is_here(self, number: int) -> bool:
        return self._stays or (self._target is None and not self._asks_all and self._devices[number] == "cpu")

    def _memory(self, number: int) -> Any:
        """An untyped storage in this process's memory."""
        span = self._spans[number]
        owner, offset, nbytes, _ = span
        if isinstance(owner, torch.Tensor):
            return untyped_of(owner)
        if nbytes == 0:
            return torch.UntypedStorage(0)
        flat = torch.frombuffer(owner, dtype=torch.uint8, count=nbytes, offset=offset)
        return untyped_of(flat.clone() if span.to_copy else flat)

    def _storage(self, number: int) -> Any:
        found = self._storages.get(number)
        if found is None:
            found = self._memory(number)
            if not self._is_here(number):
                found = self._restore(found, self._devices[number])
                found = getattr(found, "_untyped_storage", found)
            self._storages[number] = found
        elif isinstance(found, torch.Tensor):
            found = self._storages[number] = untyped_of(found)
        return found

    def storage(self, number: int, dtype: int) -> Any:
        """A storage as an object of its own."""
        untyped = self._storage(number)
        if dtype == 0:
            return untyped
        typed: Any = torch.storage.TypedStorage
        try:
            return typed(wrap_storage=untyped, dtype=self._dtype(dtype), _internal=True)
        except TypeError:
            return typed(wrap_storage=untyped, dtype=self._dtype(dtype))

    # Tensors

    def _dtype(self, number: int) -> Any:
        found = self._dtypes.get(number)
        if found is None:
            found = self._dtypes[number] = self.dtype(DTYPE_NAMES[number])
        return found

    def tensor(self, number: int) -> Any:
        """A strided tensor, as torch.load gives it."""
        tensors = self._tensors
        dtype = self._dtype(tensors.dtype[number])
        flags = tensors.flags[number]
        start = tensors.dim_start[number]
        end = start + tensors.rank[number]
        shape, stride, offset = tensors.shape[start:end], tensors.stride[start:end], tensors.offset[number]
        storage = tensors.storage[number]
        if number in tensors.quantization:
            made = self._quantised(number, dtype, shape, stride, offset, self._storage(storage))
        else:
            made = self._first_view(storage, dtype, shape, stride, offset)
            if made is None:
                untyped = self._storage(storage)
                made = torch.empty((0,), dtype=dtype, device=untyped.device).set_(untyped, offset, tuple(shape), tuple(stride))
        return self._flagged(made, flags) if flags else made

    def _first_view(self, storage: int, dtype: Any, shape: List[int], stride: List[int], offset: int) -> Any:
        """The first tensor of a small storage: made together with it, which is twice as fast."""
        owner, start, nbytes, shared = self._spans[storage]
        if not shared or not 0 < nbytes < SMALL_BYTES or storage in self._storages or not self._is_here(storage):
            return None
        size = _element_size(dtype)
        count, rest = divmod(nbytes, size)
        # Torch copies with instructions that want elements to be aligned.
        if rest or start % size:
            return None
        made = torch.frombuffer(owner, dtype=dtype, count=count, offset=start).clone()
        self._storages[storage] = made
        if len(shape) == 1 and shape[0] == count and stride[0] == 1 and offset == 0:
            # The storage's table keeps a tensor of its own: attributes of the one must not show on the other.
            return self._own(storage, made)
        self._storages[storage] = untyped_of(made)
        return made.as_strided_(tuple(shape), tuple(stride), offset)

    def _own(self, storage: int, made: Any) -> Any:
        self._storages[storage] = untyped_of(made)
        return made

    @staticmethod
    def _flagged(tensor: Any, flags: int) -> Any:
        if flags & _CONJ:
            torch._C._set_conj(tensor, True)
        if flags & _NEG:
            torch._C._set_neg(tensor, True)
        if flags & _PARAMETER:
            return torch.nn.Parameter(tensor, requires_grad=bool(flags & _GRAD))
        if flags & _GRAD:
            tensor.requires_grad = True
        return tensor

    def _quantised(self, number: int, dtype: Any, shape: List[int], stride: List[int], offset: int, storage: Any) -> Any:
        row = self._tensors.quantization[number]
        device = storage.device
        if row.HasField("per_tensor"):
            made = torch._empty_affine_quantized(tuple(shape), scale=row.per_tensor.scale, zero_point=row.per_tensor.zero_point, dtype=dtype,
                                                 device=device)
        else:
            scales, zero_points = (self.tensor(index).clone() for index in (row.per_channel.scales, row.per_channel.zero_points))
            made = torch._empty_per_channel_affine_quantized(tuple(shape), scales=scales, zero_points=zero_points,
                                                             axis=row.per_channel.axis, dtype=dtype, device=device)
        made.set_(storage, offset, tuple(shape), tuple(stride))
        return made

    def array(self, number: int) -> Any:
        """A numpy array."""
        return _arrays.array(self._tensors, number, self._spans)

    def sparse(self, bits: int, indices: Any, more_indices: Any, values: Any, size: Tuple[int, ...]) -> Any:
        """A sparse tensor. Its indices are checked here too; they lie in memory that nobody else can change."""
        parameter = isinstance(values, torch.nn.Parameter)
        values = values.detach().as_subclass(torch.Tensor) if parameter or values.requires_grad else values
        layout = bits & _LAYOUT_MASK
        try:
            if layout == graph_pb2.SPARSE_BIT_COO:
                made = _checked(torch.sparse_coo_tensor, indices, values, size, device=values.device)
                if bits & graph_pb2.SPARSE_BIT_COALESCED:
                    made._coalesced_(True)
            else:
                _check_compressed(indices, more_indices, values)
                made = _checked(torch.sparse_compressed_tensor, indices, more_indices, values, size,
                                layout=_named(_LAYOUTS[layout]), device=values.device)
        except (RuntimeError, IndexError) as error:
            raise MalformedError(f"a sparse tensor is not what torch takes: {error}", reason="TENSOR_OUT_OF_BOUNDS") from error
        grad = bool(bits & graph_pb2.SPARSE_BIT_REQUIRES_GRAD)
        if parameter:
            return torch.nn.Parameter(made, requires_grad=grad)
        return made.requires_grad_() if grad else made

    def meta(self, flags: int, dtype: Any, shape: Tuple[int, ...], strides: Tuple[int, ...]) -> Any:
        """A tensor without data."""
        return self._flagged(torch.empty_strided(shape, tuple(strides), dtype=dtype, device="meta"), flags)

    def nested(self, buffer: Any, sizes: Any, strides: Any, offsets: Any) -> Any:
        """A nested tensor; each of its tensors lies in the buffer, which is checked here too."""
        make = getattr(torch, "_nested_view_from_buffer", None)
        if make is None:
            raise UnsupportedError("this torch has no nested tensors", reason="UNSUPPORTED_FEATURE")
        parameter, grad = isinstance(buffer, torch.nn.Parameter), buffer.requires_grad
        sizes, strides, offsets = (part.detach().cpu().clone() for part in (sizes, strides, offsets))
        _check_nested(buffer.numel(), sizes.numpy(), strides.numpy(), offsets.numpy())
        made = make(buffer.detach().as_subclass(torch.Tensor), sizes, strides, offsets)
        if parameter:
            return torch.nn.Parameter(made, requires_grad=grad)
        return made.requires_grad_() if grad else made

    # Values

    @staticmethod
    def dtype(name: str) -> Any:
        """An element type, or a quantisation scheme: both are attributes of torch."""
        found = getattr(torch, name, None)
        if not isinstance(found, (torch.dtype, torch.qscheme)):
            raise UnsupportedError(f"this torch ({torch.__version__}) has no dtype {name}", reason="UNSUPPORTED_FEATURE")
        return found

    @staticmethod
    def layout(name: str) -> Any:
        """A layout."""
        found = getattr(torch, name, None)
        if not isinstance(found, torch.layout):
            raise UnsupportedError(f"this torch ({torch.__version__}) has no layout {name}", reason="UNSUPPORTED_FEATURE")
        return found

    @staticmethod
    def device(name: str) -> Any:
        """A device, by name only."""
        return torch.device(name)

    @staticmethod
    def size(dims: Tuple[int, ...]) -> Any:
        """A torch.Size."""
        return torch.Size(dims)

    @staticmethod
    def symbol(module: str, name: str) -> Any:
        """One of torch's own classes, as a value."""
        if (module, name) in _CLASSES:
            return _named(_CLASSES[module, name])
        if module == "torch":
            found = getattr(torch, name, None)
            if isinstance(found, (torch.dtype, torch.qscheme)):
                return found
            if isinstance(found, type) and (name.endswith("Storage") or name.endswith("Tensor")):
                return found
        return None


def _check_modes() -> None:
    """Refuses what a program has switched on, and what would make tensors without memory, or of swapped bytes."""
    if type(torch.empty(0, device="cpu")) is not torch.Tensor:
        raise UnsupportedError("torch makes no memory here (FakeTensorMode): airlock.inspect() has shapes and types without data",
                               reason="UNSUPPORTED_FEATURE")
    order = getattr(torch.serialization, "get_default_load_endianness", lambda: None)()
    if order is not None and order.name == "BIG":
        raise UnsupportedError("set_default_load_endianness(BIG): a file is read as it says itself, and as little-endian where it says nothing",
                               reason="UNSUPPORTED_FEATURE")


def _checked(make: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A sparse tensor whose indices torch has checked: the old ones always do, the new ones where told to."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*beta state.*")
        try:
            return make(*args, check_invariants=True, **kwargs)
        except TypeError:
            return make(*args, **kwargs)


def _element_size(dtype: Any) -> int:
    size: Optional[int] = getattr(dtype, "itemsize", None)
    return size or torch.empty((), dtype=dtype).element_size()


def _check_compressed(compressed: Any, plain: Any, values: Any) -> None:
    """What torch.sparse_compressed_tensor leaves out in some versions: how long the parts are."""
    if compressed.dim() < 1 or plain.dim() != compressed.dim() or values.dim() < compressed.dim():
        raise MalformedError("the parts of a sparse tensor do not fit together", reason="TENSOR_OUT_OF_BOUNDS")


def _check_nested(numel: int, sizes: Any, strides: Any, offsets: Any) -> None:
    good = sizes.ndim == 2 and sizes.shape == strides.shape and offsets.shape == sizes.shape[:1]
    limit = 1 << 62
    for row in range(len(sizes) if good else 0):
        dims, steps, offset = [int(n) for n in sizes[row]], [int(n) for n in strides[row]], int(offsets[row])
        last = offset + sum((dim - 1) * step for dim, step in zip(dims, steps))
        empty = 0 in dims
        good = good and min([*dims, *steps, offset]) >= 0 and max([*dims, *steps, offset], default=0) < limit and (empty or last < numel)
    if not good:
        raise MalformedError("a nested tensor reaches outside its buffer", reason="TENSOR_OUT_OF_BOUNDS")
