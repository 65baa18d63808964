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


def cases(made):
    """(name, the file's bytes, what it holds)."""
    in_dict = [one(name, array) for name, array in made.items()]
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
            yield f"npy-{name}-{version[0]}", npy(array, version), [one("", array)]


def main():
    print(f"numpy {numpy.__version__}, seed {SEED}")
    tally = compare.Tally()
    with airlock.Daemon() as daemon, tempfile.TemporaryDirectory() as directory:
        for name, data, expected in cases(arrays()):
            path = pathlib.Path(directory, name)
            path.write_bytes(data)
            code, answer = airlock.report("--address", daemon.address, "load", path, "--digests")
            tally.check(name, code, answer, expected)
            if answer.get("verdict") != "clean":
                tally.failed.append(name)
                print(f"DIFFERS: {name}: {answer.get('verdict')}: {answer.get('findings')}")
            path.unlink()
    tally.finish()


main()
