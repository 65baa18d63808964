"""The nodes of a plan while objects are made of them: what is there, and what is to be filled."""
from __future__ import annotations

from typing import Any, Callable, Dict, List

import numpy as np

from ._plan import Nodes, Plan


class Workspace:
    """The state that the builder's passes share. `objects[node]` is there once `done[node]` is set."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.nodes: Nodes = plan.nodes
        size = len(self.nodes)
        self.objects: List[Any] = [None] * size
        self.done = bytearray(size)
        self.marks = np.frombuffer(self.done, np.uint8)
        self.refs: List[int] = self.nodes.refs.tolist()
        self.start: List[int] = self.nodes.ref_start.tolist()
        self.end: List[int] = self.nodes.ref_end.tolist()
        #: Of nodes that are made in a way of their own, once what they hold is there.
        self.makers: Dict[int, Callable[[int], Any]] = {}
        self.fills: List[Callable[[], None]] = []
        #: Of classes that the caller trusts: when all else is there, what is inside before what holds it.
        self.last_fills: List[Callable[[], None]] = []

    def put(self, at: Any, values: List[Any]) -> None:
        """The objects of many nodes."""
        objects = self.objects
        for node, value in zip(at.tolist(), values):
            objects[node] = value
        self.marks[at] = 1

    def finished(self, node: int, value: Any) -> None:
        """The object of one node."""
        self.objects[node] = value
        self.done[node] = 1

    def children(self, node: int) -> List[int]:
        """The nodes that a node refers to."""
        return self.refs[self.start[node]:self.end[node]]

    def items(self, node: int) -> List[Any]:
        """The objects that a node holds."""
        return [self.objects[child] for child in self.children(node)]

    def bits(self, node: int) -> int:
        """What a record is made of."""
        return int(self.nodes.count[node])
