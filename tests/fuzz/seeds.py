"""Writes the seeds of the fuzz targets: seeds.py DIRECTORY. Small inputs that reach far, each made here; nothing is ever unpickled."""
import collections
import datetime
import decimal
import hashlib
import pathlib
import pickle
import struct
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / folder) for folder in ("support", "attacks")]
import classes
import dcp_folder
import payloads
import published
import torch_tar
from payloads import PROTO, Raw, call, name, packed, symbol, tensor

PLAIN = [None, True, 7, -1, 1 << 40, 1 << 100, -(1 << 2000), 1.5, float("nan"), "text", "h\u00e9\u4e2d\U0001f600", b"bytes", bytearray(b"x"), (), (1,), (1, 2, 3),
         (1, 2, 3, 4), [1, [2, [3]]], {1: 2, "a": {"b": None}}, {1, 2}, frozenset({3}), 1 + 2j, range(3), slice(1, 2), collections.OrderedDict(a=1),
         collections.Counter("aab"), collections.defaultdict(list, a=[1]), collections.deque([1], 3), datetime.datetime(2020, 1, 2, 3, 4, 5, 6),
         datetime.timedelta(1, 2, 3), decimal.Decimal("1.5"), pathlib.PurePosixPath("/a/b"), ValueError("x"), "x" * 300, b"y" * 300, list(range(300))]

BETWEEN = b"\n--\n"


def streams():
    """Pickles: of plain objects by every protocol, of tensors, and all that the tests of attacks have written."""
    shared = [1]
    ring = []
    ring.append(ring)
    for protocol in range(6):
        for thing in PLAIN + [[shared, shared], ring, PLAIN]:
            yield pickle.dumps(thing, protocol)
    yield tensor()
    yield tensor(shape=(2, 2), stride=(2, 1))
    for what in ("Parameter", "UntypedStorage"):
        yield PROTO + symbol("torch.storage" if what[0] == "U" else "torch.nn.parameter", what) + b")\x81."
    for module, attribute in (("torch", "float32"), ("torch", "device"), ("torch", "Size"), ("torch.serialization", "_get_layout"),
                              ("numpy", "dtype"), ("numpy.core.multiarray", "_reconstruct"), ("numpy.core.multiarray", "scalar")):
        yield PROTO + name(module, attribute) + b"."
        yield PROTO + call(module, attribute, "f4", 0, 1) + b"."
    for _, payload in published.GADGETS:
        yield PROTO + payload + b"."
    for table in (published.STRUCTURES, published.UNCLEAR, published.BROKEN):
        for _, stream in table:
            yield stream
    for _, _, stream in published.HARMLESS:
        yield stream
    for table in (classes.RESOURCES, classes.SEMANTICS, classes.TENSORS):
        for _, stream, _ in table:
            yield stream


PARAMETER = call("torch._utils", "_rebuild_parameter", None, 1, None)


def built(what, state):
    return Raw(symbol(*what) + b")\x81" + packed(state) + b"b")


def module(parameters, modules, buffers=None):
    return built(("project", "Net"), {"_parameters": parameters, "_buffers": buffers or {}, "_non_persistent_buffers_set": call("builtins", "set", ["cache"]),
                                      "_modules": modules})


def modules():
    """Modules in modules, tied, under two names and inside themselves; optimizers whose state goes by parameter, by number, and in a defaultdict."""
    put, get = (lambda number: Raw(PARAMETER + b"q%c" % number)), (lambda number: Raw(b"h%c" % number))
    inner = module({"weight": put(1), "bias": None}, {}, {"mean": PARAMETER, "cache": PARAMETER})
    yield inner
    yield module({"w": put(1)}, {"a": Raw(inner + b"q\x05"), "b": get(5), "gone": None, "odd": 3})
    yield Raw(symbol("project", "Net") + b")\x81q\x09" + packed({"_parameters": {}, "_buffers": {}, "_modules": {"self": get(9)}}) + b"b")
    groups = [{"params": [put(1), put(2)], "lr": 1}, {"params": [get(1), PARAMETER]}]
    for state in ({}, Raw(b"}" + get(1) + packed({"step": 1}) + b"s"), {0: {"step": 2}},
                  Raw(call("collections", "defaultdict", name("builtins", "dict")) + put(3) + b"}s")):
        yield built(("torch.optim.adam", "Adam"), {"defaults": {}, "param_groups": groups, "state": state})


def archives():
    for table in (classes.ZIPS, classes.WRAPPED):
        for _, archive, _ in table:
            if archive.startswith(b"PK"):
                yield archive
    yield payloads.in_zip(tensor())
    yield payloads.in_zip(PROTO + b"}.", [("byteorder", b"big"), ("code/m.py", b"x")])


def tar_archives():
    yield payloads.in_tar(PROTO + b"}.")
    storage = torch_tar.Storage(1, "Float", 4, bytes(16), views=[(2, 1, 2)])
    one = torch_tar.Tensor(3, 1, "Float", (2, 2), (2, 1))
    members = [torch_tar.storages_member([storage]), torch_tar.tensors_member([one]), torch_tar.dumped({"w": torch_tar.Reference(3)})]
    yield BETWEEN.join(members)


def behind(prefix, files):
    """What a target puts its own prefix in front of."""
    return [data[len(prefix):] for data in files if data.startswith(prefix)]


def legacy_streams():
    prefix = payloads.MAGIC + b"\x80\x02M\xe9\x03."
    stored = PROTO + b"(" + payloads.text("storage") + symbol("torch", "FloatStorage") + payloads.text("1") + payloads.text("cpu") + payloads.integer(2) + b"NtQ."
    whole = payloads.in_legacy(stored)[:-len(pickle.dumps([], 2))] + pickle.dumps(["1"], 2) + struct.pack("<q", 2) + bytes(8)
    return behind(prefix, [whole, *(payloads.in_legacy(stream) for stream in streams())])


def safetensors_files():
    """The first byte is the length of the header, and the other seven are the target's."""
    for _, data, _ in classes.SAFETENSORS:
        yield data[:1] + data[8:]


def sets():
    """The files of one set, one after the other, in the order of the target's names."""
    for changes in ({}, {"shape": (5, 3)}, {"chunks": [((0, 0), (4, 3))]}):
        yield BETWEEN.join(dcp_folder.sharded(**changes).values())
    header = b'{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}'
    index = b'{"metadata":{"total_size":2,"a":[1.5,null,true]},"weight_map":{"x":"1.safetensors","w":"2.bin"}}'
    yield BETWEEN.join((index, struct.pack("<Q", len(header)) + header + b"ab", payloads.in_zip(PROTO + b"}" + payloads.text("w") + tensor()[2:-1] + b"s.")))


DESCRS = [b"'<f8'", b"[('a', '<f4'), ('', '|V4'), (('title', 'b'), '>i2', (2,))]", b"[('a', [('b', '|S3'), ('c', '<i8')], (1, 2))]"]


def configs():
    one = classes.weight
    yield "{\"config\":{" + ",".join((one(), one("half", sizes=(2,), offset=2), one("none", path="weight_1"))) + "}}"
    yield "{\"config\":{" + one("saved", path="weight_2", use_pickle="true") + "}}"


def folders():
    short = [stream for stream in streams() if len(stream) <= 4096]
    yield "pickle_fuzz", short
    yield "recovery_fuzz", [*(PROTO + opcodes + b"." for opcodes in modules()), *short]
    yield "zip_fuzz", [*short, *(a for a in archives() if len(a) <= 65536)]
    headers = [b"{'descr': %s, 'fortran_order': False, 'shape': (3, 4), }\n" % descr for descr in DESCRS]
    yield "numpy_fuzz", [*short, *headers, *(data for _, data, _ in classes.WRAPPED if data.startswith(b"\x93NUMPY") and len(data) <= 4096)]
    yield "export_fuzz", [config.encode() for config in configs()]
    yield "package_fuzz", [*short, classes.packaged(), classes.reduced("torch.jit._script", "unpackage_script_module"),
                           *(classes.packaged() + BETWEEN + stream for stream in short[:40])]
    yield "torchscript_fuzz", [*short, *(stream + BETWEEN + b"\x80\x02)." for stream in short[:40])]
    yield "tar_fuzz", [*tar_archives(), *(BETWEEN.join((torch_tar.storages_member([]), torch_tar.tensors_member([]), s)) for s in short[::4])]
    yield "legacy_fuzz", [stream for stream in legacy_streams() if len(stream) <= 4096]
    yield "safetensors_fuzz", [data for data in safetensors_files() if len(data) <= 4096]
    yield "set_fuzz", list(sets())
    yield "gguf_fuzz", behind(b"GGUF\x03\0\0\0", [data for _, data, _ in classes.OTHERS])


def main(directory):
    for folder, seeds in folders():
        target = pathlib.Path(directory, folder)
        target.mkdir(parents=True)
        for seed in seeds:
            (target / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)


main(*sys.argv[1:])
