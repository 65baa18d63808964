"""Reads a checkpoint without its classes and without any code of ours: Python's own unpickler, with an import that knows a table of
torch's and numpy's builders and nothing else. Whatever other name a stream has becomes a class that keeps what it is given.

For files of the corpus that torch itself cannot open, so that what Airlock says of them is held against somebody else's reading.
Never for attack files.
"""
import codecs
import collections
import io
import pickle
import struct
import zipfile
import zlib

import numpy
import torch


class Record:
    """What an object of an unknown class was made of."""

    def __new__(cls, *args, **kwargs):
        made = object.__new__(cls)
        made.args, made.kwargs, made.state, made.items, made.pairs = args, kwargs, None, [], {}
        return made

    def __init__(self, *args, **kwargs):
        pass

    def __setstate__(self, state):
        self.state = state

    def append(self, item):
        self.items.append(item)

    def extend(self, items):
        self.items.extend(items)

    def __setitem__(self, key, value):
        self.pairs[key] = value


class Stream:
    """Bytes that hold a checkpoint of their own, and what is in it."""

    def __init__(self, raw, root):
        self.raw, self.root = raw, root


def record_class(module, name):
    return type(name.rpartition(".")[2], (Record,), {"__module__": module, "__qualname__": name})


def latin1(text, encoding):
    assert encoding == "latin1", encoding
    return codecs.encode(text, "latin1")


KNOWN = {
    ("collections", "OrderedDict"): collections.OrderedDict, ("builtins", "set"): set, ("_codecs", "encode"): latin1, ("builtins", "bytearray"): bytearray,
    ("torch", "device"): torch.device, ("torch", "Size"): torch.Size,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2, ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
    ("torch._utils", "_rebuild_qtensor"): torch._utils._rebuild_qtensor, ("torch.nn.parameter", "Parameter"): torch.nn.Parameter, ("torch", "per_tensor_affine"): torch.per_tensor_affine,
    ("numpy.core.multiarray", "_reconstruct"): numpy.core.multiarray._reconstruct, ("numpy._core.multiarray", "_reconstruct"): numpy.core.multiarray._reconstruct,
    ("numpy.core.multiarray", "scalar"): numpy.core.multiarray.scalar, ("numpy._core.multiarray", "scalar"): numpy.core.multiarray.scalar,
    ("numpy", "ndarray"): numpy.ndarray, ("numpy", "dtype"): numpy.dtype,
}
STORAGES = {f"{kind}Storage": dtype for kind, dtype in {
    "Float": torch.float32, "Double": torch.float64, "Half": torch.float16, "Long": torch.int64, "Int": torch.int32, "Short": torch.int16, "Char": torch.int8,
    "Byte": torch.uint8, "Bool": torch.bool, "BFloat16": torch.bfloat16, "QInt8": torch.qint8, "QUInt8": torch.quint8, "QInt32": torch.qint32}.items()}


class Unpickler(pickle._Unpickler):
    """One stream. `storage(key, dtype, numel)` gives the bytes of what persistent ids name."""

    def __init__(self, file, storage=None):
        super().__init__(file)
        self.storage, self.classes, self.storages, self.file = storage, {}, {}, file

    def find_class(self, module, name):
        if (module, name) == ("torch.storage", "_load_from_bytes"):
            return lambda raw: legacy(io.BytesIO(raw))
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        module, name = pickle._compat_pickle.NAME_MAPPING.get((module, name), (pickle._compat_pickle.IMPORT_MAPPING.get(module, module), name))
        if (module, name) in KNOWN:
            return KNOWN[module, name]
        return self.classes.setdefault((module, name), record_class(module, name))

    def _decode_string(self, value):
        """A str of Python 2: text where it can be, as torch reads it."""
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value

    def persistent_load(self, identifier):
        if identifier[0] == "module":  # the first versions wrote a class with its source
            return identifier[1]
        _, dtype, key, _, numel = identifier[:5]
        if key not in self.storages:
            raw = self.storage(key, dtype, numel)
            flat = torch.frombuffer(bytearray(raw), dtype=torch.uint8) if raw else torch.empty(0, dtype=torch.uint8)
            self.storages[key] = torch.storage.TypedStorage(wrap_storage=flat.storage().untyped(), dtype=dtype)
        return self.storages[key]


def size_of(dtype):
    return torch._utils._element_size(dtype)


def archive(path, member="data.pkl"):
    """A torch zip or TorchScript archive: one pickle of it, with its storages."""
    with zipfile.ZipFile(path) as file:
        root = file.namelist()[0].partition("/")[0]
        return Unpickler(io.BytesIO(file.read(f"{root}/{member}")), lambda key, dtype, numel: file.read(f"{root}/data/{key}") if numel else b"").load()


def legacy(file):
    """The stream that torch wrote before 1.6: the storages come last, so it is read twice."""
    def objects(storage):
        file.seek(0)
        for _ in range(3):
            pickle._Unpickler(file).load() if storage is None else Unpickler(file).load()
        root = Unpickler(file, storage or (lambda key, dtype, numel: bytes(numel * size_of(dtype)))).load()
        return root, Unpickler(file).load()
    first = {}

    def measure(key, dtype, numel):
        first[key] = dtype
        return bytes(numel * size_of(dtype))
    _, keys = objects(measure)
    raw = {}
    for key in keys:
        numel, = struct.unpack("<q", file.read(8))
        raw[key] = file.read(numel * size_of(first[key]))
    return objects(lambda key, dtype, numel: raw[key])[0]


class Joblib(Unpickler):
    """joblib's files: behind each wrapper's state stand the numbers of its array."""
    dispatch = dict(Unpickler.dispatch)

    def load_build(self):
        super().load_build()
        wrapper = self.stack[-1]
        if isinstance(wrapper, Record) and type(wrapper).__qualname__ == "NumpyArrayWrapper":
            self.stack[-1] = self.array(wrapper.state)

    def array(self, state):
        dtype, shape = state["dtype"], tuple(state["shape"])
        if dtype.hasobject:
            return Unpickler(self.file).load()
        count = int(numpy.prod(shape, dtype=numpy.int64))
        flat = numpy.frombuffer(self.file.read(count * dtype.itemsize), dtype)
        array, kind = flat.reshape(shape, order=state["order"]), state["subclass"]
        return array if kind is numpy.ndarray else kind(array)

    dispatch[pickle.BUILD[0]] = load_build


def joblib(data):
    return Joblib(io.BytesIO(zlib.decompress(data, 47) if data[:2] in (b"\x1f\x8b", b"\x78\x9c", b"\x78\xda", b"\x78\x01") else data)).load()
