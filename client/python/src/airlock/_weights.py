"""Which tensors of a checkpoint are its weights, and what they are called."""
from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple

import numpy as np

from ._errors import LimitError, UnsupportedError, printable
from ._paths import key_text
from ._record import Record, StreamBytes

# timm's order, then what others call it.
_KEYS = ("state_dict_ema", "model_ema", "state_dict", "model", "module", "model_state_dict")
# What a GGUF file says besides its tensors.
_NOT_WEIGHTS = ("__metadata__", "__types__")
# Either may be around the other.
_PREFIXES = ("_orig_mod.", "module.", "_orig_mod.")
# Of names and of the paths on the way to them, together: they grow with depth. The worker's own limit on names.
MAX_NAMES = 256 << 20


def contents(value: Any) -> Any:
    """What bytes hold that are a pickle or a checkpoint themselves (skorch writes such); any other value is its own."""
    return value.contents if isinstance(value, StreamBytes) else value


def is_tensor(value: Any) -> bool:
    """Whether it is a tensor or an array. Its class tells: a record's attributes may be called as a tensor's are."""
    kind = type(value)
    return isinstance(value, np.ndarray) or (hasattr(kind, "shape") and hasattr(kind, "requires_grad"))


def mapping_of(value: Any) -> Optional[Mapping[str, Any]]:
    """The mapping that a value is, or that was recovered of it."""
    value = contents(value)
    if _is_script_module(value):
        return dict(_children(value))
    if isinstance(value, Record):
        value = value.record_state_dict
    return value if isinstance(value, Mapping) else None


class Names:
    """Gives each tensor the name that its path has. Of two tensors of one name, a file could hold one: that is an error."""

    def __init__(self) -> None:
        self.tensors: Dict[str, Any] = {}
        self._left = MAX_NAMES

    def use(self, path: str) -> str:
        """A path, which is paid for."""
        self._left -= len(path)
        if self._left < 0:
            raise LimitError("the names of the tensors are too long together (LIMIT_EXCEEDED)", reason="LIMIT_EXCEEDED")
        return path

    def add(self, name: str, tensor: Any) -> None:
        """One tensor."""
        if name in self.tensors:
            raise UnsupportedError(f"two tensors would have one name: {printable(name)} (UNSUPPORTED_FEATURE)", reason="UNSUPPORTED_FEATURE")
        self.tensors[name] = tensor


def _is_script_module(value: Any) -> bool:
    """Whether it is a module of a TorchScript archive, whose attributes are its parameters, buffers and submodules."""
    return isinstance(value, Record) and value.record_class.startswith("__torch__.")


def _children(value: Any) -> List[Tuple[str, Any]]:
    if _is_script_module(value):  # as its own state_dict(): neither what it was traced with, nor constants of its code
        return [(name, child) for name, child in value.record_attributes.items() if is_tensor(child) or _is_script_module(child)]
    if isinstance(value, Mapping):
        return [(key_text(key), child) for key, child in value.items()]
    return [(str(at), child) for at, child in enumerate(value)] if isinstance(value, (list, tuple)) else []


def flat_tensors(mapping: Mapping[Any, Any]) -> Dict[str, Any]:
    """All tensors below a mapping, by dotted path."""
    names = Names()
    seen = set()
    stack: List[Tuple[str, Any]] = [("", mapping)]
    while stack:
        path, value = stack.pop()
        if is_tensor(value):
            names.add(path, value)
        elif id(value) not in seen:
            seen.add(id(value))
            stack += [(names.use(f"{path}.{name}" if path else name), child) for name, child in reversed(_children(value))]
    return names.tensors


def stripped(weights: Mapping[str, Any]) -> Dict[str, Any]:
    """The weights without the prefixes that DataParallel and torch.compile put in front, as timm's clean_state_dict."""
    names = Names()
    for name, value in weights.items():
        names.add(strip(name), value)
    return names.tensors


def strip(name: str) -> str:
    """One name without them."""
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            name = name[len(prefix):]
    return name


def weights_of(value: Any, key: str) -> Tuple[str, Dict[str, Any]]:
    """Where the weights are, and they."""
    if key != "auto":
        mapping = mapping_of(at_key(value, key))
        if mapping is not None:
            _check_blocks(mapping)
        found = flat_tensors(mapping) if mapping is not None else {}
        if not found:
            raise KeyError(f"there are no tensors under the key {key}")
        return key, found
    root = mapping_of(value)
    if root is None:
        raise UnsupportedError("it is not clear where its weights are: name the key", reason="UNSUPPORTED_FEATURE")
    _check_blocks(root)
    tensors = {name: item for name, item in root.items() if name not in _NOT_WEIGHTS}
    if tensors and all(is_tensor(item) for item in tensors.values()):
        return "", flat_tensors(tensors)
    if root is not value:
        return "", flat_tensors(root)
    found_at = first_of(root, _KEYS)
    if found_at is None:
        names = ", ".join(printable(key_text(name)[:60]) for name in list(root)[:12])
        raise UnsupportedError(f"it is not clear where its weights are; the key could be one of: {names}", reason="UNSUPPORTED_FEATURE")
    return found_at


def _check_blocks(root: Mapping[Any, Any]) -> None:
    """Refuses blocks of GGUF, which are bytes: as weights they would have lost their type."""
    types = root.get("__types__")
    for name, kind in types.items() if isinstance(types, Mapping) else ():
        if is_tensor(root.get(name)):
            raise UnsupportedError(f"{printable(str(name))} is quantised in blocks of the type {printable(str(kind))}, which is no weight by itself; "
                                   "have llama-quantize --allow-requantize write the file as F16 first (UNSUPPORTED_FEATURE)",
                                   reason="UNSUPPORTED_FEATURE")


def first_of(root: Mapping[Any, Any], keys: Tuple[str, ...]) -> Optional[Tuple[str, Dict[str, Any]]]:
    """The first of the keys under which there are tensors, and they."""
    for name in keys:
        mapping = mapping_of(root.get(name))
        found = flat_tensors(mapping) if mapping is not None else {}
        if found:
            return name, found
    return None


def at_key(value: Any, key: str) -> Any:
    """What stands at a dotted path. Names may hold dots themselves: the longest that fits is taken."""
    rest = key
    while rest:
        value = contents(value)
        if isinstance(value, Record) and (rest + ".").startswith("state_dict()."):
            value, rest = value.record_state_dict, rest[len("state_dict()."):]
            continue
        name, value = _child_of(value, rest, key)
        rest = rest[len(name) + 1:]
    return value


def _child_of(value: Any, rest: str, key: str) -> Tuple[str, Any]:
    named = value.record_attributes.items() if isinstance(value, Record) else _children(value)
    fitting = [(name, child) for name, child in named if (rest + ".").startswith(name + ".")]
    if not fitting:
        raise KeyError(f"there is nothing at the key {key}")
    return max(fitting, key=lambda pair: len(pair[0]))


def state_dict(value: Any, key: str = "") -> Dict[str, Any]:
    """The state_dict of a record that stands for a module or an optimizer; of a checkpoint, the one that `load_file` would take.

    Args:
        value: what `load` gave.
        key: the dotted path from there (`model`, `__cuda_dependent_attributes__.optimizer_`).

    Raises:
        KeyError: there is none.
    """
    value = contents(at_key(value, key))
    if isinstance(value, Record):
        if value.record_state_dict is None:
            raise KeyError(f"{value!r} is neither a module nor an optimizer")
        return value.record_state_dict
    return weights_of(value, "auto")[1]
