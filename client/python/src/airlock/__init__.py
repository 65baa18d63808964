"""Airlock: opens model checkpoints that nobody should trust. `airlock.load` is shaped like `torch.load` and runs nothing of a file."""
from __future__ import annotations

from ._client import close
from ._convert import convert, load_training_state
from ._errors import (
    AirlockError,
    DaemonError,
    DangerousError,
    EmptyFileError,
    LimitError,
    LoadTimeout,
    MalformedError,
    RefusedError,
    UnknownTypesError,
    UnsupportedError,
)
from ._load import inspect, load, load_file, unknown_types
from ._patch import UnknownTypesWarning, UnsafeLoadWarning, patch
from ._record import AttributeDict, Record, StreamBytes, SymbolName
from ._report import Finding, Nested, Report, Symbol, TensorInfo
from ._safe_open import safe_open
from ._weights import contents, state_dict

__version__ = "0.1.0"

__all__ = [
    "AirlockError", "AttributeDict", "DaemonError", "DangerousError", "EmptyFileError", "Finding", "LimitError", "LoadTimeout",
    "MalformedError", "Nested", "Record", "RefusedError", "Report", "StreamBytes", "Symbol", "SymbolName", "TensorInfo",
    "UnknownTypesError", "UnknownTypesWarning", "UnsafeLoadWarning", "UnsupportedError", "close", "contents", "convert", "inspect", "load",
    "load_file", "load_training_state", "patch", "safe_open", "state_dict", "unknown_types",
]
