"""Pickles written opcode by opcode, and the files that carry them. Nothing here is ever unpickled; what payloads ask for is an echo."""
import io
import pickle
import struct
import tarfile

import torch_zip
from torch_zip import number, text

PROTO = b"\x80\x02"
MARKER = text("echo marker")


def symbol(module, name):
    """GLOBAL; STACK_GLOBAL where its text could not be two lines."""
    return f"c{module}\n{name}\n".encode()


def stack_symbol(module, name):
    return text(module) + text(name) + b"\x93"


def integer(value):
    raw = value.to_bytes(9, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def sequence(values):
    return b"(" + b"".join(integer(v) for v in values) + b"t"


def packed(argument):
    """The opcodes of a str, bytes, int, None, list or dict of those; bytes() of opcodes pass as they are through `Raw`."""
    if isinstance(argument, Raw):
        return bytes(argument)
    if isinstance(argument, str):
        return text(argument)
    if isinstance(argument, bytes):
        return b"B" + struct.pack("<I", len(argument)) + argument
    if argument is None:
        return b"N"
    if isinstance(argument, list):
        return b"(" + b"".join(map(packed, argument)) + b"l"
    if isinstance(argument, dict):
        return b"(" + b"".join(packed(k) + packed(v) for k, v in argument.items()) + b"d"
    return number(argument)


class Raw(bytes):
    """Opcodes."""


def name(module, attribute):
    return Raw(symbol(module, attribute))


def call(module, attribute, *arguments):
    """GLOBAL, arguments, REDUCE."""
    return Raw(symbol(module, attribute) + b"(" + b"".join(map(packed, arguments)) + b"tR")


def tensor(offset=0, shape=(4,), stride=(1,), numel=4, key="0", device="cpu", kind="FloatStorage"):
    """A whole pickle: one tensor with these claims."""
    storage = b"(" + text("storage") + symbol("torch", kind) + text(key) + text(device) + integer(numel) + b"tQ"
    claims = integer(offset) + sequence(shape) + sequence(stride)
    return PROTO + symbol("torch._utils", "_rebuild_tensor_v2") + b"(" + storage + claims + b"\x89" + symbol("collections", "OrderedDict") + b")RtR."


def in_zip(stream, members=(("data/0", b"\0" * 16),), version=b"3\n"):
    """A torch zip with this data.pkl."""
    out = io.BytesIO()
    writer = torch_zip.Writer(out)
    writer.bytes("data.pkl", stream)
    for member, content in members:
        writer.bytes(member, content)
    if version is not None:
        writer.bytes("version", version)
    writer.finish()
    return out.getvalue()


MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."


def in_legacy(stream):
    """The five pickles that torch wrote before 1.6, this one as the object."""
    about = pickle.dumps({"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}, 2)
    return MAGIC + b"\x80\x02M\xe9\x03." + about + stream + pickle.dumps([], 2)


def in_script(stream, constants=PROTO + b").", members=()):
    """A TorchScript archive with this data.pkl."""
    return in_zip(stream, [("data/0", b"\0" * 16), ("constants.pkl", constants), ("code/__torch__.py", b"x"), *members])


def in_tar(stream, **members):
    """What torch wrote before 0.1.10, this pickle in it; `members` go in the place of others."""
    about = pickle.dumps({"protocol_version": 1000, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}, 2)
    zero = pickle.dumps(0, 2)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        usual = {"sys_info": about, "pickle": stream, "tensors": zero, "storages": zero + pickle.dumps([], 2)}
        for member, content in {**usual, **members}.items():
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def as_it_is(stream):
    return stream


# Every way in which a loader meets a pickle.
FORMS = {"zip": in_zip, "legacy": in_legacy, "tar": in_tar, "torchscript": in_script, "plain": as_it_is}
