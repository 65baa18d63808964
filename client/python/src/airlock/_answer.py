"""What comes back from a call: the messages of one answer, put together."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Optional, Protocol, Tuple

from . import _posture, _wire
from ._errors import DaemonError
from ._payload import LocalPayload, Span, StreamPayload
from ._plan import Plan, word
from ._report import Nested, Report
from .v1 import inventory_pb2, loader_pb2, report_pb2, verdict_pb2

_NUMBERS = {field_.name: field_.number for field_ in loader_pb2.LoadResponse.DESCRIPTOR.fields}


class Allocator(Protocol):
    """Gives the memory that large storages arrive in."""

    def allocate(self, nbytes: int) -> Tuple[Any, memoryview]:
        """An owner, and its memory."""


@dataclass
class Answer:
    """What came back: the report, the plan, and for a load the storages."""

    report: report_pb2.Report
    plan: Plan
    spans: List[Span]


class Taker:
    """Takes the messages of one answer."""

    def __init__(self, allocator: Optional[Allocator]) -> None:
        self._allocator = allocator
        #: What came of it so far, where the call failed.
        self.report: Optional[report_pb2.Report] = None
        self.plan = Plan()
        self._payload: Optional[StreamPayload] = None
        self._complete = False
        self.output_ticket = b""

    def take(self, message: bytes) -> None:
        """The next message, as it stands on the wire."""
        for number, _, value in _wire.fields(message):
            if number == _NUMBERS["data"]:
                self._data(value)
            elif number == _NUMBERS["plan"]:
                self.plan.add(value)
            elif number == _NUMBERS["output_ticket"]:
                self.output_ticket = bytes(value)
            elif number == _NUMBERS["report"]:
                self._report(report_pb2.Report.FromString(bytes(value)))

    def _report(self, report: report_pb2.Report) -> None:
        # Loads that came to no worker have no posture, and say why.
        if report.posture or not report.HasField("failure"):
            _posture.check(report.posture)
        self.report = report

    def _complete_plan(self) -> report_pb2.Report:
        if self.report is None:
            raise DaemonError("the daemon's answer has no report")
        if not self._complete:
            self.plan.finish(self.report)
            self._complete = True
        return self.report

    def _data(self, value: memoryview) -> None:
        if self._payload is None:
            self._complete_plan()
            if self._allocator is None:
                raise DaemonError("the daemon's answer has data that was not asked for")
            self._payload = StreamPayload(self.plan.storages, self._allocator.allocate)
        self._payload.write(value)

    def finish(self) -> Answer:
        """All that was taken."""
        report = self._complete_plan()
        if self._allocator is None:
            return Answer(report, self.plan, [])
        if self._payload is None:
            self._payload = StreamPayload(self.plan.storages, self._allocator.allocate)
        return Answer(report, self.plan, self._payload.finish())

    def finish_local(self, fds: Tuple[int, Optional[int]], mapped: bool) -> Answer:
        """All that was taken, and the storages out of files of this machine."""
        report = self._complete_plan()
        assert self._allocator is not None
        return Answer(report, self.plan, LocalPayload(self.plan, fds, self._allocator.allocate, mapped).spans())


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
