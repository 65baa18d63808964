"""Whole modules and optimizers, pickled by this machine's torch: Airlock recovers what their own state_dict() says, to the bit.

Written by torch.save in both formats, by pickle itself (each storage a stream of its own), and inside byte strings.
"""
import collections
import io
import json
import pathlib
import pickle
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock

try:
    import torch
except ImportError:
    airlock.skip("/usr/bin/python3 has no torch (apt-get install python3-torch)")
import compare
import describe
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.norm = nn.BatchNorm1d(width)
        self.scale = nn.Parameter(torch.rand(width))
        self.absent = nn.Parameter(torch.zeros(1))
        self.absent = None
        self.register_buffer("kept", torch.arange(width))
        self.register_buffer("cache", torch.randn(3), persistent=False)
        self.register_buffer("nothing", None)
        self.plain = torch.ones(2)

    def forward(self, x):
        return self.norm(self.linear(x)) * self.scale


class Everything(nn.Module):
    """What torch.nn has in the way of containers and states, with tied weights and a module under two names."""

    def __init__(self):
        super().__init__()
        self.convolutions = nn.Sequential(collections.OrderedDict(first=nn.Conv2d(3, 8, 3, bias=False), act=nn.ReLU(), second=nn.Conv2d(8, 8, 1)))
        self.blocks = nn.ModuleList(Block(4) for _ in range(3))
        self.heads = nn.ModuleDict({"class": nn.Linear(4, 5), "box": nn.Linear(4, 4), "none": nn.Identity()})
        self.memory = nn.LSTM(4, 6, num_layers=2, bidirectional=True)
        self.words = nn.Embedding(7, 4)
        self.decoder = nn.Linear(4, 7, bias=False)
        self.decoder.weight = self.words.weight
        self.same = self.blocks[1]
        self.scales = nn.ParameterList([nn.Parameter(torch.rand(2)), nn.Parameter(torch.rand(3))])
        self.named = nn.ParameterDict({"left": nn.Parameter(torch.rand(2)), "right": nn.Parameter(torch.rand(2))})
        self.attention = nn.TransformerEncoderLayer(4, 2, 8)
        self.missing = None
        self.whole = nn.Parameter(torch.arange(12.0).reshape(3, 4).t())
        self.frozen = nn.Parameter(torch.rand(3), requires_grad=False)
        self.half = nn.Linear(3, 3).half()

    def forward(self, x):
        return self.heads["class"](self.blocks[0](x)) + self.whole.sum()


def trained(make, module, steps=2):
    """An optimizer with a state, of every second parameter: the others never had a gradient."""
    optimizer = make(module)
    for _ in range(steps):
        for number, parameter in enumerate(p for group in optimizer.param_groups for p in group["params"]):
            parameter.grad = torch.rand_like(parameter) if number % 2 == 0 else None
        optimizer.step()
    return optimizer


def small():
    torch.manual_seed(5)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))


def groups(module):
    parameters = list(module.parameters())
    return torch.optim.AdamW([{"params": parameters[4:], "lr": 0.5}, {"params": parameters[:4], "weight_decay": 0.25}], lr=0.1, amsgrad=True)


OPTIMIZERS = {
    "adam": lambda m: torch.optim.Adam(m.parameters()),
    "sgd": lambda m: torch.optim.SGD(m.parameters(), lr=0.1, momentum=0.9),
    "plain-sgd": lambda m: torch.optim.SGD(m.parameters(), lr=0.1),
    "adamw-groups": groups,
    "rmsprop": lambda m: torch.optim.RMSprop(m.parameters(), centered=True),
}


def recovered(value):
    """The same checkpoint with state_dict() where a module or an optimizer stands, named as Airlock names it."""
    if isinstance(value, (nn.Module, torch.optim.Optimizer)):
        return {"state_dict()": value.state_dict()}
    if isinstance(value, dict):
        return {key: recovered(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [recovered(item) for item in value]
    return value


def objects():
    torch.manual_seed(1)
    everything = Everything()
    yield "module", everything
    yield "data-parallel", nn.DataParallel(small())
    yield "list", [small(), {"model": small(), "epoch": 3, "tensor": torch.ones(2)}]
    yield "inner-and-outer", {"outer": everything, "inner": everything.blocks}
    for name, make in OPTIMIZERS.items():
        module = small()
        yield name, {"model": module, "optimizer": trained(make, module)}


def files():
    """(name, the file's bytes, the object)."""
    for name, value in objects():
        for form, options in (("zip", {}), ("legacy", {"_use_new_zipfile_serialization": False})):
            for protocol in (2, 4):
                out = io.BytesIO()
                torch.save(value, out, pickle_protocol=protocol, **options)
                yield f"{name}-{form}-protocol{protocol}", out.getvalue(), value
        yield f"{name}-pickle", pickle.dumps(value), value
        out = io.BytesIO()
        torch.save({"plain": pickle.dumps(value), "epoch": 1}, out)
        yield f"{name}-in-bytes", out.getvalue(), {"plain": value, "epoch": 1}


# A net that skorch pickled: where its module and optimizer are, the linear layers of the module, the levels of streams.
NETS = {
    "net_cuda.pkl": ("__cuda_dependent_attributes__", (0, 3, 6), 2),
    "model_0.5.0.pkl": ("cuda_dependent_attributes_", (0, 3), 1),
}


def skorch(tally, daemon):
    """Nets that skorch itself pickled, in both of its layouts: weights, optimizer and history, without skorch."""
    folder = airlock.CORPUS / "real"
    if not (folder / "expected.jsonl").exists():
        print(f"no corpus of real files at {folder} (set AIRLOCK_CORPUS): no skorch nets")
        return
    rows = [json.loads(line) for line in (folder / "expected.jsonl").read_text().splitlines()]
    saved = next(row["tensors"] for row in rows if row["file"] == "skorch/net_cuda.pt")
    for name, (attribute, layers, levels) in NETS.items():
        code, answer = airlock.report("--address", daemon.address, "load", folder / "skorch" / name, "--digests")
        tensors = answer.get("tensors") or []
        prefix = f"{attribute}.module_.state_dict()."
        weights = [{**t, "name": t["name"].removeprefix(prefix)} for t in tensors if t["name"].startswith(prefix)]
        wanted = [f"sequential.{layer}.{part}" for layer in layers for part in ("weight", "bias")]
        assert [t["name"] for t in weights] == wanted, [t["name"] for t in tensors]
        assert max(nested["level"] for nested in answer["nested"]) == levels, answer["nested"]
        assert answer["verdict"] == "unknown_types", answer["findings"]
        assert '"train_loss"' in json.dumps(answer["metadata"]), "no history"
        if name == "net_cuda.pkl":
            optimizer = [t["name"] for t in tensors if t["name"].startswith(f"{attribute}.optimizer_.state_dict().state.0.")]
            assert [name.rpartition(".")[2] for name in optimizer] == ["step", "exp_avg", "exp_avg_sq"], optimizer
            # The weights that were saved beside it are others, of the same names and shapes.
            tally.check(name, code, {"tensors": weights},
                        [{key: value for key, value in t.items() if key != "sha256"} for t in saved])


def main():
    print(f"torch {torch.__version__}")
    tally = compare.Tally()
    with airlock.Daemon() as daemon, tempfile.TemporaryDirectory() as directory:
        for name, data, value in files():
            path = pathlib.Path(directory, f"{name}.pt")
            path.write_bytes(data)
            code, answer = airlock.report("--address", daemon.address, "load", path, "--digests")
            tally.check(name, code, answer, describe.describe(recovered(value)))
        skorch(tally, daemon)
    tally.finish()


main()
