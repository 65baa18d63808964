"""What torch says a loaded checkpoint holds, in the words of `airlock load --digests --format json`.

Names are paths from the root joined by dots; a container is expanded once, at the first path that reaches it, in order; a tensor is
listed for every edge from an expanded container. A quantised tensor stands as its integers, a sparse or nested one as its dense parts,
one without data without a digest.
"""
import collections.abc
import hashlib

import torch

SPARSE_PARTS = {"sparse_coo": ("_indices", "_values"), "sparse_csr": ("crow_indices", "col_indices", "values"),
                "sparse_bsr": ("crow_indices", "col_indices", "values"), "sparse_csc": ("ccol_indices", "row_indices", "values"),
                "sparse_bsc": ("ccol_indices", "row_indices", "values")}
NESTED_PARTS = (("values", "values"), ("sizes", "_nested_tensor_size"), ("strides", "_nested_tensor_strides"),
                ("offsets", "_nested_tensor_storage_offsets"))


def row_major_bytes(tensor):
    dense = tensor.detach()
    if dense.is_quantized:
        dense = dense.int_repr()
    dense = dense.resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
    return dense.view(torch.uint8).numpy().tobytes() if dense.numel() else b""


def one(name, tensor):
    return {
        "name": name,
        "dtype": str(tensor.dtype).removeprefix("torch."),
        "shape": list(tensor.shape),
        "strides": list(tensor.stride()),
        "requires_grad": bool(tensor.requires_grad),
        "sha256": hashlib.sha256(row_major_bytes(tensor)).hexdigest(),
    }


def without_data(name, tensor):
    return {"name": name, "dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape), "strides": list(tensor.stride()),
            "requires_grad": bool(tensor.requires_grad), "meta": True}


def dense_parts(name, tensor):
    if tensor.device.type == "meta":
        return [without_data(name, tensor)]
    if tensor.is_nested:
        return [one(f"{name}#{part}", getattr(tensor, method)()) for part, method in NESTED_PARTS]
    if tensor.layout == torch.strided:
        return [one(name, tensor)]
    parts = SPARSE_PARTS[str(tensor.layout).removeprefix("torch.")]
    return [one(f"{name}#{part.lstrip('_')}", getattr(tensor, part)()) for part in parts]


def children(container):
    if isinstance(container, collections.abc.Mapping):
        return list(container.items())
    if isinstance(container, (list, tuple)) and not isinstance(container, torch.Size):
        return list(enumerate(container))
    return []


def describe(root):
    """All tensors of `root`, in order. No recursion: checkpoints nest as deep as they like."""
    expanded, tensors, waiting = set(), [], [("", root)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, torch.Tensor):
            tensors += dense_parts(name, value)
            continue
        inside = children(value)
        if not inside or id(value) in expanded:
            continue
        expanded.add(id(value))
        waiting += [(f"{name}.{key}" if name else str(key), child) for key, child in reversed(inside)]
    return tensors
