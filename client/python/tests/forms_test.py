"""The forms of torch.load that README.md lists: each works, or is refused with a reason."""
import array
import contextlib
import gzip
import io
import pickle
import unittest
import unittest.mock
import zipfile

import package
from package import saved
import airlock

if not package.HAS_TORCH:
    package.skip("this Python has no torch (apt-get install python3-torch)")
import torch


def with_members(data, **changes):
    """A zip checkpoint with other contents in some of its members; None takes one away."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w") as new:
        top = old.namelist()[0].split("/")[0]
        parts = {name[len(top) + 1:]: old.read(name) for name in old.namelist()}
        for name, content in {**parts, **changes}.items():
            if content is not None:
                new.writestr(f"{top}/{name}", content)
    return made.getvalue()


class Tagged(torch.Tensor):
    pass


class Files(package.Folder):
    def test_gzip(self):
        data = saved({"w": torch.arange(3)})
        path = self.write("a.pt.gz", gzip.compress(data))
        with gzip.open(path) as file:
            self.assertEqual(airlock.load(file)["w"].tolist(), [0, 1, 2])
        with self.assertRaises(airlock.UnsupportedError) as caught:
            airlock.load(path)
        self.assertEqual(caught.exception.reason, "UNSUPPORTED_FORMAT")

    def test_byte_order(self):
        """As the file says; where it says nothing, little. Who has told torch otherwise gets no wrong numbers."""
        values = array.array("f", [1.0, 2.5, -3.0])
        data = saved(torch.tensor(values.tolist()))
        values.byteswap()
        big = with_members(data, **{"byteorder": b"big", "data/0": values.tobytes()})
        silent = with_members(data, byteorder=None)
        for file in (data, big, silent):
            self.assertEqual(airlock.load(io.BytesIO(file)).tolist(), [1.0, 2.5, -3.0])
        endianness = getattr(torch.serialization, "LoadEndianness", None)
        if endianness is None:
            return  # this torch cannot be told
        for order, kind in ((endianness.LITTLE, None), (endianness.NATIVE, None), (endianness.BIG, airlock.UnsupportedError)):
            torch.serialization.set_default_load_endianness(order)
            self.addCleanup(torch.serialization.set_default_load_endianness, None)
            with self.assertRaises(kind) if kind else contextlib.nullcontext():
                self.assertEqual(airlock.load(io.BytesIO(silent)).tolist(), [1.0, 2.5, -3.0])

    def test_text_of_python_2(self):
        data = b"\x80\x02](U\x03abcU\x03\xe9\xff\xfee."
        for encoding in ("utf-8", "latin1", "bytes"):
            self.assertEqual(airlock.load(io.BytesIO(data), encoding=encoding), ["abc", b"\xe9\xff\xfe"])

    def test_tags_of_a_program(self):
        """Of torch.serialization.register_package: torch's own function asks them, in this process."""
        asked = []

        def place(storage, location):
            if location == "elsewhere":
                asked.append(len(storage))
                return storage
            return None

        registry = torch.serialization._package_registry
        with unittest.mock.patch.object(torch.serialization, "_package_registry", list(registry)):
            torch.serialization.register_package(1, lambda storage: "elsewhere", place)
            data = saved(torch.arange(5, dtype=torch.uint8))
            self.assertEqual(airlock.load(io.BytesIO(data)).tolist(), [0, 1, 2, 3, 4])
        self.assertEqual(asked, [5])
        with self.assertRaises(RuntimeError):
            airlock.load(io.BytesIO(data))  # as torch says of a tag that nobody knows

    def test_torchscript(self):
        model = torch.jit.script(torch.nn.Linear(2, 1))
        path = self.folder / "a.pt"
        model.save(str(path))
        found = airlock.load(path)
        self.assertIsInstance(found, airlock.Record)
        self.assertTrue(torch.equal(found.weight, model.weight))
        self.assertTrue(torch.equal(found.bias, model.bias))
        with unittest.mock.patch.object(torch.jit, "load", side_effect=AssertionError), airlock.patch():
            torch.load(path)


class Kinds(unittest.TestCase):
    def same(self, value):
        return airlock.load(io.BytesIO(saved(value)), map_location="cpu")

    def test_subclasses_and_attributes(self):
        tensor = torch.ones(2)
        tensor.note = "mine"
        got, want = self.same(tensor), torch.load(io.BytesIO(saved(tensor)))  # torch 1.13 does not save attributes
        self.assertEqual((type(got), vars(got)), (torch.Tensor, vars(want)))
        got = self.same([torch.ones(2).as_subclass(Tagged), 1])
        self.assertIsNot(type(got[0]), Tagged)
        self.assertEqual(got[1], 1)

    def test_compressed_and_meta(self):
        dense = torch.eye(4)
        layouts = [dense.to_sparse_csr()]
        if hasattr(torch.device, "__enter__"):  # older ones have the others, and cannot save them
            layouts += [dense.to_sparse_csc(), dense.to_sparse_bsr((2, 2)), dense.to_sparse_bsc((2, 2))]
        for tensor in layouts:
            got = self.same(tensor)
            self.assertEqual(got.layout, tensor.layout)
            self.assertTrue(torch.equal(got.to_dense(), dense))

    @unittest.skipUnless(hasattr(torch.device, "__enter__"), "this torch cannot save meta tensors")
    def test_meta(self):
        meta = self.same(torch.empty((2, 3), device="meta"))
        self.assertEqual((meta.device.type, tuple(meta.shape)), ("meta", (2, 3)))

    def test_memory_out_of_a_number(self):
        for module, name in (("torch", "FloatTensor"), ("builtins", "bytearray")):
            data = f"c{module}\n{name}\n(I1099511627776\ntR.".encode()
            self.assertIsInstance(airlock.load(io.BytesIO(data)), airlock.Record)

    def test_whole_models(self):
        model = torch.nn.Sequential(torch.nn.Linear(2, 2))
        got = self.same({"model": model})["model"]
        self.assertIsInstance(got, airlock.Record)
        self.assertEqual(list(airlock.state_dict(got)), ["0.weight", "0.bias"])


class Modes(package.Folder):
    """What a program has switched on around its load."""

    def setUp(self):
        super().setUp()
        self.value = {"small": torch.arange(4.0), "large": torch.ones(300_000), "sparse": torch.eye(3).to_sparse(),
                      "parameter": torch.nn.Parameter(torch.ones(2)), "quantised": torch.quantize_per_tensor(torch.ones(3), 0.5, 0, torch.qint8)}
        self.path = self.write("a.pt", saved(self.value))

    @unittest.skipUnless(hasattr(torch.device, "__enter__"), "in this torch, a device is no context")
    def test_a_device_around_it(self):
        """Where models are made on the meta device, their files still have data; torch's own memory must not come out as none."""
        for options in ({}, {"mmap": True}):
            with torch.device("meta"):
                got = [airlock.load(f, **options) for f in (self.path, io.BytesIO(self.path.read_bytes()))]
            for loaded in got:
                self.assertEqual({name: tensor.device.type for name, tensor in loaded.items()}, dict.fromkeys(self.value, "cpu"))
                self.assertTrue(all(torch.equal(tensor.to_dense() if tensor.is_sparse else tensor,
                                                self.value[name].to_dense() if tensor.is_sparse else self.value[name])
                                    for name, tensor in loaded.items()))

    def test_fake_tensors(self):
        """Tensors that have no memory: nothing can be read into them."""
        from torch._subclasses.fake_tensor import FakeTensorMode

        for f in (self.path, io.BytesIO(self.path.read_bytes())):
            with FakeTensorMode(), self.assertRaises(airlock.UnsupportedError) as caught:
                airlock.load(f)
            self.assertIn("inspect", str(caught.exception))

    @unittest.skipUnless(hasattr(torch.serialization, "skip_data"), "this torch cannot skip data")
    def test_data_that_is_not_skipped(self):
        with torch.serialization.skip_data():
            self.assertEqual(airlock.load(self.path)["small"].tolist(), [0, 1, 2, 3])

    def test_other_types_and_grad_around_it(self):
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        self.addCleanup(torch.set_default_dtype, before)
        with torch.inference_mode():
            got = airlock.load(self.path)
        self.assertEqual(got["small"].dtype, torch.float32)
        self.assertTrue(got["parameter"].requires_grad)

    def test_a_pickle_module_is_not_used(self):
        with unittest.mock.patch.object(pickle, "Unpickler", side_effect=AssertionError):
            self.assertEqual(airlock.load(self.path, pickle_module=pickle)["small"].tolist(), [0, 1, 2, 3])


package.main()
