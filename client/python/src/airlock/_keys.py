"""Keys of dicts and members of sets, before they are hashed.

Python hashes a tuple through and through, each time it is a key, by a function that recurses: a pair of one pair twice, sixty
levels deep, would take 2^60 steps, and a million levels end the process. Nothing else is hashed so: strings remember their
hash, records and tensors have that of their place.
"""
from __future__ import annotations

from typing import Dict, List, Tuple

import numpy as np

from ._errors import DaemonError, LimitError
from ._plan import Nodes, kind
from ._wire import Column

# Of all keys of a file together, counted as often as they are hashed.
MAX_PARTS = 50_000_000
# Where Python itself stops, for what it guards.
MAX_DEPTH = 1000
_HASHED_THROUGH = ("TUPLE", "FROZEN_SET", "SIZE", "STREAM")
DIGIT_BITS = 64  # of an integer, one step


def _key_refs(nodes: Nodes) -> Column:
    """The nodes that are keys or members, as often as they are."""
    kinds = np.repeat(nodes.kinds, nodes.ref_end - nodes.ref_start)
    place = np.arange(len(nodes.refs)) - np.repeat(nodes.ref_start, nodes.ref_end - nodes.ref_start)
    members = (kinds == kind("SET")) | (kinds == kind("FROZEN_SET"))
    # The first ref of an ordered dict is its attributes.
    keys = ((kinds == kind("DICT")) & (place % 2 == 0)) | ((kinds == kind("ORDERED_DICT")) & (place % 2 == 1))
    found: Column = nodes.refs[members | keys]
    return found


def check(nodes: Nodes) -> None:
    """Refuses a graph whose keys are more to hash than any that a program makes."""
    costly = (*_HASHED_THROUGH, "BIG_INT")
    if not any(map(nodes.has, costly)):
        return
    keys, numbers = _key_refs(nodes), list(map(kind, costly))
    used, times = np.unique(keys[np.isin(nodes.kinds[keys], numbers)], return_counts=True)
    costs = _Costs(nodes)
    total = 0
    for node, count in zip(used.tolist(), times.tolist()):
        total += count * costs.parts(node)
        if total > MAX_PARTS:
            raise LimitError(f"keys of more than {MAX_PARTS} parts together (LIMIT_EXCEEDED)", reason="LIMIT_EXCEEDED")


class _Costs:
    """For a node, how many parts are hashed with it."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._through = frozenset(kind(name) for name in _HASHED_THROUGH)
        self._known: Dict[int, Tuple[int, int]] = {}  # parts, and levels

    def _children(self, node: int) -> List[int]:
        return self._nodes.children(node) if int(self._nodes.kinds[node]) in self._through else []

    def parts(self, node: int) -> int:
        """All of them, those of what is shared each time."""
        stack, open_nodes = [node], set()
        while stack:
            top = stack[-1]
            children = [] if top in self._known else self._children(top)
            waiting = [child for child in children if child not in self._known]
            if waiting:
                if top in open_nodes:
                    raise DaemonError("the value graph in the daemon's answer goes in a circle")
                open_nodes.add(top)
                stack += waiting
                continue
            stack.pop()
            self._known.setdefault(top, self._cost(top, children))
        return self._known[node][0]

    def _cost(self, node: int, children: List[int]) -> Tuple[int, int]:
        own = 1 + (8 * int(self._nodes.count[node]) // DIGIT_BITS if self._nodes.is_kind(node, "BIG_INT") else 0)
        parts = own + sum(self._known[child][0] for child in children)
        levels = 1 + max((self._known[child][1] for child in children), default=0)
        if levels > MAX_DEPTH:
            raise LimitError(f"a key of more than {MAX_DEPTH} levels (LIMIT_EXCEEDED)", reason="LIMIT_EXCEEDED")
        return min(parts, MAX_PARTS + 1), levels
