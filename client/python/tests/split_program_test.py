"""`airlock convert --split`, the program: it writes what this package writes of the same file, and this package reads it back."""
import argparse
import collections
import datetime
import decimal
import fractions
import io
import json
import os
import pathlib
import random
import shutil
import subprocess
import types
import unittest
import uuid
import zipfile

import numpy

import package
import airlock

if not package.HAS_TORCH:
    package.skip("this Python has no torch (apt-get install python3-torch)")
import torch
from state_dump import dump
import random_graphs

FILES = ("weights.safetensors", "weights_ema.safetensors", "optimizer.safetensors", "training_state.json")


# Of surrogates that JSON has for one letter.
TEXTS_IN_TWO = ("a\ud83d\ude00", {"\ud83d\ude00": 1, "\U0001f600": 2}, {1: {"$\udbff\udfff": 1}})


class Strange:
    def __init__(self):
        self.inside = [1, {2: torch.ones(2)}]


class Listed(list):
    pass


class Reduced:
    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        return Reduced, self.arguments


class Fractional(Reduced):
    def __reduce__(self):
        return fractions.Fraction, self.arguments


class Hostile:
    def __reduce__(self):
        return os.system, ("false",)


def trained(wrapped=False):
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.AdamW(model.parameters(), amsgrad=True)
    model(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    state = model.state_dict()
    if wrapped:
        made = collections.OrderedDict((f"module.{name}", tensor) for name, tensor in state.items())
        made._metadata = state._metadata
        state = made
    return state, optimizer.state_dict()


def timm_like():
    """As timm's CheckpointSaver writes them."""
    state, optimizer = trained()
    return {"epoch": 7, "arch": "net", "version": 2, "metric": 0.1 + 0.2, "state_dict": state, "optimizer": optimizer,
            "state_dict_ema": collections.OrderedDict((name, tensor * 2) for name, tensor in state.items()),
            "args": argparse.Namespace(lr=0.1, mean=(0.5, 0.4), resume=None, kwargs={"drop": 0.1, 1: "one", "$odd": 2}),
            "amp_scaler": {"scale": 65536.0, "growth_factor": 2.0, "growth_tracker": 3}}


def lightning_like():
    """As Lightning's trainer writes them."""
    state, optimizer = trained()
    return {"epoch": 3, "global_step": 120, "pytorch-lightning_version": "2.1.0", "state_dict": state,
            "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 4, "completed": 3}}}},
            "callbacks": {"ModelCheckpoint{'monitor': None}": {
                "best_model_score": torch.tensor(0.25), "dirpath": "/logs", "kth_value": torch.tensor(float("inf"))}},
            "optimizer_states": [optimizer], "lr_schedulers": [{"base_lrs": [0.001], "_last_lr": [float("nan")]}],
            "hparams_name": "kwargs", "hyper_parameters": {"lr": 0.001, "layers": (1, 2)}}


def values():
    """One of everything that a training state may hold."""
    shared = [1]
    ring = {"shared": [shared, shared]}
    ring["self"] = ring
    pair = (1, 2)
    tensor = torch.arange(3.0)
    value = {
        "state_dict": {"w": torch.nn.Parameter(torch.ones(1)), "v": torch.ones(2, requires_grad=True)},
        "ring": ring, "pairs": [pair, (pair, pair), [pair]],
        "tensors": [tensor, tensor, torch.nn.Parameter(torch.ones(2)), torch.ones(2, requires_grad=True), tensor[1:]],
        "numbers": [1, -2**53, 2**53, 2**53 + 1, -2**63, 2**63, -2**70, 2**3999, 2**4000, -2**15000, 1.0, 0.1, 1e22, 1e-7, -0.0, 5e-324,
                    float("inf"), float("-inf"), float("nan"), -float("nan"), 1 + 2j, complex(0, float("inf")), True, None],
        "text": ["", "\u00e9\ud800\U0001f600\n\x00\x7f\"\\/\b\f\t", b"", b"\x00\xff", bytes(range(256)) * 300, bytearray(b"x")],
        "tuple": ((), (1, (2,))), "set": {1}, "sets": [set(), frozenset(), frozenset([2])], "frozen": frozenset([2]),
        "dict": {1: "a", (1, 2): 3, None: 4, "$x": 5}, "$key": {"a.b": {"": [torch.ones(1)]}}, "empty": [[], {}, ()],
        "ordered": collections.OrderedDict([("b", 1), ("a", 2)]), "default": collections.defaultdict(list, {"a": [1]}),
        "default of nothing": collections.defaultdict(None, {1: 2}), "counter": collections.Counter("aab"),
        "deques": [collections.deque([1], 4), collections.deque([2])], "simple": types.SimpleNamespace(a=[shared]),
        "dates": [datetime.datetime(2020, 1, 2, 3, tzinfo=datetime.timezone.utc), datetime.date(1, 2, 3), datetime.timedelta(-1, 2, 3),
                  datetime.datetime(2020, 1, 2, 3, 4, 5, 6, fold=1), datetime.time(1, 2), datetime.timezone(datetime.timedelta(hours=-3), "x")],
        "exact": [decimal.Decimal("1.50"), decimal.Decimal("-1E+30"), decimal.Decimal("0.0000001"), decimal.Decimal("NaN"),
                  fractions.Fraction(-6, 4)],
        "ranges": [range(3), range(2**70, 5, -2), slice(None, 3), slice(1, 2**65, None)], "uuid": uuid.UUID(int=5),
        "paths": [pathlib.PurePosixPath("/a/b"), pathlib.Path("a"), pathlib.Path(), pathlib.PurePosixPath("//a")],
        "torch": [torch.float16, torch.strided, torch.device("cuda:1"), torch.Size([1, 2])],
        "types": [int, collections.OrderedDict], "array": numpy.arange(3), "dtype": numpy.dtype("<f4"),
        "scalars": [numpy.float32(0.1), numpy.int64(-5), numpy.bool_(True), numpy.complex64(1 + 2j), numpy.float64("nan"),
                    numpy.dtype(">i4").type(3)],
        "sparse": torch.eye(3).to_sparse(), "complex": torch.ones(2, dtype=torch.complex64), "conjugate": torch.tensor([1 + 2j]).conj(),
        "records": [Strange(), Listed([1, 2]), Reduced(1, (shared, torch.zeros(1)))], "transposed": torch.arange(6).reshape(2, 3).t(),
        "bool": torch.tensor([True]), "scalar": torch.tensor(2.5), "no elements": torch.empty(0, 3), "half": torch.ones(2, dtype=torch.bfloat16)}
    value["ordered"]._metadata = {"": {"version": 1}, "shared": shared}
    # What no object is given: names that libraries obey, numbers that take too long to divide.
    value["obeyed"] = [types.SimpleNamespace(**{"__name__": 1, "b": 2}), collections.OrderedDict(a=1), collections.OrderedDict(a=2)]
    vars(value["obeyed"][1]).update({"__name__": [1], "b": [2]})
    vars(value["obeyed"][2]).update({"__name__": 1})
    value["long"] = [range(0, 2**2047, 2**2000), range(0, 2**2048, 2**2000), slice(0, 2**3000, 1), Fractional(2**2047, 3), Fractional(-2**2048, 3)]
    return value


def of_one_object():
    """Plain and averaged weights that are one object, with attributes, and met elsewhere too."""
    state = collections.OrderedDict(w=torch.ones(1))
    state._metadata = collections.OrderedDict(version=1)
    return {"state_dict": state, "state_dict_ema": state, "again": [state, state._metadata]}


def nested_weights():
    """Weights whose file does not say all of them: they stand in the state too."""
    state = collections.OrderedDict(a={"b": torch.ones(1)}, n=3)
    state._metadata = {"x": [1]}
    return {"model": state, "a": {"b": torch.zeros(1)}}


def comparable(value):
    """A document, but for what is anybody's choice: the order of sets, and what a key of a library's class is called in the name of a tensor."""
    if isinstance(value, dict):
        made = {key: comparable(item) for key, item in value.items()}
        for tag in ("$set", "$frozenset"):
            if tag in made:
                made[tag] = sorted(made[tag], key=json.dumps)
        for tag in ("$tensor", "$complex_tensor", "$ndarray"):
            if tag in made:
                made[tag] = "a name"
        if "$sparse_coo" in made:
            made["$sparse_coo"] = {"indices": "a name", "values": "a name"}
        return made
    return [comparable(item) for item in value] if isinstance(value, list) else value


class Split(package.Folder):
    def run_program(self, *arguments, **environment):
        return subprocess.run([package.BIN / "airlock", "convert", *map(str, arguments)], capture_output=True, text=True,
                              env={**os.environ, **environment})

    def file(self, value, name="a.pt", **options):
        path = self.folder / name
        torch.save(value, path, **options)
        return path

    def compare(self, source, *arguments, comes_back=True, **options):
        """Both forms of the command, and what they write."""
        ours, theirs = self.folder / "program", self.folder / "package"
        for folder in (ours, theirs):
            subprocess.run(["rm", "-rf", folder], check=True)
        done = self.run_program("--split", *arguments, source, ours, "--format", "json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        said = airlock.convert(source, theirs, split=True, **options)
        self.assertEqual(json.loads(done.stdout), {"schema_version": 1, "file": str(source), "destination": str(ours), **said,
                                                   "bytes": json.loads(done.stdout)["bytes"]})
        self.assertEqual(sorted(os.listdir(ours)), sorted(os.listdir(theirs)))
        texts = [(folder / "training_state.json").read_text("ascii") for folder in (ours, theirs)]
        self.assertEqual(*texts)
        for name in os.listdir(ours):
            if name.endswith(".safetensors"):
                self.same_tensors(ours / name, theirs / name)
        if comes_back:
            self.assertEqual(dump(airlock.load_training_state(ours)), dump(airlock.load(source, "cpu")))
        return ours

    def same_tensors(self, one, other):
        one, other = airlock.load(one), airlock.load(other)
        self.assertEqual(sorted(one), sorted(other))
        for name, tensor in one.items():
            self.assertEqual((tensor.dtype, tensor.shape), (other[name].dtype, other[name].shape), name)
            self.assertEqual(*(bytes(t.contiguous().reshape(-1).view(torch.uint8).numpy()) if t.numel() else b""
                               for t in (tensor, other[name])), name)

    def test_real_checkpoints(self):
        for value in (timm_like(), lightning_like(), {"model": trained(wrapped=True)[0], "optimizer": trained()[1], "epoch": 2}):
            for options in ({}, {"_use_new_zipfile_serialization": False}):
                self.compare(self.file(value, **options))

    def test_names_stripped(self):
        path = self.file({"state_dict": trained(wrapped=True)[0], "epoch": 1})
        folder = self.compare(path, "--strip", strip=True)
        self.assertIn("0.weight", airlock.load(folder / "weights.safetensors"))

    def test_a_key(self):
        value = {"nets": [{"ema": trained()[0]}], "x": {"y": torch.ones(1)}, "epoch": 1}
        self.compare(self.file(value), "--key", "nets.0.ema", key="nets.0.ema")
        self.compare(self.file(value), "--key", "x", key="x")
        self.compare(self.file(value), "--key", "", key="")

    def test_everything_there_is(self):
        self.compare(self.file(values()))

    def test_what_is_shared(self):
        for value in (of_one_object(), nested_weights()):
            self.compare(self.file(value))

    def test_the_root_alone(self):
        for value in (trained()[0], {"w": torch.ones(1)}):
            self.compare(self.file(value))

    def test_a_pickled_module(self):
        for value in (torch.nn.Linear(2, 2), {"model": torch.nn.Linear(2, 2), "epoch": 1}):
            self.compare(self.file(value), comes_back=False)

    def test_streams_in_bytes(self):
        buffer = io.BytesIO()
        torch.save({"w": torch.ones(2)}, buffer)
        folder = self.compare(self.file({"state_dict": {"w": torch.ones(1)}, "inside": buffer.getvalue()}), comes_back=False)
        self.assertEqual(airlock.load_training_state(folder)["inside"], buffer.getvalue())

    def test_names_of_torch(self):
        names = [torch.per_tensor_affine, torch.per_channel_symmetric, torch.FloatStorage, torch.nn.Parameter]
        folder = self.compare(self.file({"state_dict": {"w": torch.ones(1)}, "names": names}), comes_back=False)
        self.assertEqual(airlock.load_training_state(folder)["names"][:2], names[:2])

    def test_paths_of_windows(self):
        paths = [pathlib.PureWindowsPath(text) for text in ("C:\\a\\b", "a/b", "\\a", "C:a", "")]
        folder = self.compare(self.file({"state_dict": {"w": torch.ones(1)}, "paths": paths}), comes_back=False)
        self.assertEqual(airlock.load_training_state(folder)["paths"], paths)

    def test_safetensors(self):
        airlock.convert(self.file({"w": torch.ones(2), "v": torch.zeros(1)}), self.folder / "w.safetensors")
        self.compare(self.folder / "w.safetensors")

    def test_large_tensors_are_copied_as_they_are(self):
        """Those that the kernel moves, in several files, and one that two names have."""
        large = torch.arange(100_000, dtype=torch.float32)
        self.compare(self.file({"state_dict": {"a": large, "b": large, "c": large[5:50_005]},
                                "x": [large, large.reshape(100, 1000).t()]}), comes_back=False)

    @unittest.skipUnless(hasattr(torch, "bcomplex32"), "the running torch has no complex numbers of bfloat16")
    def test_complex_numbers_of_bfloat16(self):
        self.compare(self.file({"state_dict": {"w": torch.ones(2)}, "x": torch.ones(3, 2).bfloat16().view(torch.bcomplex32)}), comes_back=False)

    def test_one_element_of_any_stride(self):
        self.compare(self.file({"state_dict": {"w": torch.arange(6.0).reshape(3, 2)[:1, ::2], "v": torch.arange(4.0)[::2][:1]}}))

    def test_pairs_of_one_pair_stay_small(self):
        """2^60 values, were they written one by one."""
        data = b"](K\x01\x85q\x30" + 60 * b"h\x30h\x30\x86q\x30" + b"e"
        path = self.patched({"state_dict": {"w": torch.ones(1)}, "x": 7}, b"K\x07", data)
        self.assertLess((self.compare(path, comes_back=False) / "training_state.json").stat().st_size, 50_000)

    def test_random_graphs(self):
        """Whatever is in them: the same document, or neither."""
        seed, written = random.randrange(10**9), 0
        for number in range(60):
            rng = random.Random(f"{seed}/{number}")
            path = self.folder / "random.pt"
            try:
                torch.save({"state_dict": {"w": torch.ones(2)}, "x": random_graphs.Maker(rng, plain=False).value()}, path)
            except (RecursionError, RuntimeError):
                continue
            shutil.rmtree(self.folder / "program", ignore_errors=True)
            done = self.run_program("--split", "--inert", path, self.folder / "program")
            try:
                airlock.convert(path, self.folder / "package", split=True, inert=True)
            except (airlock.UnsupportedError, airlock.LimitError):
                self.assertIn(done.returncode, (0, 2), (seed, number))  # Python's own stack holds less
                continue
            self.assertEqual(done.returncode, 0, (seed, number, done.stderr))
            ours, theirs = (comparable(json.loads((self.folder / name / "training_state.json").read_text())) for name in ("program", "package"))
            self.assertEqual(json.dumps(ours), json.dumps(theirs), (seed, number))
            written += 1
        self.assertGreater(written, 20)

    def test_dangerous_files_only_inert(self):
        path = self.file({"state_dict": {"w": torch.ones(1)}, "x": Hostile()})
        done = self.run_program("--split", path, self.folder / "out")
        self.assertEqual(done.returncode, 1)
        self.assertFalse((self.folder / "out").exists())
        self.compare(path, "--inert", comes_back=False, inert=True)

    def test_what_has_no_form_leaves_nothing_behind(self):
        cases = (({"state_dict": {"w": torch.ones(1, dtype=torch.complex64)}}, "complex64"),
                 ({"state_dict": {"w": torch.ones(1)}, "x": ValueError(1)}, "ValueError at x"),
                 *(({"state_dict": {"w": torch.ones(1)}, "x": x}, "pair of surrogates") for x in TEXTS_IN_TWO),
                 ({"state_dict": {"w": torch.ones(1)}, "x": {"y": torch.quantize_per_tensor(torch.ones(1), 1.0, 0, torch.qint8)}}, "x.y"),
                 ({"state_dict": {"w": torch.ones(1)}, "x": [torch.ones(1, device="meta")]}, "x.0"),
                 ({"state_dict": {"w": torch.ones(1)}, "x": [torch.ones(1).storage()]}, "a storage at x.0"),
                 ({"state_dict": {"w": torch.ones(1)}, "x": numpy.ones(1, "c8")}, "complex64"),
                 ({"state_dict": {"w": torch.ones(1)}, "\ud800": torch.ones(1)}, "not Unicode"),
                 ({"state_dict": {"w": torch.ones(1)}, "__metadata__": torch.ones(1)}, "__metadata__"),
                 ({"state_dict": {"w": torch.ones(1), "module.w": torch.ones(1)}}, "two tensors of one name"), ({"x": {"a": 1}}, "no tensors"))
        for value, said in cases:
            path = self.file(value)
            done = self.run_program("--split", "--strip", path, self.folder / "out" / "deeper")
            self.assertEqual((done.returncode, done.stdout), (2, ""), value)
            self.assertIn(said, done.stderr)
            self.assertFalse((self.folder / "out").exists(), value)
            with self.assertRaises(airlock.UnsupportedError, msg=value):
                airlock.convert(path, self.folder / "out", split=True, strip=True)

    def patched(self, value, old, new):
        """A file of the value, with other opcodes at one place of its pickle."""
        path = self.file(value)
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        for name, data in parts.items():
            if name.endswith("/data.pkl"):
                self.assertEqual(data.count(old), 1)
                parts[name] = data.replace(old, new)
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in parts.items():
                archive.writestr(name, data)
        return path

    def nested(self, levels):
        """A file of lists in one another: torch's own writer would recurse."""
        return self.patched({"state_dict": {"w": torch.ones(1)}, "x": 7}, b"K\x07", b"]" * levels + b"a" * (levels - 1))

    def test_depth(self):
        done = self.run_program("--split", self.nested(100_000), self.folder / "out")
        self.assertEqual(done.returncode, 2)
        self.assertIn("too deeply", done.stderr)
        self.assertFalse((self.folder / "out").exists())
        self.compare(self.nested(190))

    def test_files_that_are_there_stay(self):
        path = self.file(timm_like())
        for name in FILES:
            folder = self.folder / f"out-{name}"
            folder.mkdir()
            (folder / "other").write_text("other")
            for make in (lambda at: at.write_text("mine"), lambda at: at.symlink_to("nowhere"), lambda at: at.symlink_to("other")):
                make(folder / name)
                done = self.run_program("--split", path, folder)
                self.assertEqual((done.returncode, done.stdout), (64, ""))
                self.assertIn(f"{name}; --force", done.stderr)
                self.assertEqual(sorted(os.listdir(folder)), sorted(["other", name]))
                done = self.run_program("--split", "--force", path, folder)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertEqual((folder / "other").read_text(), "other")
                self.assertFalse((folder / name).is_symlink())
                self.assertEqual(sorted(os.listdir(folder)), sorted([*FILES, "other"]))
                for other in FILES:
                    (folder / other).unlink()

    def test_old_files_are_named(self):
        folder = self.folder / "out"
        self.assertEqual(self.run_program("--split", self.file(timm_like()), folder).returncode, 0)
        done = self.run_program("--split", "--force", self.file({"state_dict": {"w": torch.ones(1)}}), folder)
        self.assertEqual(done.returncode, 0)
        self.assertIn("weights_ema.safetensors was there before", done.stderr)
        self.assertEqual(list(airlock.load_training_state(folder)["state_dict"]), ["w"])

    def test_usage(self):
        path = self.file(timm_like())
        (self.folder / "file").write_text("mine")
        for arguments in ((path, self.folder / "file"), (path, ""), ("--select", "*", path, self.folder / "out")):
            self.assertEqual(self.run_program("--split", *arguments).returncode, 64, arguments)
        self.assertEqual((self.folder / "file").read_text(), "mine")
        self.assertEqual(self.run_program("--split", self.folder / "nothing", self.folder / "out").returncode, 66)
        self.assertFalse((self.folder / "out").exists())


package.main()
