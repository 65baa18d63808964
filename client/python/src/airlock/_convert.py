"""convert: weights to safetensors, and training state apart from them."""
from __future__ import annotations

import json
import os
import struct
from collections import OrderedDict
from typing import Any, Dict, Mapping, Optional, Tuple, Union

from . import _known, _load, _safetensors, _training_state
from ._errors import AirlockError, MalformedError, UnsupportedError
from ._record import Record

__all__ = ["convert", "load_training_state"]

WEIGHTS, EMA, OPTIMIZER, STATE = "weights.safetensors", "weights_ema.safetensors", "optimizer.safetensors", "training_state.json"
_EMA_KEYS = ("state_dict_ema", "model_ema")
_WEIGHT_KEYS = ("state_dict", "model", "module", "model_state_dict")
# What reading a document of another shape ends in.
_MISFITS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError, struct.error)
Path = Union[str, "os.PathLike[str]"]


def convert(src: Path, dst: Path, *, key: str = "auto", split: bool = False, strip: bool = False, inert: bool = False) -> Dict[str, Any]:
    """Writes the weights of a file of any format as safetensors; with `split`, the training state beside them.

    Args:
        src: the file.
        dst: the safetensors file; with `split` a folder, which gets weights.safetensors, weights_ema.safetensors where there are averaged weights,
            optimizer.safetensors (all other tensors) and training_state.json (all else: typed, lossless; see `load_training_state`).
        key: which part holds the weights, as of `load_file`. With `split`, "auto" takes averaged and plain weights apart.
        split: write a folder.
        strip: take the prefixes `module.` and `_orig_mod.` off the names of the weights.
        inert: convert a dangerous file too, without its dangerous parts.

    Returns:
        {"key": where the weights were, "tensors": how many, "bytes": size of their file, "files": what was written}.
    """
    value = _load.load(src, "cpu", inert=inert, mmap=True)
    if split:
        return _split(value, dst, key, strip)
    path, weights = _load.weights_of(value, key)
    weights = _load.stripped(weights) if strip else weights
    return {"key": path, "tensors": len(weights), "bytes": _safetensors.write(dst, weights), "files": [os.fspath(dst)]}


def _weights_in(root: Any, key: str) -> Dict[str, Tuple[str, Any, Dict[str, Any]]]:
    """File names, each with the path of its weights, the object that holds them, and the tensors."""
    found: Dict[str, Tuple[str, Any, Dict[str, Any]]] = {}
    if key != "auto":
        path, tensors = _load.weights_of(root, key)
        held = root
        for part in key.split("."):
            held = _load.child_of(held, part, key)
        return {WEIGHTS: (path, held, tensors)}
    if isinstance(root, Mapping):
        for file, keys in ((EMA, _EMA_KEYS), (WEIGHTS, _WEIGHT_KEYS)):
            for name in keys:
                mapping = _load.mapping_of(root.get(name))
                tensors = _load.flat_tensors(mapping) if mapping is not None else {}
                if tensors:
                    found[file] = (name, root[name], tensors)
                    break
    if not found:
        path, tensors = _load.weights_of(root, "auto")
        found[WEIGHTS] = (path, root, tensors)
    return found


def _is_flat(held: Any, tensors: Dict[str, Any]) -> bool:
    """Whether the file of weights says all that the object holds."""
    return type(held) in (dict, OrderedDict) and list(held) == list(tensors) and all(held[name] is tensors[name] for name in tensors)


def _split(root: Any, folder: Path, key: str, strip: bool) -> Dict[str, Any]:
    weights = _weights_in(root, key)
    writer = _training_state.Writer()
    described = {}
    for file, (path, held, tensors) in weights.items():
        flat = _is_flat(held, tensors)
        described[file] = {
            "key": path, "class": "collections.OrderedDict" if isinstance(held, OrderedDict) else "dict", "names": list(tensors),
            "flags": {name: _flags(tensor) for name, tensor in tensors.items() if _flags(tensor)},
            "attributes": writer.write(vars(held)) if isinstance(held, OrderedDict) and vars(held) else None}
        if flat or isinstance(held, Record):
            writer.replace(held, file)
    state = writer.write(root)
    os.makedirs(folder, exist_ok=True)
    files = []
    summary: Dict[str, Any] = {}
    for file, (path, _, tensors) in weights.items():
        size = _safetensors.write(os.path.join(folder, file), _load.stripped(tensors) if strip else tensors)
        files.append(file)
        summary = {"key": path, "tensors": len(tensors), "bytes": size}
    if writer.tensors:
        _safetensors.write(os.path.join(folder, OPTIMIZER), writer.tensors)
        files.append(OPTIMIZER)
    document = {"airlock_training_state": _training_state.SCHEMA_VERSION, "stripped": strip, "weights": described,
                "tensors": OPTIMIZER if writer.tensors else None, "state": state}
    _safetensors.write_whole(os.path.join(folder, STATE), [_training_state.dumps(document)])
    return {**summary, "files": [*files, STATE]}


def _flags(tensor: Any) -> str:
    """What safetensors cannot say of a tensor: "parameter", "requires_grad"."""
    if not getattr(tensor, "requires_grad", False) and type(tensor).__name__ != "Parameter":
        return ""
    parameter = ["parameter"] if type(tensor).__name__ == "Parameter" else []
    return " ".join(parameter + (["requires_grad"] if tensor.requires_grad else []))


def load_training_state(folder: Path, *, weights: bool = True, framework: Optional[str] = None) -> Any:
    """The object that `convert(..., split=True)` took apart: what `load` gave of the source.

    Args:
        folder: the folder.
        weights: put the weights back in; else each dict of weights is empty.
        framework: as of `load`.
    """
    try:
        with open(os.path.join(folder, STATE), "rb") as file:
            document = json.loads(file.read())
        if document["airlock_training_state"] != _training_state.SCHEMA_VERSION:
            raise UnsupportedError("the training state is of another version", reason="UNSUPPORTED_FEATURE")
        tensors = _load.load(os.path.join(folder, OPTIMIZER), "cpu", framework=framework) if document["tensors"] else {}
        reader = _training_state.Reader(tensors, {})
        for name, row in document["weights"].items():
            if name not in (WEIGHTS, EMA):
                raise MalformedError(f"{os.fspath(folder)}: {STATE} names a file of weights that convert does not write", reason="NOT_A_CHECKPOINT")
            reader._weights[name] = _weights_of(folder, name, row, reader, document["stripped"], framework) if weights else {}
        return reader.read(document["state"])
    except AirlockError:
        raise
    except (*_MISFITS, _known.Misfit) as error:
        raise MalformedError(f"{os.fspath(folder)}: {STATE} is not what convert writes: {error!r}", reason="NOT_A_CHECKPOINT") from error


def _weights_of(folder: Path, file: str, row: Any, reader: _training_state.Reader, stripped: bool, framework: Optional[str]) -> Any:
    found = _load.load(os.path.join(folder, file), "cpu", framework=framework)
    made: Any = OrderedDict() if row["class"] == "collections.OrderedDict" else {}
    for name in row["names"]:
        flags = row["flags"].get(name, "")
        tensor = found[next(iter(_load.stripped({name: None}))) if stripped else name]
        made[name] = reader._flagged(tensor, {flag: True for flag in flags.split()}) if flags else tensor
    if row["attributes"]:
        vars(made).update(reader.read(row["attributes"]))
    return made
