"""Calls that failed, as exceptions: what the report says, else what the daemon says, else what became of the call."""
from __future__ import annotations

import contextlib
import shlex
from typing import Any, Callable, Dict, Optional, Tuple

from . import _errors, _wire
from ._answer import Taker, report_of
from ._errors import AirlockError, list_lines, printable
from ._plan import word
from ._report import Report
from ._source import Source
from .v1 import verdict_pb2

_DOMAIN = b"airlock.dev"

# Codes that the transport gives by itself: the outcome, and a sentence. Any other without a reason is an error of the daemon's.
_BY_CODE = {
    "CANCELLED": ("CANCELLED", "the call was cancelled"), "DEADLINE_EXCEEDED": ("TIMEOUT", "no answer within the time allowed"),
    "RESOURCE_EXHAUSTED": ("OVERLOADED", "the daemon is overloaded"), "UNAVAILABLE": ("UNAVAILABLE", "the daemon cannot be reached"),
    "UNAUTHENTICATED": ("UNAVAILABLE", "the daemon does not know this caller"),
    "PERMISSION_DENIED": ("UNAVAILABLE", "the daemon does not serve this caller"),
    "UNIMPLEMENTED": ("UNAVAILABLE", "what answers at this address is no Airlock daemon"),
}

_BY_OUTCOME: Dict[str, Callable[..., AirlockError]] = {
    "MALFORMED": _errors.MalformedError, "CRASH": _errors.MalformedError, "REFUSED": _errors.RefusedError, "VIOLATION": _errors.RefusedError,
    "LIMIT": _errors.LimitError, "TIMEOUT": _errors.LoadTimeout, "UNSUPPORTED": _errors.UnsupportedError,
    "NOT_FOUND": _errors.UnsupportedError, "BAD_REQUEST": _errors.UnsupportedError,
}


def explain(error: Any, answer: Taker, source: Source) -> AirlockError:
    """The exception for a call that failed."""
    known = report_of(answer.report, answer.plan) if answer.report is not None else None
    if answer.report is not None and answer.report.HasField("failure"):
        failure = answer.report.failure
        name = word(verdict_pb2.Reason.Name(failure.reason), "REASON_").upper()
        offset = failure.offset if failure.HasField("offset") else None
        return _refusal(name, failure.message, offset, known, source)
    told = _reason_in(error)
    code = error.code().name if callable(getattr(error, "code", None)) else "UNKNOWN"
    details = printable(str(error.details() or "")) if callable(getattr(error, "details", None)) else ""
    if told is not None:
        return _refusal(told, details, None, known, source)
    outcome, sentence = _BY_CODE.get(code, ("INTERNAL", "the daemon failed"))
    kind: Callable[..., AirlockError] = _errors.LoadTimeout if outcome == "TIMEOUT" else _errors.DaemonError
    return kind(f"{sentence}: {details}" if details else sentence, reason=outcome, report=known)


def _facts(reason: str) -> Tuple[str, str]:
    """A reason's outcome, and its sentence: from the one error table, which the descriptor carries."""
    value = verdict_pb2.Reason.DESCRIPTOR.values_by_name.get(f"REASON_{reason}")
    if value is None:
        return "INTERNAL", "internal error"
    extensions: Any = value.GetOptions().Extensions
    facts = extensions[verdict_pb2.reason]
    return word(verdict_pb2.Outcome.Name(facts.outcome), "OUTCOME_").upper(), facts.sentence


def _refusal(reason: str, message: str, offset: Optional[int], report: Optional[Report], source: Source) -> AirlockError:
    outcome, sentence = _facts(reason)
    name = printable(source.name) or "the file object"
    text = f"{name}: {message or sentence} ({reason})"
    if reason == "DANGEROUS_CONTENT" and report is not None:
        text = _danger_text(name, report, source)
        return _errors.DangerousError(text, report.dangerous, report.findings, reason=reason, offset=offset, report=report)
    if reason == "EMPTY_FILE":
        return _errors.EmptyFileError(text, reason=reason, offset=offset, report=report)
    return _BY_OUTCOME.get(outcome, _errors.DaemonError)(text, reason=reason, offset=offset, report=report)


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
