"""Where the bytes of storages lie in this process."""
from __future__ import annotations

from typing import Any, Callable, List, NamedTuple, Tuple

import numpy as np

from ._errors import DaemonError
from ._plan import Storages

# Storages below it come in one piece of memory with their neighbours, and are copied out of it when their tensors are made.
SMALL_BYTES = 64 << 10


class Span(NamedTuple):
    """The bytes of one storage: `nbytes` from `offset` of `owner`, which has the buffer interface."""

    owner: Any
    offset: int
    nbytes: int
    #: Whether others lie in the same memory, or it is a file's: then who wants it for itself copies it.
    shared: bool


class StreamPayload:
    """Takes the payload of a stream: the storages' bytes one after the other. Large ones arrive in memory of their own."""

    def __init__(self, storages: Storages, allocate: Callable[[int], Tuple[Any, memoryview]]) -> None:
        self.spans: List[Span] = []
        self._targets: List[memoryview] = []
        self._at = 0  # in the first target
        self._next = 0  # index of the target that is being filled
        run: List[int] = []
        for nbytes in storages.nbytes:
            if nbytes < SMALL_BYTES:
                run.append(nbytes)
                continue
            self._add_run(run)
            run = []
            owner, view = allocate(nbytes)
            self._targets.append(view)
            self.spans.append(Span(owner, 0, nbytes, False))
        self._add_run(run)

    def _add_run(self, sizes: List[int]) -> None:
        total = sum(sizes)
        slab = np.empty(total, np.uint8)
        if total:
            self._targets.append(slab.data)
        offset = 0
        for nbytes in sizes:
            self.spans.append(Span(slab, offset, nbytes, True))
            offset += nbytes

    def write(self, data: memoryview) -> None:
        """The next bytes."""
        taken = 0
        while taken < len(data):
            if self._next == len(self._targets):
                raise DaemonError("the daemon sent more data than its report says")
            target = self._targets[self._next]
            size = min(len(target) - self._at, len(data) - taken)
            target[self._at:self._at + size] = data[taken:taken + size]
            taken += size
            self._at += size
            if self._at == len(target):
                self._at = 0
                self._next += 1

    def finish(self) -> List[Span]:
        """The storages, complete."""
        if self._next != len(self._targets):
            raise DaemonError("the daemon sent less data than its report says", reason="UPLOAD_TRUNCATED")
        self._targets = []
        return self.spans
