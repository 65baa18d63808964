"""`airlock convert` as it is called without options, for each format: safetensors, shards, .npz, GGUF, TorchScript, distributed checkpoints, archives of
checkpoints. And what it says where it is not clear which tensors are the weights.
"""
import io
import json
import pathlib
import struct
import sys
import tempfile
import unittest
import warnings
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import dcp_folder
import gguf_file

try:
    import torch
except ImportError:
    airlock.skip("/usr/bin/python3 has no torch (apt-get install python3-torch)")
import numpy

F32, Q8_0 = 0, 8  # of GGML
WEIGHTS = {"layer.weight": torch.arange(6.).reshape(2, 3), "layer.bias": torch.ones(2, dtype=torch.float64), "scalar": torch.tensor(7)}


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
        self.scale = torch.nn.Parameter(torch.ones(2))

    def forward(self, x):
        return self.inner(x) * self.scale + torch.tensor([5.0, 6.0])


def written(path):
    """{name: (safetensors' dtype, shape, bytes)}."""
    data = path.read_bytes()
    size, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__")
    return {name: (row["dtype"], row["shape"], data[8 + size:][slice(*row["data_offsets"])]) for name, row in header.items()}


def wanted(tensors):
    names = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64"}
    return {name: (names[tensor.dtype], list(tensor.shape), tensor.detach().contiguous().numpy().tobytes()) for name, tensor in tensors.items()}


def saved(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


class ConvertFormats(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.target = self.folder / "out.safetensors"

    def write(self, name, data):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return path

    def converted(self, source, *options):
        done = airlock.run("convert", *options, source, self.target)
        self.assertEqual(done.returncode, 0, done.stderr)
        return written(self.target)

    def refused(self, source, *options):
        """What is said."""
        done = airlock.run("convert", *options, source, self.folder / "refused.safetensors")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertFalse((self.folder / "refused.safetensors").exists())
        return done.stderr

    def safetensors(self, name, tensors):
        """A file of them. Its root has `__metadata__`."""
        source = self.write("source.pt", saved(tensors))
        (self.folder / name).parent.mkdir(exist_ok=True)
        done = airlock.run("convert", source, self.folder / name)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.folder / name

    def test_safetensors(self):
        self.assertEqual(self.converted(self.safetensors("a.safetensors", WEIGHTS)), wanted(WEIGHTS))

    def test_shards(self):
        names = sorted(WEIGHTS)
        for kind, index in (("safetensors", "model.safetensors.index.json"), ("bin", "pytorch_model.bin.index.json")):
            files = {f"shard-{number}.{kind}": {name: WEIGHTS[name]} for number, name in enumerate(names)}
            for file, tensors in files.items():
                if kind == "bin":
                    self.write(f"{kind}/{file}", saved(tensors))
                else:
                    self.safetensors(f"{kind}/{file}", tensors)
            told = {"metadata": {"total_size": 48, "note": "x"}, "weight_map": {name: file for file, tensors in files.items() for name in tensors}}
            self.write(f"{kind}/{index}", json.dumps(told).encode())
            for source in (self.folder / kind, self.folder / kind / index):
                self.assertEqual(self.converted(source), wanted(WEIGHTS), source)

    def test_distributed_checkpoints(self):
        for name, data in dcp_folder.sharded().items():
            self.write(f"dcp/{name}", data)
        self.assertEqual(self.converted(self.folder / "dcp"), wanted({"w": torch.arange(12.).reshape(4, 3)}))

    def test_npz(self):
        path = self.folder / "a.npz"
        numpy.savez(path, text=numpy.array(["no", "tensor"]), **{name: tensor.numpy() for name, tensor in WEIGHTS.items()})
        self.assertEqual(self.converted(path), wanted(WEIGHTS))

    def test_arrays_among_tensors(self):
        """Whatever `inspect` lists of a torch file: no weight is left out."""
        path = self.write("a.pt", saved({"state_dict": {"t": WEIGHTS["scalar"], "a": WEIGHTS["layer.weight"].numpy()}}))
        self.assertEqual(self.converted(path), wanted({"t": WEIGHTS["scalar"], "a": WEIGHTS["layer.weight"]}))

    def test_gguf(self):
        plain = struct.pack("<6f", *range(6))
        values = {"general.architecture": "llama", "general.alignment": 32}
        path = self.write("a.gguf", gguf_file.file(values, [("w.0", (2, 3), F32, plain)]))
        self.assertEqual(self.converted(path), wanted({"w.0": WEIGHTS["layer.weight"]}))
        path = self.write("q.gguf", gguf_file.file(values, [("w.0", (2, 3), F32, plain), ("blk.1", (2, 32), Q8_0, bytes(68))]))
        for options in ((), ("--key", "")):
            said = self.refused(path, *options)
            self.assertIn("blk.1", said)
            self.assertIn("Q8_0", said)
            self.assertIn("--select", said)
            self.assertEqual(self.converted(path, *options, "--select", "w.*"), wanted({"w.0": WEIGHTS["layer.weight"]}))
        self.assertIn("Q8_0", self.refused(path, "--split"))

    def test_gguf_types_are_those_of_gguf_files(self):
        path = self.write("a.pt", saved({"w": WEIGHTS["scalar"], "__types__": {"w": "Q8_0"}}))
        self.assertEqual(self.converted(path, "--key", ""), wanted({"w": WEIGHTS["scalar"]}))

    def test_torchscript(self):
        """Constants of traced code are none of the weights, and come with everything."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", torch.jit.TracerWarning)
            modules = (torch.jit.script(Net()), torch.jit.trace(Net().eval(), torch.ones(4, 3)))
        for module, constants in zip(modules, (0, 1)):
            path = self.folder / "a.ts"
            torch.jit.save(module, str(path))
            self.assertEqual(self.converted(path), wanted(module.state_dict()))
            everything = self.converted(path, "--key", "")
            self.assertEqual(len(everything), len(module.state_dict()) + constants)
            self.assertEqual(wanted({"c": torch.tensor([5.0, 6.0])})["c"] in everything.values(), constants == 1)

    def test_names_stripped(self):
        for first, second in (("module.", ""), ("_orig_mod.module.", "module."), ("module._orig_mod.", "_orig_mod.")):
            path = self.write("a.pt", saved({"state_dict": {f"{first}a": WEIGHTS["scalar"], f"{second}module": WEIGHTS["layer.bias"]}}))
            self.assertEqual(self.converted(path, "--strip"), wanted({"a": WEIGHTS["scalar"], "module": WEIGHTS["layer.bias"]}))
        path = self.write("a.pt", saved({"module.a": WEIGHTS["scalar"], "a": WEIGHTS["scalar"]}))
        self.assertIn("two tensors of one name: a", self.refused(path, "--strip"))

    def test_timms_order(self):
        value = {name: {"w": torch.full((1,), float(number))} for number, name in enumerate(("model", "state_dict", "model_ema"))}
        self.assertEqual(self.converted(self.write("a.pt", saved({**value, "epoch": 1}))), wanted(value["model_ema"]))

    def test_metadata_that_is_none(self):
        """Tensors under `__metadata__` are tensors like others: nothing is left out in silence."""
        path = self.write("a.pt", saved({"w": WEIGHTS["scalar"], "__metadata__": {"x": WEIGHTS["scalar"]}}))
        self.assertIn("not clear", self.refused(path))
        path = self.write("a.pt", saved({"w": WEIGHTS["scalar"], "__metadata__": {"format": "pt"}}))
        self.assertEqual(self.converted(path), wanted({"w": WEIGHTS["scalar"]}))

    def test_keys_that_are_suggested_work(self):
        """Names with dots, lists, modules; in the order of their depth."""
        value = {"nets.all": [{"ema": {"a.b": torch.zeros(1)}}], "net": torch.nn.Linear(1, 1), "opt": {"state": {0: {"m": torch.zeros(1)}}}, "epoch": 1}
        path = self.write("a.pt", saved(value))
        said = self.refused(path)
        keys = said[said.index("could be ") + 9:said.index(", or ''")].split(", ")
        self.assertEqual(keys, ["nets.all", "net", "opt", "nets.all.0.ema", "opt.state.0"])
        for key in keys:
            self.converted(path, "--key", key)
        self.assertEqual(self.converted(path, "--key", "nets.all.0.ema"), wanted({"a.b": torch.zeros(1)}))
        self.assertEqual(len(self.converted(path, "--key", "")), 4)
        self.assertIn("nets.all.0.ema", self.refused(path, "--key", "nothing"))

    def test_members_of_archives(self):
        path = self.folder / "agent.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("data", "{}")
            for name in ("policy.pth", "policy.optimizer.pth"):
                archive.writestr(name, saved({"w": WEIGHTS["scalar"]} if name == "policy.pth" else {"state": {0: {"m": WEIGHTS["scalar"]}}}))
        said = self.refused(path)
        self.assertIn("policy.pth, policy.optimizer.pth, policy.optimizer.pth.state.0, or ''", said)
        self.assertEqual(self.converted(path, "--key", "policy.pth"), wanted({"w": WEIGHTS["scalar"]}))

    def test_what_has_no_tensors_by_name(self):
        self.assertIn("no tensors by name", self.refused(self.write("a.pt", saved({"epoch": 1}))))
        for key in ("auto", ""):
            self.assertIn("one tensor, which has no name", self.refused(self.write("a.pt", saved(torch.ones(1))), "--key", key))


if __name__ == "__main__":
    unittest.main()
