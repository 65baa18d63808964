"""What torch.load takes as `f`: a path, or a file object that is read from where it stands."""
from __future__ import annotations

import contextlib
import io
import os
import stat
from typing import Any, BinaryIO, Iterator, Optional, Union

from ._errors import MalformedError, UnsupportedError, printable

FileLike = Union[str, "os.PathLike[str]", BinaryIO, io.IOBase]

_CHUNK_BYTES = 512 << 10
_MAX_NAME = 256
# More of a file object is sent and spooled on a disk: it may be compressed, and more than there is memory for.
_MOST_COPIED = 1 << 30


def check_unchanged(name: str, opened: os.stat_result, fd: int) -> None:
    """`opened`: what fstat said of the file when it was opened."""
    now = os.fstat(fd)
    if (opened.st_size, opened.st_mtime_ns) != (now.st_size, now.st_mtime_ns):
        raise MalformedError(f"{printable(name)}: the file changed while it was read (INPUT_CHANGED)", reason="INPUT_CHANGED")


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


class PathSource:
    """A file by name. It is opened here first, so that what is wrong with it is said as open() says it."""

    def __init__(self, path: Union[str, os.PathLike[str]], member: str = "") -> None:
        self.name = os.fspath(path)
        self.member = member
        self.folder = os.path.isdir(self.name)
        # Opening a FIFO would wait for somebody to write to it.
        with open(self.name, "rb", opener=_open_at_once) if not self.folder else contextlib.nullcontext() as file:
            status = os.fstat(file.fileno()) if file else os.stat(self.name)
        if not self.folder and not stat.S_ISREG(status.st_mode):
            raise UnsupportedError(f"{printable(str(self.name))}: neither a file nor a folder (NOT_A_REGULAR_FILE)", reason="NOT_A_REGULAR_FILE")
        self.size = status.st_size
        # The daemon follows no links: it gets the path behind them.
        self.real_path = os.path.realpath(self.name)

    def chunks(self) -> Iterator[bytes]:
        """The bytes, where they must be sent: of one state of the file, or a MalformedError before the last of them."""
        with open(self.name, "rb") as file:
            opened = os.fstat(file.fileno())
            for data in _chunks(file):
                check_unchanged(self.name, opened, file.fileno())
                yield data

    @contextlib.contextmanager
    def descriptor(self) -> Iterator[Optional[int]]:
        """The file, open for reading, where a daemon may have it."""
        if self.folder:
            yield None
            return
        fd = os.open(self.name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield fd
        finally:
            os.close(fd)

    def consumed(self, size: int) -> None:
        """A path has no position."""


class ObjectSource:
    """A file object: what follows its current position. Afterwards it stands behind what was read, as after torch.load."""

    def __init__(self, file: Any, member: str = "", limit: Optional[int] = None) -> None:
        for method in ("read", "seek", "tell"):
            if not hasattr(file, method):
                raise AttributeError(f"a file object without {method}() cannot be loaded from: give a path, or io.BytesIO(f.read())")
        self._file = file
        self._start = file.tell()
        end = file.seek(0, os.SEEK_END)
        self._end = end if isinstance(end, int) else file.tell()
        file.seek(self._start)
        self.member = member
        name = getattr(file, "name", "")
        self.name = name if isinstance(name, str) else ""
        self.size = max(0, self._end - self._start)
        if limit is not None:
            self.size = min(self.size, limit)

    def chunks(self) -> Iterator[bytes]:
        """The bytes from the position on."""
        self._file.seek(self._start)
        yield from _chunks(self._file, self.size)

    @contextlib.contextmanager
    def descriptor(self) -> Iterator[Optional[int]]:
        """The file behind the object, where it is a whole one that the object gives as it is; else a copy in memory, where there is room."""
        with contextlib.nullcontext(self._file) if self._is_a_file() else self._copy() as file:
            fd = None if file is None else _reopen(file.fileno())
        try:
            yield fd
        finally:
            if fd is not None:
                os.close(fd)

    @contextlib.contextmanager
    def _copy(self) -> Iterator[Optional[BinaryIO]]:
        if self.size > _MOST_COPIED:
            yield None
            return
        with os.fdopen(os.memfd_create("airlock"), "wb", buffering=0) as file:
            yield file if all(_write(file, data) for data in self.chunks()) else None

    def _is_a_file(self) -> bool:
        whole = self._start == 0 and self.size == self._end
        plain = type(self._file) is io.FileIO or (type(self._file) is io.BufferedReader and type(self._file.raw) is io.FileIO)
        return whole and plain and stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)

    def consumed(self, size: int) -> None:
        """Sets the position behind `size` bytes."""
        self._file.seek(self._start + size)


Source = Union[PathSource, ObjectSource]


def _reopen(fd: int) -> Optional[int]:
    """Anew, for reading only, as a daemon takes no other; nothing where this process may read what is open, and may not open it."""
    with contextlib.suppress(OSError):
        return os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
    return None


def _write(file: BinaryIO, data: bytes) -> bool:
    """Whether there was room for all of it: memory, and what a file of this process may have."""
    try:
        return file.write(data) == len(data)
    except OSError:
        return False


def _chunks(file: Any, size: Optional[int] = None) -> Iterator[bytes]:
    left = size
    while left is None or left > 0:
        data = file.read(_CHUNK_BYTES if left is None else min(_CHUNK_BYTES, left))
        if not data:
            return
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError("the file is open in text mode; open it with mode 'rb'")
        if left is not None:
            left -= len(data)
        yield bytes(data)


def source_of(f: FileLike, member: str = "") -> Source:
    """The source for what was given."""
    if isinstance(f, (str, os.PathLike)):
        return PathSource(f, member)
    return ObjectSource(f, member)


def upload_name(name: str) -> str:
    """What to call an upload in logs."""
    short = os.path.basename(name)
    try:
        return short if len(short.encode("utf-8")) <= _MAX_NAME else ""
    except UnicodeEncodeError:
        return ""
