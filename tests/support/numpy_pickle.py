"""Numpy's and joblib's objects, opcode by opcode, with states as numpy would write them or not."""
from payloads import Raw, integer, packed, symbol

OBJECTS = 63  # the flags of an element type of objects


def parts(*values):
    return Raw(b"(" + b"".join(integer(v) if isinstance(v, int) else packed(v) for v in values) + b"t")


def dtype(code, order="<", subdtype=None, names=None, fields=None, size=-1, alignment=-1, flags=0):
    state = parts(3, order, subdtype, names, fields, size, alignment, flags)
    return Raw(symbol("numpy", "dtype") + b"(" + packed(code) + b"\x89\x88tR" + state + b"b")


def structure(field, offset=0, size=8, flags=16):
    """An element type with the field "a"."""
    return dtype(f"V{size}", "|", names=parts("a"), fields={"a": parts(field, offset)}, size=size, alignment=1, flags=flags)


def scalar(of, data):
    return symbol("numpy.core.multiarray", "scalar") + parts(of, data) + b"R"


def array(of, shape, data):
    made = symbol("numpy.core.multiarray", "_reconstruct") + parts(Raw(symbol("numpy", "ndarray")), parts(0), b"b") + b"R"
    return made + parts(1, parts(*shape), of, Raw(b"\x89"), data) + b"b"


def wrapper(of, shape, **more):
    """joblib's, behind which the elements stand."""
    state = {"subclass": Raw(symbol("numpy", "ndarray")), "shape": parts(*shape), "order": "C", "dtype": of, "allow_mmap": Raw(b"\x88"), **more}
    return symbol("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81" + packed(state) + b"b"
