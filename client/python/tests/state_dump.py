"""What two loads of one checkpoint must have in common: values and types. In safetensors storages stand alone, and strides are those of rows."""
import sys

import torch

import package
import airlock

sys.path.insert(0, str(package.ROOT / "tests" / "conformance"))
import canonical


class Dumper(canonical.Dumper):
    def node(self, value):
        if isinstance(value, (airlock.Record, airlock.SymbolName)):
            self.tokens.append(repr(value))
            return [value.record_state] if isinstance(value, airlock.Record) else []
        if isinstance(value, torch.Tensor) and value.layout is torch.strided:
            number = self.again("n", id(value))
            self.kept.append(value)
            if number is not None:
                raw = value.detach().resolve_conj().contiguous().reshape(-1)
                raw = raw.as_strided(raw.shape, (1,))  # one element is contiguous by any stride
                self.tokens.append(f"t{value.dtype}{tuple(value.shape)}{value.requires_grad}{type(value).__name__}"
                                   f"{bytes(raw.view(torch.uint8).numpy()).hex() if raw.numel() else ''}")
            return []
        return super().node(value)


def dump(value):
    """The text of it."""
    return Dumper().run(value)
