"""Arrays that this machine's numpy wrote a moment ago come out of Airlock as numpy has them, to the bit: in pickles of every protocol,
.npy, .npz, joblib's files, and checkpoints of torch. Numbers of numpy alone are read from the tree that `inspect` prints."""
import bz2
import gzip
import hashlib
import io
import lzma
import pathlib
import pickle
import sys
import tempfile
import warnings
import zipfile
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock

try:
    import numpy
except ImportError:
    airlock.skip("/usr/bin/python3 has no numpy (apt-get install python3-numpy)")
import compare
import joblib_writer

CODES = "b1 i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16".split()
SEED = 20261123


def arrays():
    """Every type in both byte orders; every shape and order that numpy writes differently."""
    random = numpy.random.RandomState(SEED)
    made = {}
    for code in CODES:
        for order in "<>":
            dtype = numpy.dtype(order + code)
            raw = random.bytes(6 * dtype.itemsize)
            if code == "b1":
                raw = bytes(byte & 1 for byte in raw)
            made[("be_" if order == ">" else "") + code] = numpy.frombuffer(raw, dtype).reshape(2, 3)
    made["fortran"] = numpy.asfortranarray(random.random_sample((2, 3, 4)))
    made["fortran_big"] = numpy.asfortranarray(random.random_sample((2, 3)).astype(">f4"))
    made["transposed"] = random.random_sample((3, 4)).T
    made["strided"] = numpy.arange(20)[::2]
    made["zero_dimensions"] = numpy.array(3.5)
    made["empty"] = numpy.zeros((0, 4), "f4")
    made["empty_inside"] = numpy.zeros((3, 0, 2))
    made["large"] = random.random_sample(40_000)
    return made


def structures():
    """Element types with fields: as they stand, and as they must be gathered (out of place, big-endian, beside text), one in another, with
    sub-arrays, padding, titles; Fortran's order; none at all."""
    random = numpy.random.RandomState(SEED)

    def of(dtype, shape=(5,), order="C"):
        dtype = numpy.dtype(dtype)
        count = int(numpy.prod(shape))
        return numpy.frombuffer(random.bytes(count * dtype.itemsize), dtype).reshape(shape, order=order)

    inner = [("re", "<f4"), ("im", "<f4")]
    return {
        "plain": of([("x", "<f4"), ("y", "<f4"), ("id", "<i4")]),
        "aligned": of(numpy.dtype([("a", "u1"), ("b", "<f8"), ("c", "<i2")], align=True), (3, 4)),
        "packed": of([("a", "u1"), ("b", "<f8"), ("c", "<i2")], (3, 4)),
        "big": of([("a", ">i4"), ("b", ">c8"), ("c", "<u2")]),
        "beside_text": of([("name", "S3"), ("when", "<M8[s]"), ("value", "<f8")]),
        "arrays": of([("m", "<f4", (2, 3)), ("v", ">i2", (4,))], (2, 2)),
        "inner": of([("z", inner), ("many", inner, (3,)), ("n", "<i4")]),
        "inner_gathered": of([("tag", "i1"), ("many", [("z", inner, (2,)), ("k", ">u2")], (3,))], (2, 2)),
        "titled": of([(("the title", "x"), "<i4"), (("other", "y"), "<i4")]),
        "holes": of(numpy.dtype({"names": ["a", "b"], "formats": ["<i2", "<f4"], "offsets": [2, 8], "itemsize": 16})),
        "fortran": of([("x", "<f4"), ("v", "<i2", (2,))], (2, 3), "F"),
        "fortran_gathered": of([("x", ">f4"), ("v", "<i2", (2,))], (2, 3), "F"),
        "none": of([("x", "<f4"), ("y", "S2")], (0, 3)),
        "one": of([("x", "<f4"), ("y", "u1")], ()),
        "names": of([("\u00e9\u4e2d", "<f4"), ("a.b", "<f4")]),
    }


def fields(name, array):
    """The arrays of numbers that are fields of it. Where their elements stand is this file's affair and not numpy's."""
    out = []
    for field in array.dtype.names:
        inside = array[field]
        if inside.dtype.names:
            out += fields(f"{name}.{field}", inside)
        elif inside.dtype.kind in "biufc":
            out.append(one(f"{name}.{field}", inside))
            out[-1].pop("strides")
    return out


def one(name, array):
    """As `load --digests` has it; strides are those of the file: row-major unless the array is Fortran's."""
    fortran = array.flags.fnc
    shape = list(array.shape)
    strides, step = [0] * len(shape), 1
    for axis in (range(len(shape)) if fortran else reversed(range(len(shape)))):
        strides[axis] = step
        step *= max(shape[axis], 1)
    native = numpy.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()
    return {"name": name, "dtype": array.dtype.name, "shape": shape, "strides": strides,
            "sha256": hashlib.sha256(native).hexdigest()}


def npy(array, version):
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        numpy.lib.format.write_array(out, array, version)
    return out.getvalue()


def npz(save, items):
    out = io.BytesIO()
    save(out, **items)
    return out.getvalue()


def expected(made):
    return [row for name, array in made.items() for row in (fields(name, array) if array.dtype.names else [one(name, array)])]


def cases(made):
    """(name, the file's bytes, what it holds)."""
    in_dict = expected(made)
    for protocol in range(6):
        yield f"pickle-{protocol}", pickle.dumps(made, protocol), in_dict
        yield f"joblib-{protocol}", joblib_writer.dumps(made, protocol), in_dict
        yield f"joblib-aligned-{protocol}", joblib_writer.dumps(made, protocol, 16), in_dict
    plain = joblib_writer.dumps(made, 3)
    yield "joblib-zlib", zlib.compress(plain), in_dict
    yield "joblib-gzip", gzip.compress(plain), in_dict
    yield "joblib-bz2", bz2.compress(plain), in_dict
    yield "joblib-xz", lzma.compress(plain), in_dict
    yield "joblib-lzma", lzma.compress(plain, lzma.FORMAT_ALONE), in_dict
    yield "joblib-old", joblib_writer.old(pickle.dumps(made, 2)), in_dict
    yield "npz", npz(numpy.savez, made), in_dict
    yield "npz-compressed", npz(numpy.savez_compressed, made), in_dict
    for name, array in made.items():
        for version in ((1, 0), (2, 0), (3, 0)):
            if version[0] < 3 and not name.isascii():
                continue
            try:
                data = npy(array, version)
            except UnicodeEncodeError:  # a name that this version cannot have
                continue
            yield f"npy-{name}-{version[0]}", data, [dict(row, name=row["name"][len(name) + 1:]) for row in expected({name: array})]


def main():
    print(f"numpy {numpy.__version__}, seed {SEED}")
    tally = compare.Tally()
    with airlock.Daemon() as daemon, tempfile.TemporaryDirectory() as directory:
        for name, data, wanted in [*cases(arrays()), *(("structures-" + name, *rest) for name, *rest in cases(structures()))]:
            path = pathlib.Path(directory, name)
            path.write_bytes(data)
            code, answer = airlock.report("--address", daemon.address, "load", path, "--digests")
            tally.check(name, code, answer, wanted)
            if answer.get("verdict") != "clean":
                tally.failed.append(name)
                print(f"DIFFERS: {name}: {answer.get('verdict')}: {answer.get('findings')}")
            path.unlink()
    tally.finish()


main()
