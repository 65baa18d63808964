"""convert: the weights bit for bit; training state apart from them, typed and lossless: what comes back is what the file held."""
import argparse
import collections
import datetime
import json
import os
import pathlib
import pickle
import subprocess
import time
import zipfile

import numpy

import package
import airlock

if not package.HAS_TORCH:
    package.skip("this Python has no torch (apt-get install python3-torch)")
import torch

from state_dump import dump


class Strange:
    def __init__(self):
        self.inside = [1, {2: torch.ones(2)}]


def training():
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.AdamW(model.parameters(), amsgrad=True)
    model(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    state = {f"module.{name}": tensor for name, tensor in model.state_dict().items()}
    return {
        "epoch": 7, "arch": "net", "version": 2, "metric": 0.1 + 0.2, "state_dict": collections.OrderedDict(state),
        "state_dict_ema": collections.OrderedDict((name, tensor * 2) for name, tensor in state.items()), "optimizer": optimizer.state_dict(),
        "args": argparse.Namespace(lr=0.1, mean=(0.5, 0.4), resume=None, kwargs={"drop": 0.1, 1: "one", "$odd": 2}),
        "amp_scaler": {"scale": 65536.0, "growth_tracker": 3}}


class Convert(package.Folder):
    def file(self, value, name="a.pt"):
        path = self.folder / name
        torch.save(value, path)
        return path

    def nested(self, levels):
        """A file of dicts in one another, each with a key of ten bytes, around a tensor: torch's own writer would recurse."""
        path = self.file(torch.ones(1))
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        keys = [b"state_dict", *(b"k%09d" % level for level in range(1, levels))]
        for name, data in parts.items():
            if name.endswith("/data.pkl"):
                parts[name] = data[:2] + b"".join(b"}X\x0a\x00\x00\x00" + key for key in keys) + data[2:-1] + b"s" * levels + b"."
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in parts.items():
                archive.writestr(name, data)
        return path

    def same(self, path, folder):
        self.assertEqual(dump(airlock.load(path, "cpu")), dump(airlock.load_training_state(folder)))

    def test_weights(self):
        value = training()
        path = self.file(value)
        said = airlock.convert(path, self.folder / "w.safetensors")
        self.assertEqual((said["key"], said["tensors"]), ("state_dict_ema", len(value["state_dict"])))
        self.assertEqual(said["bytes"], (self.folder / "w.safetensors").stat().st_size)
        got = airlock.load(self.folder / "w.safetensors")
        for name, tensor in value["state_dict_ema"].items():
            self.assertTrue(torch.equal(tensor, got[name]), name)
        airlock.convert(path, self.folder / "w.safetensors", key="state_dict", strip=True)
        got = airlock.load_file(self.folder / "w.safetensors")
        self.assertTrue(torch.equal(got["0.weight"], value["state_dict"]["module.0.weight"]))
        self.assertEqual([name.name for name in self.folder.iterdir() if name.name.startswith(".")], [])

    def test_as_the_command_line_writes_it(self):
        path = self.file(training())
        subprocess.run([package.BIN / "airlock", "convert", path, self.folder / "cli.safetensors"], check=True, capture_output=True)
        airlock.convert(path, self.folder / "python.safetensors")
        one, other = (airlock.load(self.folder / f"{name}.safetensors") for name in ("cli", "python"))
        self.assertEqual(one.keys(), other.keys())
        self.assertTrue(all(torch.equal(one[name], other[name]) for name in one))
        one, other = (airlock.inspect(self.folder / f"{name}.safetensors").tree["__metadata__"] for name in ("cli", "python"))
        self.assertEqual((one, other), ({"format": "pt"}, {"format": "pt"}))

    def test_safe_open(self):
        value = training()
        path = self.file(value)
        airlock.convert(path, self.folder / "w.safetensors")
        for file, metadata in ((path, None), (self.folder / "w.safetensors", {"format": "pt"})):
            with airlock.safe_open(file, framework="pt", device="cpu") as opened:
                self.assertEqual(opened.keys(), sorted(value["state_dict"]))
                self.assertEqual(opened.metadata(), metadata)
                self.assertTrue(torch.equal(opened.get_tensor("module.0.weight"), value["state_dict_ema"]["module.0.weight"]))
                part = opened.get_slice("module.0.weight")
                self.assertEqual((part.get_shape(), part.get_dtype()), ([4, 3], "F32"))
                self.assertTrue(torch.equal(part[:, :2], value["state_dict_ema"]["module.0.weight"][:, :2]))
                self.assertEqual(len(opened.get_tensors()), len(value["state_dict"]))

    def test_split_and_back(self):
        path = self.file(training())
        folder = self.folder / "split"
        said = airlock.convert(path, folder, split=True)
        self.assertEqual(sorted(said["files"]), ["optimizer.safetensors", "training_state.json", "weights.safetensors", "weights_ema.safetensors"])
        self.assertEqual(sorted(said["files"]), sorted(os.listdir(folder)))
        self.same(path, folder)
        document = json.loads((folder / "training_state.json").read_text())
        self.assertEqual(document["state"]["epoch"], 7)
        self.assertEqual(document["state"]["state_dict"], {"$weights": "weights.safetensors"})
        optimizer = airlock.load(folder / "optimizer.safetensors")
        self.assertIn("optimizer.state.0.exp_avg", optimizer)
        model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
        torch.optim.AdamW(model.parameters(), amsgrad=True).load_state_dict(airlock.load_training_state(folder, weights=False)["optimizer"])

    def test_split_with_names_stripped(self):
        path = self.file(training())
        airlock.convert(path, self.folder / "split", split=True, strip=True)
        model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
        model.load_state_dict(airlock.load_file(self.folder / "split" / "weights.safetensors"))
        self.same(path, self.folder / "split")

    def test_everything_comes_back(self):
        shared = [1]
        ring = {"shared": [shared, shared]}
        ring["self"] = ring
        tensor = torch.arange(3.0)
        value = {
            "state_dict": {"w": torch.ones(1)}, "ring": ring,
            "tensors": [tensor, tensor, torch.nn.Parameter(torch.ones(2)), torch.ones(2, requires_grad=True)],
            "numbers": [1, -2**53, 2**53 + 1, -2**70, 2**15000, 1.0, 0.1, -0.0, float("inf"), float("-inf"), float("nan"), 1 + 2j, True, None],
            "text": ["", "\u00e9\ud800\U0001f600\n", b"", b"\x00\xff", bytearray(b"x")], "tuple": ((), (1, (2,))), "set": {1, "a"},
            "frozen": frozenset([2]), "dict": {1: "a", (1, 2): 3, None: 4, "$x": 5}, "ordered": collections.OrderedDict([("b", 1), ("a", 2)]),
            "default": collections.defaultdict(list, {"a": [1]}), "counter": collections.Counter("aab"), "deque": collections.deque([1], 4),
            "dates": [datetime.datetime(2020, 1, 2, 3, tzinfo=datetime.timezone.utc), datetime.date(1, 2, 3), datetime.timedelta(1, 2, 3)],
            "path": pathlib.PurePosixPath("/a"), "torch": [torch.float16, torch.strided, torch.device("cuda:1"), torch.Size([1, 2])],
            "array": numpy.arange(3), "sparse": torch.eye(3).to_sparse(), "complex": torch.ones(2, dtype=torch.complex64), "strange": Strange(),
            "bool": torch.tensor([True]), "scalar": torch.tensor(2.5), "empty": torch.empty(0, 3), "half": torch.ones(2, dtype=torch.bfloat16)}
        value["ordered"]._metadata = {"": {"version": 1}}
        path = self.file(value)
        airlock.convert(path, self.folder / "split", split=True)
        self.same(path, self.folder / "split")
        again = airlock.load_training_state(self.folder / "split")
        self.assertIs(again["ring"]["self"], again["ring"])
        self.assertIs(again["ring"]["shared"][0], again["ring"]["shared"][1])
        self.assertIs(again["tensors"][0], again["tensors"][1])

    def test_what_cannot_be_converted(self):
        with self.assertRaises(airlock.UnsupportedError):
            airlock.convert(self.file({"w": torch.ones(2, dtype=torch.complex64)}), self.folder / "a.safetensors")
        with self.assertRaises(airlock.UnsupportedError):
            airlock.convert(self.file([1]), self.folder / "a.safetensors")
        self.assertFalse((self.folder / "a.safetensors").exists())
        (self.folder / "training_state.json").write_text('{"airlock_training_state": 1}')
        with self.assertRaises(airlock.MalformedError):
            airlock.load_training_state(self.folder)
        with self.assertRaises(FileNotFoundError):
            airlock.load_training_state(self.folder / "nothing")

    def test_names_that_become_one(self):
        """Of two tensors of one name, a file could hold one: neither is dropped in silence."""
        one, two = torch.ones(1), torch.zeros(1)
        for number, (value, strip) in enumerate((({"module.w": one, "w": two}, True), ({"_orig_mod.module.w": one, "module.w": two}, True),
                                                 ({"a.b": one, "a": {"b": two}}, False), ({1: one, "1": two}, False),
                                                 ({"a": [one], "a.0": two}, False), ({"x": {1: {"y": one}, "1": {"y": two}}}, False))):
            for root in (value, {"state_dict": value, "epoch": 1}):
                path = self.file(root)
                with self.assertRaises(airlock.UnsupportedError, msg=value):
                    airlock.load_file(path, strip=strip, key="" if root is value else "auto")
                for split in (False, True):
                    target = self.folder / f"out-{number}"
                    with self.assertRaises(airlock.UnsupportedError, msg=value):
                        airlock.convert(path, target, split=split, strip=strip, key="" if root is value else "auto")
                    self.assertFalse(target.exists())
        self.assertEqual(list(airlock.load_file(self.file({"module.w": one, "w": two}))), ["module.w", "w"])

    def test_keys_that_are_no_text(self):
        """Numbers become text, as the command line names them."""
        value = {0: torch.zeros(1), 1: torch.ones(1)}
        path = self.file(value)
        self.assertEqual(list(airlock.load_file(path)), ["0", "1"])
        airlock.convert(path, self.folder / "w.safetensors")
        self.assertEqual(airlock.load(self.folder / "w.safetensors"), value := {"0": value[0], "1": value[1]})
        path = self.file({"state_dict": {0: {True: value["0"], None: value["1"], 2.5: value["0"], (1, 2): value["1"], torch.float16: value["1"]}}})
        subprocess.run([package.BIN / "airlock", "convert", path, self.folder / "cli.safetensors"], check=True, capture_output=True)
        self.assertEqual(sorted(airlock.load_file(path)), sorted(airlock.load(self.folder / "cli.safetensors")))

    def test_a_folder_is_written_whole_or_not_at_all(self):
        for value in ({"state_dict": {"w": torch.ones(1, dtype=torch.complex64)}}, {"state_dict": {"w": torch.ones(1)}, "x": ValueError(1)},
                      {"state_dict": {"w": torch.ones(1)}, "x": {"y": torch.quantize_per_tensor(torch.ones(1), 1.0, 0, torch.qint8)}},
                      {"state_dict": {"w": torch.ones(1)}, "__metadata__": torch.ones(1)}):
            with self.assertRaises(airlock.UnsupportedError, msg=value):
                airlock.convert(self.file(value), self.folder / "split", split=True)
            self.assertFalse((self.folder / "split").exists())

    def test_names_grow_with_depth(self):
        """Twenty thousand dicts in one another: 2 GB of names, or the time that making them would take."""
        start = time.process_time()
        with self.assertRaises(airlock.LimitError):
            airlock.load_file(self.nested(20_000))
        with self.assertRaises(airlock.LimitError):
            airlock.convert(self.nested(20_000), self.folder / "out", split=True)
        self.assertLess(time.process_time() - start, 30)
        self.assertFalse((self.folder / "out").exists())
        self.assertEqual(len(airlock.load_file(self.nested(200))), 1)

    def test_a_training_state_is_not_trusted(self):
        """It may be anybody's: only convert's own files are opened, and what stands for a type is one."""
        folder = self.folder / "split"
        airlock.convert(self.file(training()), folder, split=True)
        good = json.loads((folder / "training_state.json").read_text())
        torch.save({"secret": torch.ones(1)}, self.folder / "other.pt")

        def read(**changes):
            (folder / "training_state.json").write_text(json.dumps({**good, **changes}))
            return airlock.load_training_state(folder)

        row = {**good["weights"]["weights.safetensors"], "names": ["secret"], "flags": {}, "class": "dict"}
        for name in ("../other.pt", str(self.folder / "other.pt"), "optimizer.safetensors"):
            with self.assertRaises(airlock.MalformedError, msg=name):
                read(weights={name: row}, state={"$weights": name})
        for value in ({"$dtype": "load"}, {"$layout": "load"}, {"$qscheme": "seed"}, {"$layout": "float32"}, {"$numpy_dtype": "f4,f8"},
                      {"$defaultdict": [], "factory": {"$dtype": "seed"}}, {"$defaultdict": [], "factory": {"$dtype": "float32"}},
                      {"$numpy_dtype": [["a", "O"]]}, {"$scalar": "(2,)f4", "value": 1}, {"$object": "datetime.date", "args": []},
                      {"$object": "os.system", "args": ["true"]}, {"$object": "decimal.Decimal", "args": ["x"]}, {"$float": "00"},
                      {"$namespace": [], "class": 1}, {"$device": "nowhere"}, {"$ref": 5}, {"$shared": [], "value": []},
                      {"$path": "/", "class": "Nothing"}, {"$tensor": "nothing"}, {"$tagged": 1}, {"$": 1}, {"$begin": 1}, {"$counter": 5},
                      {"$bytes": "!"}, {"$tuple": 5}, {"$symbol": 5, "module": "a", "kind": "known"}):
            with self.assertRaises(pickle.UnpicklingError, msg=value):
                read(state=value)
        for change in ({"weights": []}, {"weights": {"weights.safetensors": {}}}, {"airlock_training_state": 2}):
            with self.assertRaises(pickle.UnpicklingError, msg=change):
                read(**change)
        self.assertEqual(read(state=[[]] * 2), [[], []])


package.main()
