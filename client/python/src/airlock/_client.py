"""Calls to a daemon: the one at an address, or a private one that is kept warm for the process."""
from __future__ import annotations

import atexit
import collections
import contextlib
import errno
import os
import threading
from typing import Any, Dict, List, Optional

from . import _descriptors, _posture
from ._answer import Allocator, Answer, Taker
from ._channel import channel_to
from ._daemon import PrivateDaemon
from ._refusals import explain
from ._requests import CallOptions, Requests, first_of, ticketed
from ._source import PathSource, Source, check_unchanged, upload_name
from .v1 import loader_pb2

_SERVICE = "/airlock.v1.Loader/"
_ASK_SECONDS = 30.0
# Below it, bytes of tensors are on their way sooner than a descriptor is, where the daemon opens the file itself.
_SMALL_BYTES = 256 << 10


class _Method:
    """A call of the service, made with one message or with many. For many, grpcio keeps two threads: not for one."""

    def __init__(self, channel: Any, name: str, request: Any) -> None:
        self.request = request
        self._one = channel.unary_stream(_SERVICE + name, request.SerializeToString, _raw)
        self._many = channel.stream_stream(_SERVICE + name, request.SerializeToString, _raw)

    def __call__(self, requests: Requests, timeout: Optional[float]) -> Any:
        return self._many(iter(requests), timeout=timeout) if requests.source else self._one(requests.first, timeout=timeout)


class Client:
    """Speaks to one daemon. Thread-safe."""

    def __init__(self, address: str, daemon: Optional[PrivateDaemon] = None) -> None:
        # What a channel says of a daemon that ends is for nobody's terminal.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        import grpc

        self._address = address
        self._daemon = daemon
        self._channel = channel_to(address)
        self._errors = grpc.RpcError
        self._load = _Method(self._channel, "Load", loader_pb2.LoadRequest)
        self._inspect = _Method(self._channel, "Inspect", loader_pb2.InspectRequest)
        self._capabilities = self._channel.unary_unary(_SERVICE + "GetCapabilities", loader_pb2.GetCapabilitiesRequest.SerializeToString,
                                                       loader_pb2.GetCapabilitiesResponse.FromString)
        # What it was found to have; 0 before it was asked.
        self._posture = 0

    @property
    def private(self) -> bool:
        """Whether the daemon is this process's own: then it reads paths itself."""
        return self._daemon is not None

    def close(self) -> None:
        """Ends the channel, and the daemon if it is this process's own."""
        self._channel.close()
        if self._daemon is not None:
            self._daemon.close()

    def load(self, source: Source, options: CallOptions, allocator: Allocator) -> Answer:
        """The whole file."""
        return self._run(self._load, source, options, allocator)

    def inspect(self, source: Source, options: CallOptions) -> Answer:
        """All but the weights."""
        return self._run(self._inspect, source, options, None)

    def _ask_posture(self, source: Source) -> None:
        """Before it gets anything: whether its walls are enough. (A private daemon that has fewer does not start.)"""
        if self.private or not _posture.minimum():
            return
        if not self._posture:
            try:
                self._posture = self._capabilities(loader_pb2.GetCapabilitiesRequest(), timeout=_ASK_SECONDS).posture
            except self._errors as error:
                raise explain(error, Taker(None), source) from None
        _posture.check(self._posture)

    def _run(self, method: _Method, source: Source, options: CallOptions, allocator: Optional[Allocator]) -> Answer:
        self._ask_posture(source)
        socket = "" if source.size < _SMALL_BYTES and self._reads(source) else _descriptors.socket_path(self._address)
        with source.descriptor() if socket else contextlib.nullcontext() as fd:
            ticket = _ticket(socket, source, fd, options.timeout)
            if fd is not None and ticket is not None:
                return self._run_local(method, ticketed(method.request, source, options, ticket), source, options, allocator, fd)
        taker = self._exchange(method, self._requests(method.request, source, options), source, options, allocator)
        return taker.finish()

    def _exchange(self, method: _Method, requests: Requests, source: Source, options: CallOptions, allocator: Optional[Allocator]) -> Taker:
        call = method(requests, options.timeout)
        taker = Taker(allocator)
        try:
            for message in call:
                taker.take(message)
        except self._errors as error:
            if requests.error is not None:
                raise requests.error from None
            raise explain(error, taker, source) from None
        except BaseException:
            _abandon(call, self._errors)
            raise
        return taker

    def _run_local(self, method: _Method, first: Any, source: Source, options: CallOptions, allocator: Optional[Allocator], fd: int) -> Answer:
        """No byte of a tensor travels: the caller has the file, and gets the memory file that the worker wrote."""
        before = os.fstat(fd)
        taker = self._exchange(method, Requests(type(first), first, None), source, options, allocator)
        if allocator is None:
            return taker.finish()
        output: Optional[int] = None
        try:
            if taker.output_ticket:
                output, _ = _descriptors.take(_descriptors.socket_path(self._address), taker.output_ticket, options.timeout)
            answer = taker.finish_local((fd, output), options.mapped)
        finally:
            if output is not None:
                os.close(output)
        check_unchanged(source.name, before, fd)
        return answer

    def _requests(self, request: Any, source: Source, options: CallOptions) -> Requests:
        first = first_of(request, source, options)
        given = first.options
        if self._reads(source):
            assert isinstance(source, PathSource)
            given.source.path = source.real_path
            return Requests(request, first, None)
        if isinstance(source, PathSource) and source.folder:
            raise IsADirectoryError(errno.EISDIR, "a folder can be opened by a private daemon only", source.name)
        given.source.upload.size = source.size
        given.source.upload.name = upload_name(source.name)
        return Requests(request, first, source)

    def _reads(self, source: Source) -> bool:
        """Whether the daemon can open it: a regular file or a folder, whose name is text, of this process's own daemon."""
        if not self.private or not isinstance(source, PathSource):
            return False
        with contextlib.suppress(UnicodeEncodeError):
            return bool(source.real_path.encode("utf-8"))
        return False


def _raw(message: bytes) -> bytes:
    return message


def _ticket(socket: str, source: Source, fd: Optional[int], timeout: Optional[float]) -> Optional[bytes]:
    """A ticket for a file, where the daemon takes its descriptor."""
    if fd is None:
        return None
    try:
        return _descriptors.put(socket, [(fd, upload_name(source.name), source.size)], timeout)
    except _descriptors.TicketRefused:
        return None  # it is sent another way, and refused there if it must be


def _abandon(call: Any, errors: Any) -> None:
    """Ends a call, and takes off what came for it: it is kept until the channel ends, else."""
    call.cancel()
    with contextlib.suppress(errors):
        collections.deque(call, maxlen=0)


# One client for each address and process.

_lock = threading.Lock()
_clients: Dict[str, Client] = {}


def client() -> Client:
    """The client for $AIRLOCK_ADDRESS, or for a private daemon."""
    address = os.environ.get("AIRLOCK_ADDRESS", "")
    with _lock:
        found = _clients.get(address)
        if found is None:
            if address:
                found = Client(address)
            else:
                daemon = PrivateDaemon()
                found = Client(daemon.address, daemon)
            _clients[address] = found
        return found


def lost(gone: Client) -> bool:
    """Whether the client was of a private daemon that is gone: the next call starts another."""
    if not gone.private:
        return False
    with _lock:
        if _clients.get("") is gone:
            del _clients[""]
    gone.close()
    return True


def _in_child() -> None:
    """After a fork: the parent's channel and daemon are the parent's."""
    global _lock
    _lock = threading.Lock()
    for old in _clients.values():
        if old._daemon is not None:
            old._daemon.forget()
        _inherited.append(old)
    _clients.clear()


# Kept, never used: closing a parent's channel in a child is not for a child.
_inherited: List[Client] = []


def close() -> None:
    """Ends this process's private daemon, if one runs. The next load starts another."""
    with _lock:
        ended = list(_clients.values())
        _clients.clear()
    for one in ended:
        one.close()


atexit.register(close)
os.register_at_fork(after_in_child=_in_child)
