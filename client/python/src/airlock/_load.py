"""load, inspect, and what is built on them."""
from __future__ import annotations

import os
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple, Union

from . import _checksums, _client, _names, _weights
from ._answer import Answer, report_of
from ._client import Client
from ._errors import AirlockError, DaemonError, RefusedError, UnknownTypesError, list_lines, printable
from ._paths import Path, join, length
from ._refusals import remedy
from ._report import Report, Symbol
from ._requests import CallOptions
from ._source import FileLike, ObjectSource, Source, source_of
from ._trusted import Trusted
from .v1 import inventory_pb2

__all__ = ["inspect", "load", "load_file", "unknown_types"]

# Of torch.load, without a meaning here.
_TORCHS_OWN = frozenset(("weights_only", "pickle_module", "encoding", "errors", "fix_imports", "buffers"))
_MAX_SHOWN = 1000  # letters of a path in a message


def load(f: FileLike, map_location: Any = None, *, mmap: Optional[bool] = None, trusted: Iterable[Union[str, type]] = (),
         unknown: str = "record", inert: bool = False, framework: Optional[str] = None, member: str = "",
         verify: bool = False, limits: Optional[Mapping[str, int]] = None, timeout: Optional[float] = None,
         on_unknown: Optional[Callable[[List[Symbol]], object]] = None, **torch_options: Any) -> Any:
    """Loads a checkpoint, as torch.load does, without running any of it.

    Args:
        f: a path, or a file object, which is read from its current position.
        map_location: as of torch.load: None, a string, a torch.device, a dict, or a callable.
        mmap: map the file instead of reading it, where the daemon is of this machine: large tensors lie in the file's pages, private to
            this process. Then nobody may write to the file or cut it short for as long as they live, as with torch.load.
        trusted: classes, or their names, whose objects are rebuilt here: by `__new__` and state, never by a call that the file names.
        unknown: "record": objects of classes that are not known become `Record`s. "error": they are an UnknownTypesError.
        inert: load a dangerous file too; what it would call stays an inert record.
        framework: "torch" or "numpy"; None takes torch where it is installed.
        member: the member of a zip archive that is opened as if it were the file.
        verify: hold the data against the checksums (CRC-32) that the file has of them, where it has any: those of zip archives.
        limits: limits by name (proto/airlock/v1/limits.proto), below the daemon's own.
        timeout: seconds.
        on_unknown: is called with the symbols that are not known, if there are any.
        torch_options: torch.load's other arguments (weights_only, pickle_module, encoding ...), which have no meaning here.

    Raises:
        DangerousError, UnknownTypesError, MalformedError, RefusedError, LimitError, UnsupportedError: all of them
            `pickle.UnpicklingError`. FileNotFoundError and its like, as open() raises them.
    """
    for name in torch_options.keys() - _TORCHS_OWN:
        raise TypeError(f"load() has no argument {name!r}")
    if unknown not in ("record", "error"):
        raise ValueError('unknown is "record" or "error"')
    source = source_of(f, member)
    maker = _maker(framework, map_location)
    answer, source = _call(source, lambda client, given: client.load(given, CallOptions(timeout, limits or {}, inert, bool(mmap)), maker))
    trust = Trusted(trusted)
    strange = [symbol for symbol in answer.plan.symbols if symbol.kind != "known" and trust.find(symbol.module, symbol.name) is None]
    if strange and unknown == "error":
        raise _unknown_types(answer, strange, source)
    if strange and on_unknown is not None:
        on_unknown(strange)
    if verify:
        _checksums.verify(answer.plan.storages, answer.spans, maker.view)
    maker.use(answer.plan, answer.spans)
    from ._build import ObjectBuilder

    made = ObjectBuilder(answer.plan, maker, trust).build()
    source.consumed(source.size)
    if answer.report.format == inventory_pb2.FORMAT_SAFETENSORS and isinstance(made, dict):
        made.pop("__metadata__", None)  # as torch.load and safetensors: `inspect(f).tree` has it
    return made


def _maker(framework: Optional[str], map_location: Any) -> Any:
    if framework not in (None, "torch", "pt", "numpy", "np"):
        raise ValueError('framework is "torch" or "numpy"')
    if framework in (None, "torch", "pt"):
        try:
            from ._torch import TorchMaker

            return TorchMaker(map_location)
        except ModuleNotFoundError as error:
            if framework is not None or error.name != "torch":
                raise
    from ._arrays import NumpyMaker

    return NumpyMaker()


def _call(source: Source, call: Callable[[Client, Source], Answer]) -> Tuple[Answer, Source]:
    """One call; again where the private daemon went away, or where a file object holds more than one checkpoint."""
    client = _client.client()
    try:
        return call(client, source), source
    except DaemonError as error:
        if error.reason != "UNAVAILABLE" or not _client.lost(client):
            raise
        return call(_client.client(), source), source
    except RefusedError as error:
        # Streams that follow one another in a file are read one by one, as torch.load does.
        if error.reason != "TRAILING_BYTES" or not isinstance(source, ObjectSource) or not error.offset:
            raise
        source.size = error.offset
        return call(client, source), source


def _shown(path: Path) -> str:
    """A path for a message. Those of deep places are left out: they can be as long as the file."""
    return "somewhere deep" if length(path) > _MAX_SHOWN else printable(join(path)) or "the root"


def _unknown_types(answer: Answer, unknown: List[Symbol], source: Source) -> UnknownTypesError:
    places = _names.uses(answer.plan)
    lines = []
    for symbol in unknown:
        found = places.get((symbol.module, symbol.name), [])
        where = ", ".join(_shown(path) for path in found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
        lines.append(f"{printable(str(symbol))}: {symbol.uses} use{'s' if symbol.uses != 1 else ''}" + (f", at {where}" if where else ""))
    name = printable(source.name) or "the file object"
    trust = ", ".join(f'"{printable(str(symbol))}"' for symbol in unknown[:4]) + (", ..." if len(unknown) > 4 else "")
    return UnknownTypesError(
        f"{name}: holds objects of {len(unknown)} unknown type{'s' if len(unknown) != 1 else ''}. Nothing was imported.\n{list_lines(lines)}\n"
        f'As inert records: airlock.load(..., unknown="record"). Rebuilt, if you trust them: airlock.load(..., trusted=[{trust}]).\n'
        f"The weights alone: {remedy(source)}", unknown, answer.plan.findings, reason="UNKNOWN_TYPES",
        report=report_of(answer.report, answer.plan))


def inspect(f: FileLike, *, member: str = "", limits: Optional[Mapping[str, int]] = None, timeout: Optional[float] = None) -> Report:
    """What is inside a file: format, verdict, symbols, findings, tensors, and the tree of its objects. Moves no weights, needs no torch.

    A dangerous, broken or unsupported file is an answer too: see Report.verdict. What is wrong with the path, or with the
    daemon, is an exception.
    """
    from ._tree import TreeMaker

    source = source_of(f, member)
    try:
        answer, source = _call(source, lambda client, given: client.inspect(given, CallOptions(timeout, limits or {})))
    except DaemonError:
        raise
    except AirlockError as error:
        if error.report is None:
            raise
        return error.report
    report = report_of(answer.report, answer.plan)
    tensors = _names.tensor_infos(answer.plan)
    maker = TreeMaker(answer.plan, tensors)
    from ._build import ObjectBuilder

    tree = ObjectBuilder(answer.plan, maker, Trusted()).build()
    return Report(**{**{name: getattr(report, name) for name in report.__dataclass_fields__}, "tensors": tuple(tensors), "tree": tree})


def unknown_types(f: FileLike, *, member: str = "") -> List[str]:
    """The names of all types in a file that are not known, dangerous ones among them: what `trusted=` could take."""
    report = inspect(f, member=member)
    return [str(symbol) for symbol in (*report.unknown, *report.dangerous)]


def load_file(filename: Union[str, os.PathLike[str]], device: Any = "cpu", *, key: str = "auto", strip: bool = False,
              framework: Optional[str] = None, inert: bool = False, verify: bool = False) -> Dict[str, Any]:
    """The weights of a file of any format, as safetensors.torch.load_file gives them: tensors by name.

    Args:
        filename: the file.
        device: where the tensors go.
        key: which part of a training checkpoint: its dotted path, or "auto": the first of state_dict_ema, model_ema, state_dict, model
            (timm's order), module, model_state_dict that holds tensors; the whole, if it is a mapping of tensors.
        strip: take the prefixes `module.` and `_orig_mod.` off the names.
        framework: as of load.
        inert: as of load.
        verify: as of load.
    """
    value = load(filename, device, framework=framework, inert=inert, verify=verify)
    weights = _weights.weights_of(value, key)[1]
    return _weights.stripped(weights) if strip else weights
