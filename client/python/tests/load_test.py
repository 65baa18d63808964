"""airlock.load beside torch.load: forms of `f`, map_location, sharing, kinds of tensors."""
import collections
import gc
import io
import json
import os
import pathlib
import pickle
import sys
import unittest
import unittest.mock
import warnings
import zipfile

import package
from package import saved
import airlock

if not package.HAS_TORCH:
    package.skip("this Python has no torch (apt-get install python3-torch)")
import torch
sys.path.insert(0, str(package.ROOT / "tests" / "support"))
import gguf_file

warnings.filterwarnings("ignore", category=UserWarning, module="torch")


class Counted(dict):
    pass


FORMS = {"zip": {}, "legacy": {"_use_new_zipfile_serialization": False}, "protocol 4": {"pickle_protocol": 4}}


class Sources(package.Folder):
    def test_paths_and_objects(self):
        path = self.write("a.pt", saved({"w": torch.arange(4)}))
        with open(path, "rb") as file, open(path, "rb", buffering=0) as raw:
            for f in (str(path), path, file, raw, io.BytesIO(path.read_bytes())):
                self.assertEqual(airlock.load(f)["w"].tolist(), [0, 1, 2, 3], f)

    def test_links_are_followed_and_odd_names_work(self):
        path = self.write("a.pt", saved([1]))
        link = self.folder / "line\nfeed \u00e9.pt"
        link.symlink_to(path)
        self.assertEqual(airlock.load(link), [1])
        odd = os.fsencode(self.folder) + b"/\xff.pt"
        pathlib.Path(os.fsdecode(odd)).write_bytes(path.read_bytes())
        self.assertEqual(airlock.load(os.fsdecode(odd)), [1])

    def test_objects_are_read_from_their_position(self):
        data = saved({"w": torch.ones(3)})
        for form in FORMS.values():
            data = saved({"w": torch.ones(3)}, **form)
            file = io.BytesIO(b"before" + data)
            file.seek(6)
            self.assertEqual(airlock.load(file)["w"].tolist(), [1, 1, 1])
            self.assertEqual(file.tell(), 6 + len(data))

    def test_streams_in_a_row(self):
        file = io.BytesIO()
        for number in range(3):
            torch.save(torch.full((2,), number), file, _use_new_zipfile_serialization=False)
        file.seek(0)
        self.assertEqual([airlock.load(file).tolist() for _ in range(3)], [[0, 0], [1, 1], [2, 2]])
        self.assertEqual(file.tell(), len(file.getvalue()))

    def test_torch_leaves_legacy_streams_at_the_same_place(self):
        for count in range(2):
            file = io.BytesIO(saved([1, torch.ones(2)], _use_new_zipfile_serialization=False) * 2)
            other = io.BytesIO(file.getvalue())
            torch.load(file)  # written a line ago
            airlock.load(other)
            self.assertEqual(file.tell(), other.tell())

    def test_what_is_no_file(self):
        with self.assertRaises(FileNotFoundError):
            airlock.load(self.folder / "nothing")
        with unittest.mock.patch.object(airlock._client.Client, "private", False), self.assertRaises(IsADirectoryError):
            airlock.load(self.folder)
        with self.assertRaises(AttributeError):
            airlock.load(5)
        with self.assertRaises(AttributeError):
            airlock.load(object())
        path = self.write("a.txt", b"text")
        with open(path) as file, self.assertRaises(TypeError):
            airlock.load(file)

    def test_folders(self):
        """Shards with an index are one checkpoint, under the names of its index."""
        index = {"metadata": {}, "weight_map": {"a": "model-1-of-2.bin", "b": "model-2-of-2.bin"}}
        for name, shard in index["weight_map"].items():
            self.write(shard, saved({name: torch.full((2,), ord(name))}))
        self.write("model.bin.index.json", json.dumps(index).encode())
        got = airlock.load_file(self.folder)
        self.assertEqual({name: tensor.tolist() for name, tensor in got.items()}, {"a": [97, 97], "b": [98, 98]})
        self.assertEqual(airlock.load(self.folder, member="model-1-of-2.bin")["a"].tolist(), [97, 97])

    def test_members(self):
        path = self.folder / "agent.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("policy.pth", saved({"w": torch.ones(2)}))
            archive.writestr("data", "{}")
        self.assertEqual(airlock.load(path, member="policy.pth")["w"].tolist(), [1, 1])
        with self.assertRaises(airlock.UnsupportedError):
            airlock.load(path, member="other.pth")
        self.assertEqual(airlock.load_file(path, key="policy.pth")["w"].tolist(), [1, 1])
        with self.assertRaises(KeyError):
            airlock.load_file(path, key="policy")

    def test_names_with_dots_in_a_key(self):
        value = {"a": {"b": {"w": torch.zeros(1)}}, "a.b": {"w": torch.ones(1), "c.d": [{"w": torch.full((1,), 2.0)}]}}
        path = self.write("dots.pt", saved(value))
        self.assertEqual(airlock.load_file(path, key="a.b")["w"].item(), 1)
        self.assertEqual(airlock.load_file(path, key="a.b.c.d.0")["w"].item(), 2)

    def test_weights_of_torchscript(self):
        module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
        path = self.folder / "script.pt"
        for made in (torch.jit.trace(module.eval(), torch.ones(4, 2)), torch.jit.script(module)):
            made.save(str(path))
            got = airlock.load_file(path)
            self.assertEqual(list(got), list(module.state_dict()))
            self.assertTrue(all(torch.equal(tensor, got[name]) for name, tensor in module.state_dict().items()))
        self.assertEqual(list(airlock.load_file(path, key="")), list(module.state_dict()))
        self.assertEqual(list(airlock.load_file(path, key="0")), ["weight", "bias"])

    def test_blocks_of_gguf_are_no_weights(self):
        path = self.write("q.gguf", gguf_file.file({}, [("a", (4,), 0, bytes(16)), ("b", (32,), 8, bytes(34))]))
        for key in ("auto", ""):
            with self.assertRaisesRegex(airlock.UnsupportedError, "b is quantised in blocks of the type Q8_0"):
                airlock.load_file(path, key=key)

    def test_what_is_neither_a_file_nor_a_folder(self):
        """Nobody writes to this FIFO: whoever opened it would wait for ever."""
        path = self.folder / "fifo"
        os.mkfifo(path)
        for given in (path, "/dev/zero"):
            with self.assertRaises(airlock.UnsupportedError) as caught:
                airlock.load(given)
            self.assertEqual(caught.exception.reason, "NOT_A_REGULAR_FILE")

    def test_arguments_that_there_are_not(self):
        path = self.write("a.pt", saved({"w": torch.ones(1)}))
        airlock.load(path, weights_only=False, pickle_module=None, encoding="latin1", errors="strict")
        for wrong in ({"unknwon": "error"}, {"trusted": "a.B"}, {"trusted": airlock.Record}):
            with self.assertRaises(TypeError):
                airlock.load(path, **wrong)


class Objects(package.Folder):
    def both(self, value, **options):
        """What torch and Airlock make of the same file, for each form."""
        for name, form in FORMS.items():
            data = saved(value, **form)
            kwargs = {"weights_only": False} if "weights_only" in torch.load.__code__.co_varnames else {}
            yield name, torch.load(io.BytesIO(data), **kwargs), airlock.load(io.BytesIO(data), **options)  # written just now

    def test_identity_and_cycles(self):
        shared = torch.arange(6.0)
        parameter = torch.nn.Parameter(torch.ones(2))
        value = {"a": shared, "b": shared, "view": shared[2:], "p": parameter, "q": [parameter]}
        value["self"] = (value,)
        for name, _, got in self.both(value):
            self.assertIs(got["a"], got["b"], name)
            self.assertIs(got["p"], got["q"][0], name)
            self.assertIs(got["self"][0], got, name)
            got["view"][0] = 77
            self.assertEqual(got["a"][2].item(), 77, name)

    def test_state_dicts_load_as_they_are(self):
        model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
        for name, want, got in self.both(model.state_dict()):
            self.assertIs(type(got), collections.OrderedDict, name)
            self.assertEqual(got._metadata, want._metadata, name)
            self.assertEqual(list(got), list(want), name)
            model.load_state_dict(got)

    def test_kinds_of_tensors(self):
        values = {
            "scalar": torch.tensor(2.5), "empty": torch.empty(0, 3), "bool": torch.tensor([True, False]), "half": torch.ones(3, dtype=torch.float16),
            "strided": torch.arange(12).view(3, 4).t()[1:, ::2], "expanded": torch.ones(1).expand(4, 5), "grad": torch.ones(2, requires_grad=True),
            "bf16": torch.full((2,), 1.5, dtype=torch.bfloat16), "complex": torch.randn(3, dtype=torch.complex64), "large": torch.randn(300, 300),
            "conj": torch.randn(3, dtype=torch.complex64).conj(), "neg": torch.randn(3, dtype=torch.complex64).conj().imag,
            "frozen": torch.nn.Parameter(torch.ones(1), requires_grad=False)}
        for name, want, got in self.both(values):
            self.assertEqual(list(want), list(got))
            for key, tensor in want.items():
                other = got[key]
                facts = lambda t: (t.dtype, t.shape, t.stride(), t.storage_offset(), t.requires_grad, type(t), t.is_conj(), t.is_neg(), t.is_leaf)
                self.assertEqual(facts(tensor), facts(other), (name, key))
                self.assertTrue(torch.equal(tensor, other), (name, key))

    def test_steps_that_nobody_takes_may_be_of_any_length(self):
        one, none = torch.ones(1), torch.empty(0)
        values = {"one": one.as_strided((1,), (2**62,)), "a row": torch.ones(3).as_strided((1, 3), (2**62, 1)), "none": none.as_strided((0, 3), (2**62, 1))}
        got = airlock.load(io.BytesIO(package.saved(values)), framework="numpy")
        for name, want in values.items():
            self.assertEqual(got[name].tolist(), want.tolist(), name)
            self.assertEqual(got[name].shape, tuple(want.shape), name)

    def test_storages_of_odd_sizes_beside_others(self):
        value = [torch.ones(size, dtype=dtype) for size in (1, 3, 7) for dtype in (torch.uint8, torch.complex128, torch.float64, torch.int16)]
        for name, want, got in self.both(value):
            self.assertTrue(all(torch.equal(tensor, other) for tensor, other in zip(want, got)), name)

    def test_quantised(self):
        per_tensor = torch.quantize_per_tensor(torch.randn(3, 4), 0.1, 3, torch.quint8)
        per_channel = torch.quantize_per_channel(torch.randn(3, 4), torch.rand(3) + 0.1, torch.arange(3), 0, torch.qint8)
        for name, want, got in self.both([per_tensor, per_channel, per_tensor[1:]]):
            for tensor, other in zip(want, got):
                self.assertEqual(tensor.qscheme(), other.qscheme(), name)
                self.assertTrue(torch.equal(tensor.int_repr(), other.int_repr()), name)
                self.assertTrue(torch.equal(tensor.dequantize(), other.dequantize()), name)

    def test_sparse(self):
        dense = torch.tensor([[0.0, 2], [3, 0]])
        double = torch.sparse_coo_tensor(torch.tensor([[0, 0], [1, 1]]), torch.ones(2), (2, 2))
        for name, want, got in self.both([dense.to_sparse().coalesce(), dense.to_sparse_csr(), double]):
            for tensor, other in zip(want, got):
                self.assertEqual(tensor.layout, other.layout, name)
                self.assertTrue(torch.equal(tensor.to_dense(), other.to_dense()), name)
            self.assertFalse(got[2].is_coalesced())

    def test_storages(self):
        tensor = torch.arange(4.0)
        for name, want, got in self.both({"t": tensor, "s": tensor.storage()}):
            self.assertEqual(list(got["s"]), list(want["s"]), name)
            got["s"][0] = 9
            self.assertEqual(got["t"][0].item(), 9, name)

    def test_tensors_can_be_resized_and_outlive_the_file(self):
        path = self.write("a.pt", saved({"small": torch.ones(4), "large": torch.ones(70000)}))
        got = airlock.load(path)
        path.unlink()
        gc.collect()
        for tensor in got.values():
            tensor.resize_(100000).fill_(2)
            self.assertEqual(tensor.sum().item(), 200000)


class Locations(package.Folder):
    def setUp(self):
        super().setUp()
        self.here = self.write("cpu.pt", saved({"a": torch.ones(2), "b": torch.ones(2)}))
        self.cuda = self.write("cuda.pt", saved(torch.ones(2), _use_new_zipfile_serialization=False).replace(
            b"cpuq", b"cudaq").replace(b"X\x03\x00\x00\x00cuda", b"X\x04\x00\x00\x00cuda"))

    def test_everything_to_one_place(self):
        for location in ("cpu", torch.device("cpu")):
            self.assertEqual(airlock.load(self.here, location)["a"].device.type, "cpu")
            self.assertEqual(airlock.load(self.cuda, location).tolist(), [1, 1])

    def test_a_dict(self):
        self.assertEqual(airlock.load(self.cuda, {"cuda": "cpu"}).tolist(), [1, 1])

    def test_a_callable(self):
        asked = []

        def keep(storage, location):
            asked.append((location, storage.nbytes()))
            return storage if location == "cuda" else None

        self.assertEqual(airlock.load(self.cuda, keep).tolist(), [1, 1])
        airlock.load(self.here, keep)
        self.assertEqual(asked, [("cuda", 8), ("cpu", 8), ("cpu", 8)])

    @unittest.skipIf(torch.cuda.is_available(), "this machine has CUDA")
    def test_a_device_that_is_not_there(self):
        with self.assertRaisesRegex(RuntimeError, "CUDA"):
            airlock.load(self.cuda)


class Selection(package.Folder):
    def test_load_file_chooses_as_timm(self):
        state = {"module.w": torch.zeros(1)}
        training = {"epoch": 3, "state_dict": state, "optimizer": {"state": {0: {"m": torch.ones(1)}}}}
        self.assertEqual(list(airlock.load_file(self.write("a.pt", saved(training)))), ["module.w"])
        self.assertEqual(list(airlock.load_file(self.write("a.pt", saved(training)), strip=True)), ["w"])
        training["state_dict_ema"] = {"w": torch.full((1,), 5)}
        path = self.write("b.pt", saved(training))
        self.assertEqual(airlock.load_file(path)["w"].item(), 5)
        self.assertEqual(list(airlock.load_file(path, key="optimizer.state")), ["0.m"])
        self.assertEqual(list(airlock.load_file(self.write("c.pt", saved(state)))), ["module.w"])
        with self.assertRaises(airlock.UnsupportedError):
            airlock.load_file(self.write("d.pt", saved([1])))
        with self.assertRaises(KeyError):
            airlock.load_file(path, key="nothing")

    def test_whole_models_give_their_state_dict(self):
        model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
        path = self.write("model.pt", saved(model))
        for got in (airlock.load_file(path), airlock.state_dict(airlock.load(path))):
            self.assertEqual(list(got), list(model.state_dict()))
            model.load_state_dict(got)
        optimizer = torch.optim.Adam(model.parameters())
        model(torch.ones(2, 2)).sum().backward()
        optimizer.step()
        got = airlock.state_dict(airlock.load(self.write("optimizer.pt", saved(optimizer))))
        self.assertEqual(got["param_groups"], optimizer.state_dict()["param_groups"])
        optimizer.load_state_dict(got)


class Watched(unittest.TestCase):
    def test_no_load_unpickles_imports_or_executes(self):
        """What the interpreter itself reports of each load."""
        data = saved({"w": torch.ones(2), "o": collections.OrderedDict(a=1), "c": Counted(a=1)})
        airlock.load(io.BytesIO(data))  # imports what is imported once
        events = []
        watched = ("pickle.find_class", "marshal.loads", "exec", "compile", "import", "os.system", "subprocess.Popen", "ctypes.dlopen")
        on = [True]
        sys.addaudithook(lambda event, args: events.append(event) if on[0] and event in watched else None)
        airlock.load(io.BytesIO(data))
        on[0] = False
        self.assertEqual(events, [])
        on[0] = True
        pickle.loads(pickle.dumps(collections.OrderedDict()))  # written just now: the hook does see what a pickle does
        on[0] = False
        self.assertIn("pickle.find_class", events)


package.main()
