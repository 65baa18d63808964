"""What can go wrong, as exceptions: every refusal is a `pickle.UnpicklingError`, which is what callers of torch.load catch."""
from __future__ import annotations

from pickle import UnpicklingError
from typing import TYPE_CHECKING, Optional, Sequence

if TYPE_CHECKING:
    from ._report import Finding, Report, Symbol

__all__ = [
    "AirlockError", "DaemonError", "DangerousError", "EmptyFileError", "LimitError", "LoadTimeout", "MalformedError", "RefusedError",
    "UnknownTypesError", "UnsupportedError",
]

_MAX_LISTED = 40


class AirlockError(UnpicklingError):
    """The file was not loaded.

    Attributes:
        reason: why, a row of the error table (`DANGEROUS_CONTENT`, `LIMIT_EXCEEDED`, ...).
        offset: the byte of the file that it is about, where one is known.
        report: what is known of the file, or None.
    """

    def __init__(self, message: str, *, reason: str = "INTERNAL", offset: Optional[int] = None,
                 report: Optional[Report] = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.offset = offset
        self.report = report


class MalformedError(AirlockError, RuntimeError):
    """The file is broken: truncated, out of bounds, not what its format says."""


class RefusedError(AirlockError):
    """Two readers could see two different files in it, or its decoder did what the walls forbid."""


class LimitError(AirlockError):
    """A named limit was hit; never to be read as "clean"."""


class UnsupportedError(AirlockError):
    """Not a format, or not a feature, that is read. The message says what it is."""


class EmptyFileError(UnsupportedError, EOFError):
    """The file is empty."""


class LoadTimeout(AirlockError, TimeoutError):
    """No answer in the time allowed."""


class DaemonError(AirlockError, RuntimeError):
    """No daemon, or one that failed: says nothing about the file."""


class _SymbolsError(RefusedError):
    """A refusal for the names in a file. `symbols` has them all, `findings` what was found besides."""

    def __init__(self, message: str, symbols: Sequence[Symbol], findings: Sequence[Finding], *, reason: str,
                 offset: Optional[int] = None, report: Optional[Report] = None) -> None:
        super().__init__(message, reason=reason, offset=offset, report=report)
        self.symbols = tuple(symbols)
        self.findings = tuple(findings)


class DangerousError(_SymbolsError):
    """The file would run code in a pickle loader. Here nothing ran."""


class UnknownTypesError(_SymbolsError):
    """The file holds objects of classes that are not known, and `unknown="error"` was asked for."""


def printable(text: str) -> str:
    """Text of a file, fit for a terminal."""
    return text.encode("unicode_escape", "backslashreplace").decode("ascii")


def list_lines(lines: Sequence[str]) -> str:
    """One line each, indented; the last one says how many are left out."""
    shown = [f"  {line}" for line in lines[:_MAX_LISTED]]
    if len(lines) > _MAX_LISTED:
        shown.append(f"  ... and {len(lines) - _MAX_LISTED} more")
    return "\n".join(shown)
