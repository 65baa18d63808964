"""Where the bytes of storages lie in this process."""
from __future__ import annotations

import mmap
import os
from typing import Any, Callable, List, NamedTuple, Optional, Tuple

import numpy as np

from ._errors import DaemonError, MalformedError
from ._plan import Plan, Storages
from .v1 import tensor_pb2

# Storages below it come in one piece of memory with their neighbours, and are copied out of it when their tensors are made.
SMALL_BYTES = 64 << 10
# Of the largest element there is.
_ALIGNMENT = 16
# Between two small storages of a torch zip there are about 300 bytes.
_GAP_BYTES = 4096
_WINDOW_BYTES = 4 << 20


class Span(NamedTuple):
    """The bytes of one storage: `nbytes` from `offset` of `owner`, which has the buffer interface."""

    owner: Any
    offset: int
    nbytes: int
    #: Whether others lie in the same memory, or it is a file's.
    shared: bool

    @property
    def to_copy(self) -> bool:
        """Whether a tensor gets memory of its own: a copy of something small is cheaper than what would stay, and nobody works on
        elements that are not aligned."""
        return self.shared and (self.nbytes < SMALL_BYTES or self.offset % _ALIGNMENT != 0)


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


class LocalPayload:
    """The payload of a local load: spans of the caller's own file, and of the memory file that the worker wrote.

    Nothing comes over the wire. Either all is read into memory, or the files are mapped, private to this process: written to, a
    page is copied. What is read is read by pread, so that a file which others cut short is an error and not a signal.
    """

    def __init__(self, plan: Plan, fds: Tuple[int, Optional[int]], allocate: Callable[[int], Tuple[Any, memoryview]], mapped: bool) -> None:
        self._storages = plan.storages
        self._fds = fds
        self._allocate = allocate
        # What must not change once it has been checked is copied, mapped or not.
        self._copied = plan.index_storages() if mapped else set(range(len(plan.storages)))
        self._maps: List[Any] = [None, None]

    def spans(self) -> List[Span]:
        """Where each storage lies."""
        made: List[Optional[Span]] = [None] * len(self._storages)
        small: List[int] = []
        for number, nbytes in enumerate(self._storages.nbytes):
            if nbytes and number not in self._copied:
                made[number] = self._mapped(number)
            elif nbytes < SMALL_BYTES:
                small.append(number)
            else:
                owner, view = self._allocate(nbytes)
                self._read(self._place(number), self._storages.offset[number], view)
                made[number] = Span(owner, 0, nbytes, False)
        self._read_small(small, made)
        return [span for span in made if span is not None]

    def _place(self, number: int) -> int:
        """0: the input, 1: the output."""
        return 1 if self._storages.place[number] == tensor_pb2.PLACE_OUTPUT else 0

    def _mapped(self, number: int) -> Span:
        place = self._place(number)
        if self._maps[place] is None:
            self._maps[place] = mmap.mmap(self._fd(place), 0, access=mmap.ACCESS_COPY)
        offset, nbytes = self._storages.offset[number], self._storages.nbytes[number]
        if offset + nbytes > len(self._maps[place]):
            raise _changed()
        return Span(self._maps[place], offset, nbytes, True)

    def _fd(self, place: int) -> int:
        fd = self._fds[place]
        if fd is None:
            raise DaemonError("the daemon's answer refers to a file that it has not handed over")
        return fd

    def _read(self, place: int, offset: int, view: memoryview) -> None:
        done = 0
        while done < len(view):
            count = os.preadv(self._fd(place), [view[done:]], offset + done)
            if count <= 0:
                raise _changed()
            done += count

    def _read_small(self, numbers: List[int], made: List[Optional[Span]]) -> None:
        """Small storages, those that lie close to one another by one read."""
        offsets, sizes = self._storages.offset, self._storages.nbytes
        numbers = sorted(numbers, key=lambda number: (self._place(number), offsets[number]))
        at = 0
        while at < len(numbers):
            first = numbers[at]
            start, end, after = offsets[first], offsets[first] + sizes[first], at + 1
            while after < len(numbers) and self._place(numbers[after]) == self._place(first) and 0 <= offsets[numbers[after]] - end <= _GAP_BYTES:
                end = max(end, offsets[numbers[after]] + sizes[numbers[after]])
                after += 1
                if end - start > _WINDOW_BYTES:
                    break
            start -= start % _ALIGNMENT
            slab = np.empty(end - start, np.uint8)
            if any(sizes[number] for number in numbers[at:after]):
                self._read(self._place(first), start, slab.data)
            for number in numbers[at:after]:
                made[number] = Span(slab, offsets[number] - start, sizes[number], True)
            at = after


def _changed() -> MalformedError:
    return MalformedError("the file changed while it was read (INPUT_CHANGED)", reason="INPUT_CHANGED")
