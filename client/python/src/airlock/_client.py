"""Calls to a daemon: the one at an address, or a private one that is kept warm for the process."""
from __future__ import annotations

import atexit
import contextlib
import errno
import os
import shlex
import threading
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Protocol, Tuple

from . import _descriptors, _wire
from ._daemon import PrivateDaemon
from ._errors import (
    AirlockError,
    DaemonError,
    DangerousError,
    EmptyFileError,
    LimitError,
    LoadTimeout,
    MalformedError,
    RefusedError,
    UnsupportedError,
    list_lines,
    printable,
)
from ._payload import LocalPayload, Span, StreamPayload
from ._plan import Plan, word
from ._report import Nested, Report
from ._source import PathSource, Source, upload_name
from .v1 import inventory_pb2, limits_pb2, loader_pb2, report_pb2, verdict_pb2

_DOMAIN = b"airlock.dev"
_SERVICE = "/airlock.v1.Loader/"
_NUMBERS = {field_.name: field_.number for field_ in loader_pb2.LoadResponse.DESCRIPTOR.fields}
_OPTIONS = (
    ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.http2.max_frame_size", 1 << 20),
    # Never a retry: a replayed upload can be cut short and still look whole. DNS may not bring a policy in either.
    ("grpc.enable_retries", 0), ("grpc.service_config_disable_resolution", 1), ("grpc.use_local_subchannel_pool", 1),
)
# Below it, a file is sent faster than its descriptor.
_LOCAL_BYTES = 256 << 10
# What a daemon says that was there a moment ago and is not any more.
_GONE = "UNAVAILABLE"


class Allocator(Protocol):
    """Gives the memory that large storages arrive in."""

    def allocate(self, nbytes: int) -> Tuple[Any, memoryview]:
        """An owner, and its memory."""


@dataclass(frozen=True)
class CallOptions:
    """How one call is made."""

    timeout: Optional[float] = None
    limits: Mapping[str, int] = field(default_factory=dict)
    inert: bool = False
    #: Map a local file instead of reading it.
    mapped: bool = False


@dataclass
class Answer:
    """What came back: the report, the plan, and for a load the storages."""

    report: report_pb2.Report
    plan: Plan
    spans: List[Span]


class Client:
    """Speaks to one daemon. Thread-safe."""

    def __init__(self, address: str, daemon: Optional[PrivateDaemon] = None) -> None:
        # What a channel says of a daemon that ends is for nobody's terminal.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        import grpc

        if not address.startswith(("unix:/", "dns:///")):
            raise ValueError(f"not an address: {address} (unix:/path or dns:///host:port)")
        self._address = address
        self._daemon = daemon
        self._channel = _channel(address)
        self._errors = grpc.RpcError
        self._load = self._channel.stream_stream(_SERVICE + "Load", loader_pb2.LoadRequest.SerializeToString, _raw)
        self._inspect = self._channel.stream_stream(_SERVICE + "Inspect", loader_pb2.InspectRequest.SerializeToString, _raw)

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
        return self._run(self._load, loader_pb2.LoadRequest, source, options, allocator)

    def inspect(self, source: Source, options: CallOptions) -> Answer:
        """All but the weights."""
        return self._run(self._inspect, loader_pb2.InspectRequest, source, options, None)

    def _run(self, method: Any, request: Any, source: Source, options: CallOptions, allocator: Optional[Allocator]) -> Answer:
        if source.size >= _LOCAL_BYTES:
            with source.descriptor() as fd:
                ticket = self._ticket(source, fd) if fd is not None else None
                if fd is not None and ticket is not None:
                    return self._run_local(method, _ticketed(request, source, options, ticket), source, options, allocator, fd)
        taker = self._exchange(method, self._requests(request, source, options), source, options, allocator)
        return taker.finish()

    def _exchange(self, method: Any, requests: _Requests, source: Source, options: CallOptions, allocator: Optional[Allocator]) -> _Taker:
        call = method(iter(requests), timeout=options.timeout)
        taker = _Taker(allocator)
        try:
            for message in call:
                taker.take(message)
        except self._errors as error:
            if requests.error is not None:
                raise requests.error from None
            raise taker.explain(error, source) from None
        except BaseException:
            call.cancel()
            raise
        return taker

    def _ticket(self, source: Source, fd: int) -> Optional[bytes]:
        """A ticket for a file, where the daemon is of this machine and takes descriptors."""
        path = _descriptors.socket_path(self._address)
        if not path:
            return None
        try:
            return _descriptors.put(path, [(fd, upload_name(source.name), source.size)])
        except _descriptors.TicketRefused:
            return None  # it is sent another way, and refused there if it must be

    def _run_local(self, method: Any, first: Any, source: Source, options: CallOptions, allocator: Optional[Allocator], fd: int) -> Answer:
        """No byte of a tensor travels: the caller has the file, and gets the memory file that the worker wrote."""
        before = os.fstat(fd)
        taker = self._exchange(method, _Requests(type(first), first, None), source, options, allocator)
        if allocator is None:
            return taker.finish()
        output: Optional[int] = None
        try:
            if taker.output_ticket:
                output, _ = _descriptors.take(_descriptors.socket_path(self._address), taker.output_ticket)
            answer = taker.finish_local((fd, output), options.mapped)
        finally:
            if output is not None:
                os.close(output)
        after = os.fstat(fd)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise MalformedError(f"{printable(source.name)}: the file changed while it was read (INPUT_CHANGED)", reason="INPUT_CHANGED")
        return answer

    def _requests(self, request: Any, source: Source, options: CallOptions) -> _Requests:
        first = _first(request, source, options)
        given = first.options
        if self._reads(source):
            assert isinstance(source, PathSource)
            given.source.path = source.real_path
            return _Requests(request, first, None)
        if isinstance(source, PathSource) and source.folder:
            raise IsADirectoryError(errno.EISDIR, "a folder can be opened by a private daemon only", source.name)
        given.source.upload.size = source.size
        given.source.upload.name = upload_name(source.name)
        return _Requests(request, first, source)

    def _reads(self, source: Source) -> bool:
        """Whether the daemon can open it: a regular file or a folder, whose name is text, of this process's own daemon."""
        if not self.private or not isinstance(source, PathSource) or not (source.regular or source.folder):
            return False
        with contextlib.suppress(UnicodeEncodeError):
            return bool(source.real_path.encode("utf-8"))
        return False


def _raw(message: bytes) -> bytes:
    return message


def _first(request: Any, source: Source, options: CallOptions) -> Any:
    """The first message of a call, but for where the bytes come from."""
    first = request()
    if options.limits:
        first.options.limits.CopyFrom(limits_pb2.Limits(**options.limits))
    if options.inert:
        first.options.inert = True
    first.options.source.member = source.member
    return first


def _ticketed(request: Any, source: Source, options: CallOptions, ticket: bytes) -> Any:
    first = _first(request, source, options)
    first.options.source.ticket = ticket
    if request is loader_pb2.LoadRequest:
        first.options.delivery = loader_pb2.DELIVERY_MAPPED
    return first


class _Requests:
    """What is sent: the options, and for an upload its pieces. gRPC runs it in a thread of its own; what goes wrong there is kept."""

    def __init__(self, request: Any, first: Any, source: Optional[Source]) -> None:
        self._request = request
        self._first = first
        self._source = source
        self.error: Optional[Exception] = None

    def __iter__(self) -> Iterator[Any]:
        yield self._first
        if self._source is not None:
            try:
                yield from self._pieces(self._source)
            except Exception as error:
                self.error = error
                raise

    def _pieces(self, source: Source) -> Iterator[Any]:
        sent = 0
        for data in source.chunks():
            sent += len(data)
            yield self._piece(data, sent >= source.size)
        if source.size == 0:
            yield self._piece(b"", True)

    def _piece(self, data: bytes, finish: bool) -> Any:
        message = self._request()
        message.chunk.data = data
        message.chunk.finish = finish
        return message


def _channel(address: str) -> Any:
    import grpc

    if address.startswith("unix:"):
        return grpc.insecure_channel(address, options=_OPTIONS)
    files = [os.environ.get(f"AIRLOCK_TLS_{name}") for name in ("CA", "CERT", "KEY")]
    if any(files):
        if not all(files):
            raise ValueError("TLS needs all of AIRLOCK_TLS_CA, AIRLOCK_TLS_CERT and AIRLOCK_TLS_KEY")
        authority, certificate, key = (_contents(str(path)) for path in files)
        return grpc.secure_channel(address, grpc.ssl_channel_credentials(authority, key, certificate), options=_OPTIONS)
    host = address[len("dns:///"):]
    if not host.startswith(("localhost:", "127.", "[::1]:")):
        raise ValueError("an address outside this machine needs TLS: AIRLOCK_TLS_CA, AIRLOCK_TLS_CERT and AIRLOCK_TLS_KEY")
    return grpc.insecure_channel(address, options=_OPTIONS)


def _contents(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


class _Taker:
    """Takes the messages of one answer."""

    def __init__(self, allocator: Optional[Allocator]) -> None:
        self._allocator = allocator
        self._report: Optional[report_pb2.Report] = None
        self._plan = Plan()
        self._payload: Optional[StreamPayload] = None
        self._complete = False
        self.output_ticket = b""

    def take(self, message: bytes) -> None:
        """The next message, as it stands on the wire."""
        for number, _, value in _wire.fields(message):
            if number == _NUMBERS["data"]:
                self._data(value)
            elif number == _NUMBERS["plan"]:
                self._plan.add(value)
            elif number == _NUMBERS["output_ticket"]:
                self.output_ticket = bytes(value)
            elif number == _NUMBERS["report"]:
                self._report = report_pb2.Report.FromString(bytes(value))

    def _complete_plan(self) -> report_pb2.Report:
        if self._report is None:
            raise DaemonError("the daemon's answer has no report")
        if not self._complete:
            self._plan.finish(self._report)
            self._complete = True
        return self._report

    def _data(self, value: memoryview) -> None:
        if self._payload is None:
            self._complete_plan()
            assert self._allocator is not None
            self._payload = StreamPayload(self._plan.storages, self._allocator.allocate)
        self._payload.write(value)

    def finish(self) -> Answer:
        """All that was taken."""
        report = self._complete_plan()
        if self._allocator is None:
            return Answer(report, self._plan, [])
        if self._payload is None:
            self._payload = StreamPayload(self._plan.storages, self._allocator.allocate)
        return Answer(report, self._plan, self._payload.finish())

    def finish_local(self, fds: Tuple[int, Optional[int]], mapped: bool) -> Answer:
        """All that was taken, and the storages out of files of this machine."""
        report = self._complete_plan()
        assert self._allocator is not None
        return Answer(report, self._plan, LocalPayload(self._plan, fds, self._allocator.allocate, mapped).spans())

    def explain(self, error: Any, source: Source) -> AirlockError:
        """The exception for a call that failed."""
        known = report_of(self._report, self._plan) if self._report is not None else None
        if self._report is not None and self._report.HasField("failure"):
            failure = self._report.failure
            name = word(verdict_pb2.Reason.Name(failure.reason), "REASON_").upper()
            offset = failure.offset if failure.HasField("offset") else None
            return _refusal(name, failure.message, offset, known, source)
        told = _reason_in(error)
        code = error.code().name if callable(getattr(error, "code", None)) else "UNKNOWN"
        details = printable(str(error.details() or "")) if callable(getattr(error, "details", None)) else ""
        if told is not None:
            return _refusal(told, details, None, known, source)
        sentence = _BY_CODE.get(code, "the daemon failed")
        kind: Callable[..., AirlockError] = LoadTimeout if code == "DEADLINE_EXCEEDED" else DaemonError
        return kind(f"{sentence}: {details}" if details else sentence, reason=code, report=known)


_BY_CODE = {
    "CANCELLED": "the call was cancelled", "DEADLINE_EXCEEDED": "no answer within the time allowed",
    "RESOURCE_EXHAUSTED": "the daemon is overloaded", _GONE: "the daemon cannot be reached",
    "UNAUTHENTICATED": "the daemon does not know this caller", "PERMISSION_DENIED": "the daemon does not serve this caller",
    "UNIMPLEMENTED": "what answers at this address is no Airlock daemon",
}

_BY_OUTCOME: Dict[str, Callable[..., AirlockError]] = {
    "MALFORMED": MalformedError, "REFUSED": RefusedError, "VIOLATION": RefusedError, "CRASH": MalformedError, "LIMIT": LimitError,
    "UNSUPPORTED": UnsupportedError, "NOT_FOUND": UnsupportedError, "BAD_REQUEST": UnsupportedError, "TIMEOUT": LoadTimeout,
}


def _facts(reason: str) -> Tuple[str, str]:
    """A reason's outcome, and its sentence: from the one error table, which the descriptor carries."""
    value = verdict_pb2.Reason.DESCRIPTOR.values_by_name.get(f"REASON_{reason}")
    if value is None:
        return "INTERNAL", "internal error"
    facts = value.GetOptions().Extensions[verdict_pb2.reason]
    return word(verdict_pb2.Outcome.Name(facts.outcome), "OUTCOME_").upper(), facts.sentence


def _refusal(reason: str, message: str, offset: Optional[int], report: Optional[Report], source: Source) -> AirlockError:
    outcome, sentence = _facts(reason)
    name = printable(source.name) or "the file object"
    text = f"{name}: {message or sentence} ({reason})"
    if reason == "DANGEROUS_CONTENT" and report is not None:
        return DangerousError(_danger_text(name, report, source), report.dangerous, report.findings, reason=reason, offset=offset, report=report)
    if reason == "EMPTY_FILE":
        return EmptyFileError(text, reason=reason, offset=offset, report=report)
    return _BY_OUTCOME.get(outcome, DaemonError)(text, reason=reason, offset=offset, report=report)


def _danger_text(name: str, report: Report, source: Source) -> str:
    lines = []
    for symbol in report.dangerous:
        called = "would be called" if symbol.would_call else "named"
        where = f", {symbol.level} level{'s' if symbol.level > 1 else ''} of streams down" if symbol.level else ""
        uses = f"{symbol.uses} use{'s' if symbol.uses > 1 else ''}, first at byte {symbol.first_offset}"
        lines.append(f"{printable(str(symbol))}: {called}, {uses}{where}")
    lines += [f"{printable(finding.message)} [{finding.id}, {printable(finding.where) + ', ' if finding.where else ''}byte {finding.offset}]"
              for finding in report.findings if finding.severity == "danger"]
    others = [printable(str(symbol)) for symbol in report.unknown]
    more = f"\nUnknown types besides: {', '.join(others)}" if others else ""
    return (f"{name}: the file would run code in a pickle loader. Nothing of it ran.\n{list_lines(lines)}{more}\n"
            f"Its data without its dangerous parts: {remedy(source, inert=True)}, or airlock.load(..., inert=True)")


def remedy(source: Source, inert: bool = False) -> str:
    """The command that yields the weights anyway."""
    file = shlex.quote(printable(source.name)) if source.name else "FILE"
    return f"`airlock convert {'--inert ' if inert else ''}{file} weights.safetensors`"


def _reason_in(error: Any) -> Optional[str]:
    """The reason in google.rpc.Status, which the trailing metadata carries."""
    metadata = error.trailing_metadata() if callable(getattr(error, "trailing_metadata", None)) else None
    for key, value in metadata or ():
        if key != "grpc-status-details-bin":
            continue
        with contextlib.suppress(_wire.WireError, UnicodeDecodeError):
            for number, _, detail in _wire.fields(value):
                parts = {inner: bytes(content) for inner, _, content in _wire.fields(detail)} if number == 3 else {}
                if parts.get(1, b"").endswith(b"/google.rpc.ErrorInfo"):
                    info = {inner: bytes(content) for inner, _, content in _wire.fields(parts.get(2, b""))}
                    if info.get(2) == _DOMAIN:
                        return info.get(1, b"").decode("utf-8")
    return None


def report_of(report: report_pb2.Report, plan: Plan) -> Report:
    """The report for people, without tensors and tree."""
    failed = report.HasField("failure")
    reason = word(verdict_pb2.Reason.Name(report.failure.reason), "REASON_").upper() if failed else ""
    form = word(inventory_pb2.Format.Name(report.format), "FORMAT_")
    return Report(
        verdict=word(verdict_pb2.Verdict.Name(report.verdict), "VERDICT_"), format="" if form == "unspecified" else form, size=report.size,
        sha256=report.sha256, posture=word(report_pb2.Posture.Name(report.posture), "POSTURE_"), failure=report.failure.message if failed else "",
        reason=reason, symbols=tuple(plan.symbols), findings=tuple(plan.findings),
        nested=tuple(Nested(row.where, word(inventory_pb2.Format.Name(row.format), "FORMAT_"), row.level) for row in report.nested))


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
