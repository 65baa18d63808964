"""Python's and numpy's own objects come back as they were; what is not known is an inert record."""
import argparse
import collections
import copy
import ctypes
import datetime
import decimal
import fractions
import functools
import io
import pathlib
import pickle
import random
import time
import types
import unittest
import uuid

import numpy

import package
import airlock
from airlock import _safetensors

ZONE = datetime.timezone(datetime.timedelta(hours=-5), "EST")
VALUES = [
    None, True, 5, -2**63, 2**63, 2**200, -2**200, 1.5, float("inf"), 1 + 2j, "", "\u00e9\ud800\U0001f600", b"", b"\x00\xff", bytearray(b"ab"),
    [], [[[]]], (), (1, (2, (3,))), {}, {1: "a", None: 2, (1, 2): 3, b"k": 4}, {1, 2}, set(), frozenset([3, (4, 5)]),
    collections.OrderedDict([(3, 1), (1, 2)]), collections.defaultdict(list, {"a": [1]}), collections.defaultdict(None, {1: 2}),
    collections.Counter("aab"), collections.deque([1, 2], 5), collections.deque(), argparse.Namespace(lr=0.5, layers=[1, 2]),
    types.SimpleNamespace(a=argparse.Namespace(b=1)),
    datetime.datetime(2020, 2, 29, 1, 2, 3, 4), datetime.datetime(2020, 2, 29, fold=1), datetime.datetime(1, 1, 1, tzinfo=ZONE),
    datetime.date(9999, 12, 31), datetime.time(23, 59, 59), datetime.timedelta(-1, 5), datetime.timezone.utc,
    decimal.Decimal("-1.50E+9"), fractions.Fraction(-1, 3), uuid.UUID(int=5), range(1, 10, 3), slice(None, 5),
    pathlib.PurePosixPath("/a/b"), pathlib.Path("x/y"), pathlib.PureWindowsPath("c:/x"),
    numpy.float64(0.1), numpy.float32(1.5), numpy.int64(-7), numpy.bool_(True), numpy.complex64(1 + 2j), numpy.dtype("float32"), numpy.dtype("<i8"),
    random.Random(4).getstate(), list, int, collections.OrderedDict,
]


class Unknown:
    """A class that Airlock does not know."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def __eq__(self, other):
        return type(other) is Unknown and vars(other) == vars(self)


class Call:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


class UnknownList(list):
    pass


class UnknownDict(dict):
    pass


def loaded(value, protocol=4, **options):
    return airlock.load(io.BytesIO(pickle.dumps(value, protocol)), framework="numpy", **options)


class Values(unittest.TestCase):
    def test_python_and_numpy(self):
        for protocol in range(6):
            for value in VALUES:
                got = loaded([value], protocol)[0]
                self.assertEqual(got, value, (protocol, value))
                if type(value) is not type(pathlib.Path()):
                    self.assertIs(type(got), type(value), (protocol, value))

    def test_nan_keeps_its_bits(self):
        import struct

        odd = struct.unpack("<d", struct.pack("<Q", 0x7FF4DEADBEEF0001))[0]
        self.assertEqual(struct.pack("<d", loaded(odd)), struct.pack("<d", odd))

    def test_arrays(self):
        made = [numpy.arange(6).reshape(2, 3), numpy.asfortranarray(numpy.ones((2, 3), "f4")), numpy.array(3.5), numpy.zeros((0, 4)),
                numpy.array([True, False]), numpy.arange(3, dtype=">i2"), numpy.random.RandomState(3).get_state()[1], numpy.arange(40000.0)]
        for protocol in range(6):
            for array, got in zip(made, loaded(made, protocol)):
                self.assertEqual((array.shape, array.dtype.newbyteorder("<")), (got.shape, got.dtype.newbyteorder("<")))
                self.assertTrue((array == got).all())
                self.assertTrue(got.flags.writeable)

    def test_cycles_sharing_and_depth(self):
        ring = [1]
        ring.append((ring, {"ring": ring}))
        got = loaded(ring)
        self.assertIs(got[1][0], got)
        self.assertIs(got[1][1]["ring"], got)
        deep = ()
        for _ in range(800):
            deep = (deep, [deep])
        got = loaded(functools.reduce(lambda inner, _: (inner,), range(400), ()))
        for _ in range(400):
            (got,) = got
        self.assertEqual(got, ())

    def test_memo_bomb_stays_small(self):
        # 60 times a pair of the last: 2^60 leaves, 61 objects.
        data = b"\x80\x02]q\x00" + b"".join(b"h\x00h\x00\x86q\x00" for _ in range(60)) + b"."
        got = airlock.load(io.BytesIO(data), framework="numpy")
        self.assertIs(got[0], got[1])

    def test_keys_that_would_take_too_long_to_hash(self):
        """Python hashes a tuple through and through each time: 2^60 steps, a million levels, a million times a million."""
        pairs = b"\x80\x02K\x01q\x00" + b"".join(b"h\x00h\x00\x86q\x00" for _ in range(60))
        wide = b"\x80\x02](" + b"K\x01" * 10_000 + b"tq\x00" + b"a"
        for data in (pairs + b"}h\x00K\x02s.", pairs + b"\x8f(h\x00\x90.", pairs + b"(h\x00\x91.",
                     pairs + b"ccollections\nOrderedDict\n)Rh\x00K\x01s.",
                     b"\x80\x02}K\x01" + b"\x85" * 900_000 + b"K\x02s.", wide + b"(" + b"}h\x00K\x01s" * 10_000 + b"e."):
            with self.assertRaises(airlock.LimitError, msg=data[:40]) as caught:
                airlock.load(io.BytesIO(data), framework="numpy")
            self.assertRegex(str(caught.exception), "keys? of more than")
        self.assertEqual(airlock.load(io.BytesIO(b"\x80\x02}K\x01" + b"\x85" * 900 + b"K\x02s."), framework="numpy").popitem()[1], 2)
        got = loaded({(1, (2, 2**100)): "a", frozenset([(1, 2)]): "b", (): "c"})
        self.assertEqual(got, {(1, (2, 2**100)): "a", frozenset([(1, 2)]): "b", (): "c"})

    def test_numbers_that_would_take_too_long_to_divide(self):
        """Two long numbers, and ten thousand fractions and ranges of them."""
        number = b"\x8b" + (60_000).to_bytes(4, "little") + b"\x01" * 60_000
        for call in (b"cfractions\nFraction\n", b"cbuiltins\nrange\n"):
            arguments = b"h\x00h\x01\x86" if b"Fraction" in call else b"(K\x00h\x00h\x01t"
            data = (b"\x80\x02" + number + b"q\x000" + number[:-1] + b"\x03q\x010" + call + b"q\x020](" +
                    10_000 * (b"h\x02" + arguments + b"R") + b"e.")
            start = time.process_time()
            self.assertIsInstance(airlock.load(io.BytesIO(data), framework="numpy")[0], airlock.Record)
            self.assertLess(time.process_time() - start, 10)
        short = [fractions.Fraction(2**2047, 3), range(-2**2000, 2**2000, 2**1000)]
        self.assertEqual(loaded([Call(fractions.Fraction, 2**2047, 3), short[1]]), short)

    def test_keys_that_are_none(self):
        for data in (b"\x80\x02}cargparse\nNamespace\n)\x81K\x01s.", b"\x80\x04\x8f(cargparse\nNamespace\n)\x81\x90.",
                     b"\x80\x04(cargparse\nNamespace\n)\x81\x91."):
            with self.assertRaises(airlock.MalformedError):
                airlock.load(io.BytesIO(data), framework="numpy")


class Records(unittest.TestCase):
    def test_names_that_libraries_obey(self):
        """numpy takes an address of this process from `__array_interface__`, of whatever object has one."""
        secret = ctypes.create_string_buffer(b"a secret of the caller", 32)
        obeyed = {"__array_interface__": {"data": (ctypes.addressof(secret), False), "shape": (8,), "typestr": "|u1", "version": 3},
                  "__wrapped__": 1, "kept": 1}
        ordered, error, strange = collections.OrderedDict(a=1), ValueError("x"), object.__new__(Unknown)
        for made in (ordered, error, strange):
            vars(made).update(obeyed)
        with self.assertRaises(airlock.DangerousError):
            loaded(ordered)
        for value in (argparse.Namespace(**obeyed), types.SimpleNamespace(**obeyed), ordered, error, strange):
            for trusted in ((), (Unknown,)):
                got = loaded(value, trusted=trusted, inert=True)
                self.assertEqual(got.kept, 1)
                for name in ("__array_interface__", "__wrapped__"):
                    self.assertFalse(hasattr(got, name), name)
                if isinstance(got, airlock.Record):
                    self.assertIn("__array_interface__", got.record_attributes)

    @package.needs_torch
    def test_names_that_libraries_obey_on_tensors(self):
        import torch

        tensor = torch.nn.Parameter(torch.zeros(2), requires_grad=False)
        tensor.__array_interface__ = {"data": (1, False), "shape": (8,), "typestr": "|u1", "version": 3}
        tensor.kept = 1
        got = airlock.load(io.BytesIO(package.saved({"w": tensor})))["w"]
        self.assertNotIn("__array_interface__", vars(got))

    @package.needs_torch
    def test_views_that_are_larger_than_their_memory(self):
        import torch

        memory = torch.arange(3.0)
        value = {"wide": memory[:1].expand(1 << 40), "steps": memory.as_strided((2, 2), (1, 1)), "all": memory}
        got = airlock.load(io.BytesIO(package.saved(value)), framework="numpy")
        self.assertEqual((got["wide"].shape, got["wide"][5], got["wide"].flags.writeable), ((1 << 40,), 0, False))
        self.assertEqual(got["steps"].tolist(), [[0, 1], [1, 2]])
        self.assertTrue(numpy.shares_memory(got["steps"], got["all"]))
        for name in ("wide", "steps"):
            self.assertEqual(_safetensors._memory_of(got[name])[1], 12)

    def test_attributes_items_and_pairs(self):
        many = UnknownList([1, 2])
        many.tag = "t"
        pairs = UnknownDict(a=1)
        got = loaded({"o": Unknown(x=1, y=[Unknown()], record_args=5), "l": many, "d": pairs})
        record = got["o"]
        self.assertIsInstance(record, airlock.Record)
        self.assertEqual(record.x, 1)
        self.assertEqual(record.record_class, "__main__.Unknown")
        self.assertEqual(record.record_attributes["record_args"], 5)
        self.assertIsInstance(record.y[0], airlock.Record)
        self.assertEqual(list(got["l"]), [1, 2])
        self.assertEqual(got["l"].tag, "t")
        self.assertEqual(got["d"]["a"], 1)
        self.assertIn("a", got["d"])
        with self.assertRaises(AttributeError):
            record.nothing
        with self.assertRaises(TypeError):
            record["x"]
        self.assertIn("__main__.Unknown", repr(record))

    def test_records_are_inert(self):
        record = loaded(Unknown(x=1))
        self.assertFalse(callable(record))
        self.assertEqual(len({record, record}), 1)
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with self.assertRaises(TypeError):
                attempt(record)
        symbol = loaded(Unknown)
        self.assertIsInstance(symbol, airlock.SymbolName)
        self.assertFalse(callable(symbol))
        with self.assertRaises(TypeError):
            pickle.dumps(symbol)

    def test_names_of_a_file_are_shown_escaped(self):
        data = b"\x80\x04\x8c\x08evil\x1b[2J\x8c\x01C\x93)\x81."
        self.assertNotIn("\x1b", repr(airlock.load(io.BytesIO(data), framework="numpy")))

    def test_cycles_through_records(self):
        one = Unknown()
        one.me = (one, [one])
        got = loaded(one)
        self.assertIs(got.me[0], got)
        self.assertIs(got.me[1][0], got)

    def test_calls_are_not_made(self):
        got = loaded([functools.partial(int, "77", base=8), datetime.datetime.now])
        self.assertIsInstance(got[0], airlock.Record)

    def test_what_a_known_class_would_not_take_stays_a_record(self):
        for data in (b"cdatetime\ndate\n(I0\nI0\nI0\ntR.", b"cfractions\nFraction\n(V1e999999999\ntR.", b"ccollections\ndeque\n((lI-5\ntR.",
                     b"cbuiltins\nrange\n(I1\nI2\nI0\ntR.", b"cbuiltins\nUnicodeEncodeError\n(Vascii\nVx\nL1180591620717411303424L\nI1\nVr\ntR."):
            self.assertIsInstance(airlock.load(io.BytesIO(data), framework="numpy"), airlock.Record, data)


class Trust(unittest.TestCase):
    def test_classes_and_names(self):
        value = {"o": Unknown(x=[1]), "l": UnknownList([1]), "d": UnknownDict(a=1), "c": Unknown}
        for trusted in ([Unknown, UnknownList, UnknownDict], ["__main__.Unknown", "__main__.UnknownList", "__main__.UnknownDict"]):
            got = loaded(value, trusted=trusted)
            self.assertEqual(got, value)
            self.assertIs(type(got["l"]), UnknownList)
            self.assertIs(got["c"], Unknown)

    def test_functions_are_never_called(self):
        with self.assertRaises(TypeError):
            loaded(1, trusted=[print])
        with self.assertRaises(airlock.DangerousError):
            loaded(Reduced(), trusted=["posix.system"])
        got = loaded(Reduced(), trusted=["posix.system"], inert=True)
        self.assertIsInstance(got, airlock.Record)

    def test_no_module_is_imported_that_the_caller_did_not_name(self):
        data = b"cnot_there_at_all\nC\n)\x81."
        self.assertIsInstance(airlock.load(io.BytesIO(data), framework="numpy", trusted=["other.C"]), airlock.Record)


class Reduced:
    def __reduce__(self):
        import os

        return os.system, ("echo this must not run",)


package.main()
