"""Names in a plan: of tensors, and of the places where symbols are used."""
from __future__ import annotations

from typing import Dict, List, Tuple

from ._paths import Path
from ._plan import DTYPE_NAMES, Plan
from ._report import TensorInfo
from .v1 import tensor_pb2

_MAX_PLACES = 1000


def tensor_infos(plan: Plan) -> List[TensorInfo]:
    """The tensors by name, in the order of the file; those without data among them."""
    entries = plan.entries()
    found = [_info(plan, name, number) for name, number in zip(entries.name, entries.tensor)]
    for name, node, at in reversed(list(zip(entries.meta_name, entries.meta_node, entries.meta_at))):
        found.insert(at, _meta_info(plan, name, node))
    return found


def _info(plan: Plan, name: str, number: int) -> TensorInfo:
    tensors = plan.tensors
    storage = tensors.storage[number]
    return TensorInfo(name, DTYPE_NAMES[tensors.dtype[number]], tensors.shape_of(number), tensors.stride_of(number), storage, tensors.offset[number],
                      bool(tensors.flags[number] & tensor_pb2.TENSOR_FLAG_REQUIRES_GRAD), plan.storages.device[storage])


def _meta_info(plan: Plan, name: str, node: int) -> TensorInfo:
    nodes = plan.nodes
    dtype, shape, strides = nodes.children(node)

    def numbers(part: int) -> Tuple[int, ...]:
        return tuple(int(nodes.ints[nodes.int_start[child]]) for child in nodes.children(part))

    grad = bool(int(nodes.count[node]) & tensor_pb2.TENSOR_FLAG_REQUIRES_GRAD)
    return TensorInfo(name, str(nodes.text(dtype), "utf-8"), numbers(shape), numbers(strides), -1, 0, grad, "meta")


def uses(plan: Plan) -> Dict[Tuple[str, str], List[Path]]:
    """Where objects of each symbol stand, as paths from the root; the first ones of many."""
    nodes = plan.nodes
    found: Dict[Tuple[str, str], List[Path]] = {}
    seen = bytearray(len(nodes))
    stack: List[Tuple[int, Path]] = [(0, None)]
    while stack:
        node, path = stack.pop()
        if nodes.is_kind(node, "SYMBOL"):
            symbol = plan.symbols[nodes.link(node)]
            places = found.setdefault((symbol.module, symbol.name), [])
            # By identity: to compare chains is to walk them, and what stands at one place has one.
            if len(places) < _MAX_PLACES and not any(path is last for last in places[-1:]):
                places.append(path)
        if seen[node]:
            continue
        seen[node] = 1
        stack += reversed(_named_children(plan, node, path))
    return found


def _named_children(plan: Plan, node: int, path: Path) -> List[Tuple[int, Path]]:
    nodes = plan.nodes
    children = nodes.children(node)
    if nodes.is_kind(node, "ORDERED_DICT"):
        children = children[1:]
    if nodes.is_kind(node, "DICT") or nodes.is_kind(node, "ORDERED_DICT"):
        pairs = list(zip(children[::2], children[1::2]))
        return [(key, path) for key, _ in pairs] + [(value, (path, _key_text(plan, key))) for key, value in pairs]
    if nodes.is_kind(node, "LIST") or nodes.is_kind(node, "TUPLE"):
        return [(child, (path, str(at))) for at, child in enumerate(children)]
    # A record's parts stand where it stands.
    return [(child, path) for child in children]


def _key_text(plan: Plan, key: int) -> str:
    nodes = plan.nodes
    if nodes.is_kind(key, "STRING"):
        return str(nodes.text(key), "utf-8", "replace")
    return str(int(nodes.ints[nodes.int_start[key]])) if nodes.is_kind(key, "INT") else "<key>"
