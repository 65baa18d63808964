"""What is sent in a call: its options, and the bytes of the file or where a daemon finds them."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping, Optional

from ._source import Source
from .v1 import limits_pb2, loader_pb2


@dataclass(frozen=True)
class CallOptions:
    """How one call is made."""

    timeout: Optional[float] = None
    limits: Mapping[str, int] = field(default_factory=dict)
    inert: bool = False
    #: Map a local file instead of reading it.
    mapped: bool = False


def first_of(request: Any, source: Source, options: CallOptions) -> Any:
    """The first message of a call, but for where the bytes come from."""
    first = request()
    if options.limits:
        first.options.limits.CopyFrom(limits_pb2.Limits(**options.limits))
    if options.inert:
        first.options.inert = True
    first.options.source.member = source.member
    return first


def ticketed(request: Any, source: Source, options: CallOptions, ticket: bytes) -> Any:
    """The first message of a call for a file whose descriptor the daemon has."""
    first = first_of(request, source, options)
    first.options.source.ticket = ticket
    if request is loader_pb2.LoadRequest:
        first.options.delivery = loader_pb2.DELIVERY_MAPPED
    return first


class Requests:
    """What is sent: the options, and for an upload its pieces. gRPC runs it in a thread of its own; what goes wrong there is kept."""

    def __init__(self, request: Any, first: Any, source: Optional[Source]) -> None:
        self._request = request
        #: The first message, and the only one where nothing is uploaded.
        self.first = first
        #: What is uploaded.
        self.source = source
        self.error: Optional[Exception] = None

    def __iter__(self) -> Iterator[Any]:
        yield self.first
        if self.source is not None:
            try:
                yield from self._pieces(self.source)
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
