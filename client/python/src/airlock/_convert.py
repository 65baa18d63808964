"""convert: weights to safetensors, and training state apart from them."""
from __future__ import annotations

import json
import os
import stat
import struct
from collections import OrderedDict
from typing import Any, Dict, Mapping, NamedTuple, Optional, Union

from . import _known, _load, _safetensors, _state_reader, _state_writer, _weights
from ._errors import AirlockError, MalformedError, UnsupportedError
from ._record import Record, set_attributes

__all__ = ["convert", "load_training_state"]

WEIGHTS, EMA, OPTIMIZER, STATE = "weights.safetensors", "weights_ema.safetensors", "optimizer.safetensors", "training_state.json"
_EMA_KEYS = ("state_dict_ema", "model_ema")
_WEIGHT_KEYS = ("state_dict", "model", "module", "model_state_dict")
# What reading a document of another shape ends in.
_MISFITS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError, struct.error)
_MAX_DIGITS = 20
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
    path, tensors = _weights.weights_of(value, key)
    file = _file_of(tensors, strip)
    file.write(dst)
    return {"key": path, "tensors": len(tensors), "bytes": file.size, "files": [os.fspath(dst)]}


def _file_of(tensors: Dict[str, Any], strip: bool) -> _safetensors.File:
    return _safetensors.File(_weights.stripped(tensors) if strip else tensors)


class _Part(NamedTuple):
    """Weights that go to a file of their own."""

    path: str
    held: Any  # the object that holds them
    tensors: Dict[str, Any]

    @property
    def flat(self) -> bool:
        """Whether the file of weights says all that the object holds."""
        held = self.held
        return (type(held) in (dict, OrderedDict) and list(held) == list(self.tensors)
                and all(held[name] is tensor for name, tensor in self.tensors.items()))

    @property
    def attributes(self) -> Any:
        """What the object has besides: `_metadata`."""
        return (vars(self.held) or None) if isinstance(self.held, OrderedDict) else None

    def row(self, attributes: Any) -> Dict[str, Any]:
        """What the document says of them."""
        flags = {name: _flags(tensor) for name, tensor in self.tensors.items()}
        return {"key": self.path, "class": "collections.OrderedDict" if isinstance(self.held, OrderedDict) else "dict", "names": list(self.tensors),
                "flags": {name: flag for name, flag in flags.items() if flag}, "attributes": attributes}


def _parts_of(root: Any, key: str) -> Dict[str, _Part]:
    """The weights, by the name of their file."""
    if key != "auto":
        return {WEIGHTS: _Part(key, _weights.at_key(root, key), _weights.weights_of(root, key)[1])}
    found: Dict[str, _Part] = {}
    if isinstance(root, Mapping):
        for file, keys in ((EMA, _EMA_KEYS), (WEIGHTS, _WEIGHT_KEYS)):
            first = _weights.first_of(root, keys)
            if first is not None:
                found[file] = _Part(first[0], root[first[0]], first[1])
    if not found:
        path, tensors = _weights.weights_of(root, "auto")
        found[WEIGHTS] = _Part(path, root, tensors)
    return found


def _split(root: Any, folder: Path, key: str, strip: bool) -> Dict[str, Any]:
    """All of it is made before the first of it is written: a folder that is there is whole, unless the disk is full."""
    parts = _parts_of(root, key)
    files = {name: _file_of(part.tensors, strip) for name, part in parts.items()}
    writer = _state_writer.Writer()
    for name, part in parts.items():
        if part.flat or isinstance(part.held, Record):
            writer.replace(part.held, name)
    *attributes, state = writer.write([*(part.attributes for part in parts.values()), root])
    if writer.tensors:
        files[OPTIMIZER] = _safetensors.File(writer.tensors)
    document = _state_writer.dumps({
        "airlock_training_state": _state_writer.SCHEMA_VERSION, "stripped": strip,
        "weights": {name: part.row(held) for (name, part), held in zip(parts.items(), attributes)},
        "tensors": OPTIMIZER if writer.tensors else None, "state": state})
    os.makedirs(folder, exist_ok=True)
    for name, file in files.items():
        file.write(os.path.join(folder, name))
    _safetensors.write_whole(os.path.join(folder, STATE), [document])
    last = list(parts)[-1]
    return {"key": parts[last].path, "tensors": len(parts[last].tensors), "bytes": files[last].size, "files": [*files, STATE]}


def _flags(tensor: Any) -> str:
    """What safetensors cannot say of a tensor: "parameter", "requires_grad"."""
    parameter = ["parameter"] if type(tensor).__name__ == "Parameter" else []
    return " ".join(parameter + (["requires_grad"] if getattr(tensor, "requires_grad", False) else []))


def load_training_state(folder: Path, *, weights: bool = True, framework: Optional[str] = None) -> Any:
    """The object that `convert(..., split=True)` took apart: what `load` gave of the source.

    Args:
        folder: the folder.
        weights: put the weights back in; else each dict of weights is empty.
        framework: as of `load`.
    """
    try:
        document = json.loads(_document_in(folder), parse_int=_small_int)
        if document["airlock_training_state"] != _state_writer.SCHEMA_VERSION:
            raise UnsupportedError("the training state is of another version", reason="UNSUPPORTED_FEATURE")
        tensors = _load.load(os.path.join(folder, OPTIMIZER), "cpu", framework=framework) if document["tensors"] else {}
        # Whatever the weights are called: their names and flags hold no values.
        values = [document["state"], *(row["attributes"] for row in document["weights"].values())]
        reader = _state_reader.Reader(values, tensors, {})
        for name, row in document["weights"].items():
            if name not in (WEIGHTS, EMA):
                raise MalformedError(f"{os.fspath(folder)}: {STATE} names a file of weights that convert does not write", reason="NOT_A_CHECKPOINT")
            reader.weights[name] = _weights_in(folder, name, row, reader, document["stripped"], framework) if weights else {}
        return reader.read(document["state"])
    except AirlockError:
        raise
    except (*_MISFITS, _known.Misfit) as error:
        raise MalformedError(f"{os.fspath(folder)}: {STATE} is not what convert writes: {error!r}", reason="NOT_A_CHECKPOINT") from error


def _document_in(folder: Path) -> bytes:
    """What the file says. A pipe or a device in its place may have no end, and is not waited for."""
    with open(os.path.join(folder, STATE), "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise MalformedError(f"{os.fspath(folder)}: {STATE} is no file", reason="NOT_A_CHECKPOINT")
        return file.read()


def _small_int(text: str) -> int:
    """A number of JSON. Convert writes none longer, and Python takes the square of its length for a long one."""
    if len(text) > _MAX_DIGITS:
        raise ValueError("a number of too many digits")
    return int(text)


def _weights_in(folder: Path, file: str, row: Any, reader: _state_reader.Reader, stripped: bool, framework: Optional[str]) -> Any:
    found = _load.load(os.path.join(folder, file), "cpu", framework=framework)
    made: Any = OrderedDict() if row["class"] == "collections.OrderedDict" else {}
    for name in row["names"]:
        flags = row["flags"].get(name, "")
        tensor = found[_weights.strip(name) if stripped else name]
        made[name] = reader.flagged(tensor, {flag: True for flag in flags.split()}) if flags else tensor
    if row["attributes"]:
        set_attributes(made, reader.read(row["attributes"]))
    return made
