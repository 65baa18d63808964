"""The fd socket: open files go to a daemon of this machine, and come back, beside one packet each way."""
from __future__ import annotations

import array
import fcntl
import os
import socket
from typing import List, Optional, Sequence, Tuple

from ._errors import DaemonError, LoadTimeout
from ._plan import word
from .v1 import descriptors_pb2, verdict_pb2

_MAX_PACKET = 64 << 10
_SECONDS = 30.0
_SHORTEST = 0.001  # none at all is another mode of sockets
# fcntl has them from Python 3.10 on.
_F_GET_SEALS = 1034
_SEALS = 0x0002 | 0x0004 | 0x0008  # shrinking, growing, writing


class TicketRefused(DaemonError):
    """The daemon does not take this file by its descriptor."""


def socket_path(address: str) -> str:
    """The fd socket beside a daemon's unix socket; empty where there is none."""
    if not address.startswith("unix:"):
        return ""
    path = "/" + address[len("unix:"):].lstrip("/") + ".fd"
    return path if os.path.exists(path) else ""


def put(path: str, files: Sequence[Tuple[int, str, int]], timeout: Optional[float] = None) -> bytes:
    """Hands in open files, each with a name and a size; gives a ticket that is good once. `timeout`: seconds, of the caller's own."""
    request = descriptors_pb2.FdRequest()
    for _, name, size in files:
        request.put.files.add(name=name, size=size)
    reply, _ = _ask(path, request, [fd for fd, _, _ in files], timeout)
    return bytes(reply.ticket)


def take(path: str, ticket: bytes, timeout: Optional[float] = None) -> Tuple[int, int]:
    """The memory file that a ticket stands for: its descriptor, and its size. Its seals are checked: nobody can change it."""
    reply, fds = _ask(path, descriptors_pb2.FdRequest(take=descriptors_pb2.Take(ticket=ticket)), [], timeout)
    if len(fds) != 1:
        _close(fds)
        raise DaemonError("the daemon handed over no file")
    if fcntl.fcntl(fds[0], _F_GET_SEALS) & _SEALS != _SEALS or os.fstat(fds[0]).st_size != reply.size:
        _close(fds)
        raise DaemonError("the daemon handed over a file that is not sealed")
    return fds[0], int(reply.size)


def _close(fds: List[int]) -> None:
    for fd in fds:
        os.close(fd)


def _ask(path: str, request: descriptors_pb2.FdRequest, fds: List[int], timeout: Optional[float]) -> Tuple[descriptors_pb2.FdReply, List[int]]:
    seconds = _SECONDS if timeout is None else max(timeout, _SHORTEST)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.settimeout(min(seconds, _SECONDS))
            connection.connect(path)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
            connection.sendmsg([request.SerializeToString()], rights)
            size = array.array("i").itemsize
            packet, control, _, _ = connection.recvmsg(_MAX_PACKET, socket.CMSG_SPACE(size), socket.MSG_CMSG_CLOEXEC)
    except OSError as error:
        if isinstance(error, socket.timeout) and seconds < _SECONDS:
            # Not a daemon that is gone: its caller has less patience.
            raise LoadTimeout("no answer within the time allowed", reason="TIMEOUT") from error
        raise DaemonError(f"the daemon's fd socket does not answer: {error.strerror or error}", reason="UNAVAILABLE") from error
    received = array.array("i")
    for level, kind, data in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            received.frombytes(data[:len(data) - len(data) % received.itemsize])
    reply = descriptors_pb2.FdReply.FromString(packet)
    if reply.HasField("failure"):
        _close(received.tolist())
        reason = word(verdict_pb2.Reason.Name(reply.failure.reason), "REASON_").upper()
        raise TicketRefused(reply.failure.message or reason, reason=reason)
    return reply, received.tolist()

