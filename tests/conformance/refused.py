"""Real files that torch's own safe loader refuses, and those that are none of torch's: weights, data, order and sharing come out of Airlock
as an independent reader has them (inert.py), what is recovered from modules and optimizers as torch's rules say.

With corpus.py, which has the rows that torch reads, this is every file of corpus/real: a file that neither knows is a failure.
"""
import functools
import hashlib
import io
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock

try:
    import numpy
    import torch
except ImportError:
    airlock.skip("/usr/bin/python3 has no torch and numpy (apt-get install python3-torch python3-numpy)")
import canonical
import compare
import describe
import inert
from canonical import Literal
from inert import Record, Stream

# Nets of skorch: where the bytes are that hold another stream, and how that is written.
NETS = {"skorch/net_cuda.pkl": ("__cuda_dependent_attributes__", lambda raw: inert.Unpickler(io.BytesIO(raw)).load()),
        "skorch/model_0.5.0.pkl": ("cuda_dependent_attributes_", lambda raw: inert.legacy(io.BytesIO(raw)))}


def net(path, attribute, read):
    root = inert.Unpickler(io.BytesIO(path.read_bytes())).load()
    raw = root.state[attribute]
    root.state[attribute] = Stream(raw, read(raw))
    return root


def joblib_file(path):
    return inert.joblib(path.read_bytes())


def npy(path):
    return numpy.load(path, allow_pickle=False)


def npz(path):
    with numpy.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


# Each file, and who else reads it.
READERS = {
    "chemprop/example_model_v1_regression_mol.pt": inert.archive,
    "chemprop/example_model_v2_trained_on_cuda.pt": inert.archive,
    "torch-quantized/TestSerialization.test_lstm.state_dict.pt": inert.archive,
    "torch-quantized/TestSerialization.test_linear_relu.traced.pt": inert.archive,
    "torchscript/foo6.pt": inert.archive,
    "joblib/joblib_0.11.0_compressed_pickle_py36_np111.gz": joblib_file,
    "joblib/joblib_0.11.0_pickle_py36_np111.pkl": joblib_file,
    "joblib/joblib_0.9.2_pickle_py27_np16.pkl": joblib_file,
    "candle/test.npy": npy,
    "candle/test.npz": npz,
    **{name: functools.partial(net, attribute=attribute, read=read) for name, (attribute, read) in NETS.items()},
}
SAFETENSORS = "safetensors/jfk-codes.safetensors"
BROKEN = "burn/broken.pt"  # three letters


class Dumper(canonical.Dumper):
    """Records too, each in the form that Airlock gives it (sandbox/pickle/README.md)."""

    def node(self, value):
        if isinstance(value, Stream):
            return self.numbered(value, "P{}:NODE_KIND_STREAM", [value.raw, value.root])
        if isinstance(value, numpy.generic):
            self.tokens.append("x")
            return [Literal(f"y:{value.dtype.str}"), value.item()]
        if isinstance(value, numpy.ndarray) and value.dtype.hasobject:
            return self.numbered(value, "R{}", self.objects(value))
        if isinstance(value, Record):
            return self.numbered(value, "R{}", self.parts(value))
        return super().node(value)

    def numbered(self, value, token, after):
        self.kept += [value, after]
        number = self.again("n", id(value))
        if number is None:
            return []
        self.tokens.append(token.format(number))
        return after

    def parts(self, value):
        kind = type(value)
        args, kwargs, state, items = value.args, value.kwargs, value.state, value.items
        if (kind.__module__, kind.__qualname__) == ("functools", "partial"):
            function, more, kwargs, attributes = state
            args, state = (function, *more), attributes or None
        scripted = kind.__module__.startswith("__torch__") or kind.__qualname__ == "ScriptObject"
        if scripted and isinstance(state, tuple):  # what a class of TorchScript hands on is in its items too
            items = state[0] if kind.__qualname__ == "ScriptObject" else state
        parts = (("a=", args, True), ("k=", kwargs, kwargs), ("s=", state, state is not None), ("i=", list(items), items), ("p=", value.pairs, value.pairs))
        out = [Literal("c="), Literal(f"g:{kind.__module__}.{kind.__qualname__}")]
        for name, part, there in parts:
            out += [Literal(name), part] if there else []
        return out + [Literal(".")]

    def objects(self, value):
        """As numpy writes an array of objects: nobody else has a form for it."""
        made = (Literal("g:numpy.ndarray"), (0,), b"b")
        state = (1, tuple(value.shape), numpy.dtype("O"), False, value.ravel().tolist())
        return [Literal("c="), Literal("g:numpy.core.multiarray._reconstruct"), Literal("a="), made, Literal("s="), state, Literal(".")]


def module_state(module, prefix=""):
    """torch.nn.Module.state_dict(), of a record."""
    own = module.state
    named = [(prefix + name, value.detach()) for name, value in own["_parameters"].items() if value is not None]
    named += [(prefix + name, value) for name, value in own["_buffers"].items()
              if value is not None and name not in own.get("_non_persistent_buffers_set", ())]
    for name, inner in own["_modules"].items():
        named += module_state(inner, f"{prefix}{name}.") if inner is not None else []
    return named


def optimizer_state(optimizer):
    """torch.optim.Optimizer.state_dict()["state"], of a record: parameters by number."""
    numbers = {id(value): number for number, value in enumerate(p for group in optimizer.state["param_groups"] for p in group["params"])}
    state = optimizer.state["state"]
    return {numbers[id(key)]: value for key, value in (state.pairs if isinstance(state, Record) else state).items()}


def recovered(value):
    """The tensors of a checkpoint as Airlock lists them: a module or optimizer by its state_dict(), other records by their contents."""
    if isinstance(value, Stream):
        return recovered(value.root)
    if isinstance(value, Record):
        own = value.state if isinstance(value.state, dict) else {}
        if "_parameters" in own:
            return {"state_dict()": dict(module_state(value))}
        if "param_groups" in own:
            return {"state_dict()": {"state": optimizer_state(value)}}
        return {**{k: recovered(v) for k, v in value.pairs.items()}, **dict(enumerate(map(recovered, value.items))),
                **{k: recovered(v) for k, v in own.items()}}
    if isinstance(value, dict):
        return {key: recovered(item) for key, item in value.items()}
    return [recovered(item) for item in value] if isinstance(value, (list, tuple)) else value


def weights(listed):
    return {(t["name"], t["dtype"], tuple(t["shape"]), t["sha256"]) for t in listed}


def check_listed(tally, name, code, answer, root):
    """The list of tensors has the recovered ones, by torch's names, in torch's order, with their bytes."""
    wanted = [row for row in describe.describe(recovered(root)) if "state_dict()" in row["name"]]
    names = {row["name"] for row in wanted}
    tally.check(f"{name}, recovered", code, {**answer, "tensors": [t for t in answer["tensors"] if t["name"] in names]}, wanted)
    return len(wanted)


def check_safetensors(tally, path, code, answer):
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + size])
    kinds = {"F32": "float32", "F16": "float16", "I64": "int64", "U8": "uint8", "I32": "int32", "BF16": "bfloat16"}
    rows = [{"name": name, "dtype": kinds[row["dtype"]], "shape": row["shape"], "sha256": hashlib.sha256(raw[8 + size:][slice(*row["data_offsets"])]).hexdigest()}
            for name, row in header.items() if name != "__metadata__"]
    tally.check(SAFETENSORS, code, {**answer, "tensors": sorted(answer["tensors"], key=lambda t: t["name"])}, sorted(rows, key=lambda row: row["name"]))


def check_all_known(folder):
    read = {row["file"] for row in map(json.loads, (folder / "expected.jsonl").read_text().splitlines()) if row["ok"]}
    here = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {"expected.jsonl"}
    unknown = here - read - set(READERS) - {SAFETENSORS, BROKEN}
    assert not unknown, f"compared with nothing: {unknown}"


def main():
    folder = airlock.CORPUS / "real"
    if not (folder / "expected.jsonl").exists():
        airlock.skip(f"no corpus of real files at {folder} (set AIRLOCK_CORPUS)")
    tally = compare.Tally()
    counted = 0
    with airlock.Daemon() as daemon:
        for name, read in READERS.items():
            root = read(folder / name)
            dump = subprocess.run([airlock.BIN / "airlock-graph-dump", daemon.address, folder / name], check=True, capture_output=True, text=True)
            verdict, _, tokens = dump.stdout.rstrip("\n").partition(" ")
            expected = Dumper().run(root)
            same = tokens == expected
            if not same:
                print(f"{name} ({verdict}): {compare.first_difference(expected.split(' '), tokens.split(' '))}")
            code, answer = airlock.report("--address", daemon.address, "load", folder / name, "--digests")
            tally.check(name, code, {"tensors": []}, [] if same else [{"name": "the same graph"}])
            counted += check_listed(tally, name, code, answer, root)
        code, answer = airlock.report("--address", daemon.address, "load", folder / SAFETENSORS, "--digests")
        check_safetensors(tally, folder / SAFETENSORS, code, answer)
        code, answer = airlock.report("--address", daemon.address, "load", folder / BROKEN)
        tally.check(BROKEN, 0 if (code, answer["verdict"]) == (2, "unsupported") else 1, {"tensors": []}, [])
    print(f"{counted} recovered tensors compared")
    assert counted > 30, "modules and optimizers are recovered"
    check_all_known(folder)
    tally.finish()


main()
