"""Files beside torch's zip: what this machine's torch makes of them, Airlock does too; of GGUF, what was written into it."""
import collections
import hashlib
import operator
import pathlib
import struct
import sys
import tempfile
import zipfile
from typing import Dict, List

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock

try:
    import torch
except ImportError:
    airlock.skip("/usr/bin/python3 has no torch (apt-get install python3-torch)")
import compare
import describe
import gguf_file
import torch_tar
from torch_tar import Reference, Storage, Tensor

KINDS = {"Float": "f", "Double": "d", "Long": "q", "Int": "i", "Short": "h", "Char": "b", "Byte": "B"}


def tars():
    for kind, code in KINDS.items():
        data = struct.pack(f"<12{code}", *range(12))
        storage = Storage(101, kind, 12, data, views=[(102, 4, 8), (103, 6, 4)])
        tensors = [Tensor(201, 101, kind, (3, 4), (4, 1)), Tensor(202, 101, kind, (4, 3), (1, 4)), Tensor(203, 102, kind, (2, 2), (2, 1), 3),
                   Tensor(204, 103, kind, (4,), (1,)), Tensor(205, 101, kind, (2, 0), (1, 1))]
        named = collections.OrderedDict((f"layer.{t.key}", Reference(t.key)) for t in tensors)
        tree = {"state_dict": named, "epoch": 3, "again": [Reference(201), (Reference(204), "text", None, 2.5, True)]}
        yield f"tar-{kind}", torch_tar.checkpoint(tree, [storage], tensors)
    two = [Storage(1, "Float", 4, bytes(16)), Storage(2, "Half", 2, b"\0\x3c\0\x40"), Storage(3, "Float", 0, b"")]
    yield "tar-bare-tensor", torch_tar.checkpoint(Reference(9), two, [Tensor(9, 2, "Half", (2,), (1,))])
    yield "tar-no-tensors", torch_tar.checkpoint({"lr": 0.1, "names": ["a", "b"]}, [], [])


def check_tars(tally, daemon, directory):
    for name, data in tars():
        path = pathlib.Path(directory, f"{name}.pth")
        path.write_bytes(data)
        # Written above by this very program: the one place where torch may unpickle. It wants a file for tar.
        with open(path, "rb") as file:
            expected = describe.describe(torch.load(file))
        code, answer = airlock.report("--address", daemon.address, "load", path, "--digests")
        if answer["format"] != "torch_tar" or answer["verdict"] != "clean":
            tally.failed.append(name)
            print(f"{name}: {answer['format']}, {answer['verdict']}, {answer['symbols']}, {answer['findings']}")
        tally.check(name, code, answer, expected)


def check_gguf(tally, daemon, directory):
    """Against what was written: torch itself reads none."""
    tensors = [("norm.weight", (5,), 0, "float32", struct.pack("<5f", *range(5)), None),
               ("half", (2, 3), 1, "float16", bytes(range(12)), None), ("brain", (4,), 30, "bfloat16", bytes(range(8)), None),
               ("blk.0.attn_q.weight", (3, 512), 12, "uint8", bytes(i % 251 for i in range(3 * 288)), (3, 288)),
               ("blk.0.ffn.weight", (2, 2, 64), 8, "uint8", bytes(i % 249 for i in range(4 * 68)), (2, 2, 68))]
    values = {"general.architecture": "llama", "llama.block_count": 1, "eps": 0.5, "tokenizer.ggml.tokens": ["<s>", "a", "\u00e9"]}
    path = pathlib.Path(directory, "model.gguf")
    path.write_bytes(gguf_file.file(values, [(name, shape, kind, data) for name, shape, kind, _, data, _ in tensors]))
    code, answer = airlock.report("--address", daemon.address, "load", path, "--digests")
    expected = [{"name": name, "dtype": dtype, "shape": list(rows or shape), "requires_grad": False,
                 "sha256": hashlib.sha256(data).hexdigest()} for name, shape, _, dtype, data, rows in tensors]
    tally.check("gguf", code, answer, expected)
    if (answer["format"], answer["verdict"]) != ("gguf", "clean"):
        tally.failed.append("gguf")
        print(f"gguf: {answer['format']}, {answer['verdict']}")


class Inner(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(3, 3)
        self.register_buffer("steps", torch.tensor([1, 2, 3]))

    def forward(self, x):
        return self.linear(x)


class Net(torch.nn.Module):
    sizes: List[int]
    names: Dict[str, float]

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv1d(3, 3, 2)
        self.inner = Inner()
        self.stack = torch.nn.Sequential(Inner(), torch.nn.BatchNorm1d(3))
        self.tied = self.inner.linear
        self.sizes, self.names, self.label = [1, 2, 3], {"a": 0.5}, "net"
        self.scale = torch.nn.Parameter(torch.arange(6.).reshape(2, 3).t(), requires_grad=False)

    def forward(self, x):
        return self.stack(self.inner(x))


FROZEN = Net().eval()


def scripts():
    yield "scripted", torch.jit.script(Net())
    yield "traced", torch.jit.trace(Net().eval(), torch.ones(4, 3))
    yield "half", torch.jit.script(Inner().half())
    yield "bare", torch.jit.script(torch.nn.ReLU())
    quantized = torch.ao.quantization.quantize_dynamic(Inner(), {torch.nn.Linear})
    yield "frozen", torch.jit.freeze(torch.jit.script(FROZEN), optimize_numerics=False)
    yield "quantized", torch.jit.script(quantized)


def check_scripts(tally, daemon, directory):
    by_name = operator.itemgetter("name")
    for name, module in scripts():
        path = pathlib.Path(directory, f"{name}.ts")
        torch.jit.save(module, str(path), _extra_files={"note.txt": "by the author"})
        state = torch.jit.load(str(path)).state_dict()
        expected = sorted(describe.describe({k: v for k, v in state.items() if isinstance(v, torch.Tensor)}), key=by_name)
        for row in expected:
            row.pop("requires_grad", None)  # which state_dict drops
        code, answer = airlock.report("--address", daemon.address, "load", path, "--digests")
        listed = answer["tensors"]
        if name == "frozen":  # its weights are constants of its code
            values = {row["sha256"] for row in listed if row["name"].startswith("constants.")}
            weight = describe.describe({"weight": FROZEN.inner.linear.weight})[0]["sha256"]
            expected, listed = ([] if weight in values else [{"name": "the weight among the constants"}]), []
        elif name == "quantized":  # packed weights have no name in a state_dict
            packed = [row for row in listed if "_packed_params" in row["name"]]
            listed = [row for row in listed if "_packed_params" not in row["name"]]
            expected = expected if sorted(row["dtype"] for row in packed) == ["float32", "qint8"] else [{"name": "packed weights"}]
        tally.check(f"torchscript-{name}", code, dict(answer, tensors=sorted(listed, key=by_name)), expected)
        notes = {finding["id"] for finding in answer["findings"]}
        if (answer["format"], answer["verdict"]) != ("torchscript", "clean") or notes != {"torchscript.code", "torchscript.extra-file"}:
            tally.failed.append(name)
            print(f"{name}: {answer['format']}, {answer['verdict']}, {notes}, {[s for s in answer['symbols'] if s['class'] != 'known']}")


def agent(path, compression=zipfile.ZIP_STORED, **members):
    """As stable-baselines3 saves an agent: text, and checkpoints that are written into the archive as they come."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("data", '{"policy_class": "MlpPolicy"}')
        for name, value in members.items():
            with archive.open(f"{name}.pth", mode="w", force_zip64=True) as file:
                torch.save(value, file)
        archive.writestr("system_info.txt", "OS: Linux\nPython: 3.9\n")


def check_agents(tally, daemon, directory):
    policy = {"net.weight": torch.arange(12.).reshape(3, 4), "net.bias": torch.ones(3)}
    members = {"policy": policy, "variables": {"log_std": torch.zeros(2, dtype=torch.float64)}}
    path = pathlib.Path(directory, "agent.zip")
    agent(path, **members)
    code, answer = airlock.report("--address", daemon.address, "load", path, "--digests")
    tally.check("agent", code, answer, describe.describe({f"{name}.pth": value for name, value in members.items()}))
    if (answer["format"], answer["verdict"]) != ("zip_of_checkpoints", "clean"):
        tally.failed.append("agent")
        print(f"agent: {answer['format']}, {answer['verdict']}, {answer['findings']}")
    for name, value in members.items():
        code, answer = airlock.report("--address", daemon.address, "load", f"{path}!{name}.pth", "--digests")
        tally.check(f"agent!{name}", code, answer, describe.describe(value))
    deflated = pathlib.Path(directory, "deflated.zip")
    large = dict(members, large={"w": torch.arange(3_000_000.), "sparse": torch.eye(300).to_sparse()})
    agent(deflated, zipfile.ZIP_DEFLATED, **large)
    for command in ("load", "inspect"):
        options = ("--digests",) if command == "load" else ()
        code, answer = airlock.report("--address", daemon.address, command, deflated, *options)
        expected = describe.describe({f"{name}.pth": value for name, value in large.items()})
        for row in expected if command == "inspect" else ():
            row.pop("sha256")
        tally.check(f"deflated agent, {command}", code, answer, expected)
    code, answer = airlock.report("--address", daemon.address, "load", f"{deflated}!large.pth", "--digests")
    tally.check("deflated agent!large", code, answer, describe.describe(large["large"]))
    code, answer = airlock.report("load", f"{path}!policy.pth", "--digests")  # by a private daemon, from where it lies
    tally.check("agent!policy, private", code, answer, describe.describe(policy))
    literal = pathlib.Path(f"{path}!policy.pth")
    torch.save(members["variables"], literal)
    code, answer = airlock.report("--address", daemon.address, "load", literal, "--digests")
    tally.check("a file of that very name", code, answer, describe.describe(members["variables"]))
    literal.unlink()
    for name, want in (("nothing.pth", 66), ("data", 2)):
        code, answer = airlock.report("--address", daemon.address, "inspect", f"{path}!{name}")
        tally.check(f"agent!{name}", 0 if code == want else code, {"tensors": []}, [])
    target = pathlib.Path(directory, "policy.safetensors")
    done = airlock.run("--address", daemon.address, "convert", f"{path}!policy.pth", target)
    tally.check("convert of a member", done.returncode, {"tensors": [{"name": str(target.exists())}]}, [{"name": "True"}])


def main():
    print(f"torch {torch.__version__}")
    tally = compare.Tally()
    with airlock.Daemon() as daemon, tempfile.TemporaryDirectory() as directory:
        check_tars(tally, daemon, directory)
        check_scripts(tally, daemon, directory)
        check_agents(tally, daemon, directory)
        check_gguf(tally, daemon, directory)
    tally.finish()


main()
