"""The walls that are enough: those of $AIRLOCK_MINIMUM_POSTURE, whichever daemon it is. A private one reads it itself, and does not start."""
from __future__ import annotations

import os
from typing import Dict

from ._errors import DaemonError, printable
from ._plan import word
from .v1 import report_pb2

_VARIABLE = "AIRLOCK_MINIMUM_POSTURE"


def _word(posture: int) -> str:
    return word(report_pb2.Posture.Name(posture), "POSTURE_").replace("_", "-")


def minimum() -> int:
    """The posture that is asked for; 0 where none is."""
    named = os.environ.get(_VARIABLE, "")
    postures: Dict[str, int] = {_word(number): number for number in report_pb2.Posture.values() if number}
    if named and named not in postures:
        raise ValueError(f"{_VARIABLE} is {printable(named)}, and none of {', '.join(sorted(postures))}")
    return postures.get(named, 0)


def check(posture: int) -> None:
    """An error where walls are below what is asked for."""
    wanted = minimum()
    if posture < wanted:
        raise DaemonError(f"the daemon's walls are {_word(posture)}, below the minimum that was asked for: {_word(wanted)} ({_VARIABLE})",
                          reason="UNAVAILABLE")
