"""Classes of attacks on containers, pickle machines and tensors: one generated file for each, with the verdict that it must get. What
torch reads otherwise than others, what wraps, what lies, what explodes."""
import functools
import io
import json
import pathlib
import pickle
import struct
import sys
import tarfile
import unittest
import zipfile
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import payloads
from judge import Judge, table
from numpy_pickle import OBJECTS, array, dtype, parts, scalar, structure, wrapper
from payloads import MARKER, PROTO, in_legacy, in_zip, integer, number, packed, sequence, symbol, tensor, text

EVIL = PROTO + symbol("os", "system") + MARKER + b"\x85R."
GOOD = in_zip(tensor())
NEVER_CLEAN = ("refused", "malformed", "unsupported", "limit", "dangerous")


class Zip:
    """The places of a zip of ours that a lie can stand in."""

    def __init__(self, data):
        self.data = bytearray(data)
        self.end = data.rindex(b"PK\5\6")
        self.directory, = struct.unpack("<I", data[self.end + 16:self.end + 20])

    def entry(self, member):
        """Where the directory's entry of a member begins, and its local header."""
        raw = f"archive/{member}".encode()
        at = self.data.index(raw, self.directory) - 46
        header, = struct.unpack("<I", self.data[at + 42:at + 46])
        return at, header

    def put(self, at, layout, value):
        struct.pack_into(layout, self.data, at, value)
        return self

    def bytes(self):
        return bytes(self.data)


def flagged(bit, local):
    archive = Zip(in_zip(EVIL))
    at, header = archive.entry("data.pkl")
    archive.put(at + 8, "<H", 0x0800 | bit)
    if local:
        archive.put(header + 6, "<H", 0x0800 | bit)
    return archive.bytes()


def changed(member, field, layout, value, data=None):
    """A lie in the directory (offset in the entry) of a harmless archive, or of `data`."""
    archive = Zip(data or GOOD)
    at, _ = archive.entry(member)
    return archive.put(at + field, layout, value).bytes()


def local_changed(member, field, layout, value, data=None):
    archive = Zip(data or GOOD)
    _, header = archive.entry(member)
    return archive.put(header + field, layout, value).bytes()


def zip_of(*members, compression=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as target:
        for member, content in members:
            target.writestr(zipfile.ZipInfo(member), content, compression)
    return out.getvalue()


def zip64_disagrees():
    """A zip64 end record that counts otherwise than the end record does."""
    archive = Zip(GOOD)
    count, size = struct.unpack("<HI", archive.data[archive.end + 10:archive.end + 16])
    record = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count - 1, count - 1, size, archive.directory)
    locator = b"PK\6\7" + struct.pack("<IQI", 0, archive.end, 1)
    return bytes(archive.data[:archive.end]) + record + locator + bytes(archive.data[archive.end:])


def nested(content):
    return zip_of(("archive/data.pkl", PROTO + b"}."), ("archive/version", b"3\n"), ("archive/inner.zip", content))


def renamed(size):
    """A zip whose directory announces names of this length."""
    archive = Zip(GOOD)
    at, _ = archive.entry("data/0")
    return archive.put(at + 28, "<H", size).bytes()


def corrupt_first():
    """A member that does not inflate, in front of the pickle."""
    archive = Zip(zip_of(("archive/a", b"x" * 99), ("archive/data.pkl", EVIL), ("archive/version", b"3\n"), compression=zipfile.ZIP_DEFLATED))
    _, header = archive.entry("a")
    archive.data[header + 30 + len("archive/a")] ^= 0xff
    return archive.bytes()


def encrypted():
    """As other tools write AES: a method of its own."""
    archive = Zip(in_zip(EVIL))
    at, header = archive.entry("data.pkl")
    return archive.put(at + 10, "<H", 99).put(header + 8, "<H", 99).put(at + 8, "<H", 0x801).put(header + 6, "<H", 0x801).bytes()


ZIPS = table([
    ("modelscan 354 a corrupt member in front", corrupt_first(), NEVER_CLEAN),
    ("encrypted by AES", encrypted(), NEVER_CLEAN),
    ("pytorch 74798 name past the directory", renamed(0xffff), NEVER_CLEAN),
    ("pytorch 74798 directory longer than the file", Zip(GOOD).put(Zip(GOOD).end + 12, "<I", 0x7fffffff).bytes(), NEVER_CLEAN),
    ("pytorch 185440 local header past the end", changed("data/0", 42, "<I", len(GOOD) - 8), NEVER_CLEAN),
    ("twenty thousand members", in_zip(tensor(), [("data/0", bytes(16)), *((f"data/{n}", b"") for n in range(1, 20_001))]), ("clean",)),
    ("gzip that nothing refers to", in_zip(tensor(), [("data/0", bytes(16)), ("more", b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + bytes(8))]), ("unknown_types",)),
    ("7z that nothing refers to", in_zip(tensor(), [("data/0", bytes(16)), ("more", b"7z\xbc\xaf\x27\x1c" + bytes(64))]), ("unknown_types",)),
    ("two members of one name", in_zip(EVIL, [("data.pkl", PROTO + b"}.")]), NEVER_CLEAN),
    ("two members of one name, the other order", in_zip(PROTO + b"}.", [("data.pkl", EVIL)]), NEVER_CLEAN),
    ("CVE-2025-1944 other name in the local header", in_zip(EVIL).replace(b"archive/data.pkl", b"archive/dara.pkl", 1), ("refused",)),
    ("other size in the local header", local_changed("data.pkl", 22, "<I", 7), ("refused", "malformed")),
    ("longer name in the local header", local_changed("data.pkl", 26, "<H", 4000), ("refused", "malformed")),
    ("offset of another member", changed("data.pkl", 42, "<I", 1), ("refused", "malformed")),
    *((f"CVE-2025-1945 flag {bit:#x}", flagged(bit, False), ("refused", "unsupported", "malformed")) for bit in (0x1, 0x20, 0x40)),
    *((f"CVE-2025-1945 flag {bit:#x} in both headers", flagged(bit, True), ("refused", "unsupported", "malformed")) for bit in (0x1, 0x20, 0x40)),
    ("CVE-2025-10156 wrong checksum, hostile", changed("data.pkl", 16, "<I", 1, in_zip(EVIL)), ("refused", "dangerous")),
    ("wrong checksum", local_changed("data.pkl", 14, "<I", 1, changed("data.pkl", 16, "<I", 1)), ("clean",)),
    ("bytes in front", b"#!/bin/sh\n" + GOOD, NEVER_CLEAN),
    ("bytes behind", GOOD + b"tail", NEVER_CLEAN),
    ("a pickle in front", EVIL + GOOD, NEVER_CLEAN),
    ("a second end record", GOOD + GOOD[Zip(GOOD).end:], NEVER_CLEAN),
    ("zip64 end record that disagrees", zip64_disagrees(), NEVER_CLEAN),
    ("name in capitals", in_zip(PROTO + b"}.", [("DATA.PKL", EVIL)]), NEVER_CLEAN),
    ("only in capitals", zip_of(("archive/DATA.PKL", EVIL), ("archive/version", b"3\n")), NEVER_CLEAN),
    ("two roots", zip_of(("a/data.pkl", PROTO + b"}."), ("a/version", b"3\n"), ("b/data.pkl", EVIL), ("b/version", b"3\n")), NEVER_CLEAN),
    ("no data.pkl but a pickle", zip_of(("archive/config.p", EVIL), ("archive/version", b"3\n")), NEVER_CLEAN),
    ("no folder", zip_of(("data.pkl", EVIL), ("version", b"3\n")), NEVER_CLEAN),
    ("path upwards", zip_of(("archive/data.pkl", PROTO + b"}."), ("archive/version", b"3\n"), ("archive/../../evil", b"x")), NEVER_CLEAN),
    ("absolute path", zip_of(("archive/data.pkl", PROTO + b"}."), ("archive/version", b"3\n"), ("/etc/marker", b"x")), NEVER_CLEAN),
    ("backslashes", zip_of(("archive/data.pkl", PROTO + b"}."), ("archive/version", b"3\n"), ("archive\\evil", b"x")), NEVER_CLEAN),
    ("ratio of a bomb", zip_of(("archive/data.pkl", tensor(numel=1 << 22, shape=(1 << 22,))), ("archive/data/0", bytes(1 << 24)),
                               ("archive/version", b"3\n"), compression=zipfile.ZIP_DEFLATED), ("clean", "limit")),
    ("a pickle that inflates", zip_of(("archive/data.pkl", PROTO + b"(" + b"N" * (1 << 24) + b"t."), ("archive/version", b"3\n"),
                                      compression=zipfile.ZIP_DEFLATED), ("limit",)),
    ("overlapping members", changed("data/0", 42, "<I", Zip(GOOD).entry("data.pkl")[1]), NEVER_CLEAN),
    ("size past the end of the file", changed("data/0", 24, "<I", 0x7fffffff, changed("data/0", 20, "<I", 0x7fffffff)), NEVER_CLEAN),
    ("entry count too large", Zip(GOOD).put(Zip(GOOD).end + 10, "<H", 60000).bytes(), NEVER_CLEAN),
    ("directory past the end", Zip(GOOD).put(Zip(GOOD).end + 16, "<I", 0x7fffffff).bytes(), NEVER_CLEAN),
    ("constants.pkl beside data.pkl", in_zip(tensor(), [("data/0", bytes(16)), ("constants.pkl", EVIL)]), NEVER_CLEAN),
    ("7z", b"7z\xbc\xaf\x27\x1c" + bytes(64), NEVER_CLEAN),
    ("gzip of a pickle", b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + zlib.compress(EVIL)[2:-4] + struct.pack("<II", zlib.crc32(EVIL), len(EVIL)), NEVER_CLEAN),
])


def tar_with(*members, pickle=None):
    """A legacy torch tar and further members: (name, type, link or content)."""
    out = io.BytesIO(payloads.in_tar(pickle or PROTO + b"}."))
    with tarfile.open(fileobj=out, mode="a", format=tarfile.USTAR_FORMAT) as archive:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            if kind == tarfile.REGTYPE:
                info.size = len(content)
            else:
                info.linkname = content
            archive.addfile(info, io.BytesIO(content) if kind == tarfile.REGTYPE else None)
    return out.getvalue()


def tar_patched(at, raw):
    """The first header changed, its checksum made right again."""
    data = bytearray(payloads.in_tar(PROTO + b"}."))
    data[at:at + len(raw)] = raw
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    return bytes(data)


TARS = table([
    ("CVE-2024-5187 path upwards", tar_with(("../marker", tarfile.REGTYPE, b"x")), NEVER_CLEAN),
    ("absolute path in a tar", tar_with(("/marker", tarfile.REGTYPE, b"x")), NEVER_CLEAN),
    ("CVE-2025-58755 symbolic link", tar_with(("link", tarfile.SYMTYPE, "/etc/marker")), NEVER_CLEAN),
    ("hard link", tar_with(("link", tarfile.LNKTYPE, "pickle")), NEVER_CLEAN),
    ("a member twice in a tar", tar_with(("pickle", tarfile.REGTYPE, EVIL)), NEVER_CLEAN),
    ("a device", tar_with(("device", tarfile.CHRTYPE, "")), NEVER_CLEAN),
    ("size of a member past the end", tar_patched(124, b"77777777777\0"), NEVER_CLEAN),
    ("negative size of a member", tar_patched(124, b"\xff" * 12), NEVER_CLEAN),
    ("wrong checksum of a header", payloads.in_tar(PROTO + b"}.").replace(b"sys_info", b"sys_inf0", 1), NEVER_CLEAN),
    ("a pickle behind a tar", payloads.in_tar(PROTO + b"}.") + EVIL, NEVER_CLEAN),
])


def doubled(opcode_of_level, levels):
    return PROTO + b"]q\0" + b"".join(opcode_of_level(i) for i in range(levels)) + b"."


RESOURCES = table([
    ("billion laughs by memo", doubled(lambda i: b"0(h" + bytes([i]) + b"h" + bytes([i]) + b"tq" + bytes([i + 1]), 60), ("clean",)),
    ("billion laughs by DUP", PROTO + b"]" + b"2\x86" * 60 + b".", ("clean",)),
    ("billion laughs by dicts", PROTO + b"}q\0" + b"".join(b"0}q%c" % (i + 1) + b"(K\0h%c" % i + b"K\1h%c" % i + b"u" for i in range(60)) + b".", ("clean",)),
    ("recursive list", PROTO + b"]q\0h\0a.", ("clean",)),
    ("recursive dict", PROTO + b"}q\0K\0h\0s.", ("clean",)),
    ("recursive tuple", PROTO + b"]q\0h\0\x85a.", ("clean",)),
    ("recursive set", b"\x80\x04\x8fq\0(h\0\x90.", ("malformed",)),
    ("recursive record", PROTO + symbol("m", "C") + b")\x81q\0h\0b.", ("unknown_types",)),
    ("record that calls itself", PROTO + symbol("m", "C") + b")\x81q\0h\0\x85R.", ("malformed", "unknown_types", "dangerous")),
    ("deep lists", PROTO + b"]" * 500_000 + b"a" * 499_999 + b".", ("clean",)),
    ("deep tuples", PROTO + b")" + b"\x85" * 500_000 + b".", ("clean",)),
    ("deep calls", PROTO + symbol("m", "f") + b")R" * 200_000 + b".", ("unknown_types",)),
    ("deep getattr", PROTO + symbol("builtins", "getattr") + b"q\0" + symbol("m", "C") + b"q\1" + (b"h\0h\1" + text("a") + b"\x86Rq\1" + b"0") * 50_000 + b"h\1.", ("dangerous",)),
    ("many digits", PROTO + b"L" + b"9" * 150_000 + b"L\n.", ("clean",)),
    ("many numbers of many digits", PROTO + (b"L" + b"9" * 150_000 + b"L\n0") * 60 + b"N.", ("limit",)),
    ("too many digits", PROTO + b"L" + b"9" * 1_000_000 + b"L\n.", ("limit",)),
    ("LONG4 of many bytes", PROTO + b"\x8b" + struct.pack("<i", 60_000) + b"\x7f" * 60_000 + b".", ("clean",)),
    ("CVE-2018-20406 sparse memo", PROTO + b"Nr\xff\xff\xff\xff.", ("clean",)),
    ("many sparse memo numbers", PROTO + b"N" + b"".join(b"r" + struct.pack("<I", i * 2654435761 % 2**32) for i in range(200_000)) + b".", ("clean",)),
    ("many names and many streams", PROTO + b"(" + b"".join(symbol("m", f"n{i}") for i in range(90_000)) + packed(PROTO + symbol("m", "n7") + b".") * 200_000 + b"l.",
     ("unknown_types",)),
    ("BINBYTES8 of everything", b"\x80\x04\x8e" + b"\xff" * 8 + b"x.", ("malformed",)),
    ("BINUNICODE8 of everything", b"\x80\x04\x8d" + b"\xff" * 7 + b"\x7fx.", ("malformed",)),
    ("BYTEARRAY8 of everything", b"\x80\x05\x96" + b"\xff" * 7 + b"\x7fx.", ("malformed",)),
    ("BINUNICODE of 2 GiB", PROTO + b"X\xff\xff\xff\x7f" + b"x.", ("malformed",)),
    ("a dict built upon again and again", PROTO + symbol("m", "C") + b")\x81q\0}(" + b"".join(b"M" + struct.pack("<H", i) + b"N" for i in range(60_000)) + b"uq\x01b" +
     b"h\1b" * 60_000 + b".", ("limit",)),
    ("a million names", PROTO + b"".join(b"cm\na%d\n0" % i for i in range(150_000)) + b"N.", ("limit",)),
    ("many dangerous names", PROTO + b"](" + b"".join(b"cos\na%d\n" % i for i in range(20_000)) + b"e.", ("unknown_types",)),
    ("PROTO in the middle", PROTO + b"}\x80\x02.", ("clean",)),
    ("many PROTO", PROTO * 1000 + b"}.", ("clean",)),
    ("protocol of tomorrow", b"\x80\x06}.", ("malformed", "unsupported")),
])


def with_storage(body):
    return PROTO + body + b"."


def persistent(identifier):
    return with_storage(identifier + b"Q")


def with_attribute(attribute):
    """A parameter that has os.system as an attribute of this name."""
    return (symbol("torch._utils", "_rebuild_parameter_with_state") + b"(" + tensor()[2:-1] + b"\x89" + symbol("collections", "OrderedDict") + b")R}" +
            text(attribute) + symbol("os", "system") + b"stR")


SEMANTICS = table([
    ("attribute of a tensor", with_storage(with_attribute("note")), ("unknown_types",)),
    ("append of a tensor's own", with_storage(with_attribute("append") + MARKER + b"a"), ("dangerous",)),
    ("add of a tensor's own", with_storage(with_attribute("add") + b"(" + MARKER + b"\x90"), ("dangerous",)),
    ("__setstate__ of a tensor's own", with_storage(with_attribute("__setstate__") + MARKER + b"b"), ("dangerous",)),
    ("persistent id of a number", persistent(b"K\x01"), ("malformed",)),
    ("persistent id of nothing", persistent(b")"), ("malformed",)),
    ("persistent id of another kind", persistent(b"(" + text("module") + symbol("m", "C") + text("x") + text("x") + b"t"), ("malformed", "unknown_types")),
    ("persistent id with an object for its kind", persistent(b"(" + symbol("m", "C") + b")R" + symbol("torch", "FloatStorage") + text("0") + text("cpu") + integer(4) + b"t"), ("malformed",)),
    ("persistent id with a hostile class", persistent(b"(" + text("storage") + symbol("os", "system") + text("0") + text("cpu") + integer(4) + b"t"), ("malformed", "dangerous")),
    ("text persistent id", b"PX\n.", ("malformed",)),
    ("SETITEM on a tensor", tensor()[:-1] + b"K\0K\0s.", ("malformed",)),
    ("APPEND to a tensor", tensor()[:-1] + b"K\0a.", ("malformed",)),
    ("BUILD of a tensor with a call", tensor()[:-1] + b"}" + text("f") + symbol("os", "system") + MARKER + b"\x85Rsb.", ("dangerous",)),
    ("hooks that are a call", tensor()[:-5] + symbol("os", "system") + MARKER + b"\x85RtR.", ("dangerous", "unknown_types", "malformed")),
    ("storage by its number", with_storage(symbol("torch", "FloatStorage") + integer(1 << 40) + b"\x85R"), ("unknown_types",)),
    ("bytes of a number", with_storage(symbol("builtins", "bytes") + integer(1 << 40) + b"\x85R"), ("unknown_types",)),
    ("range of everything", with_storage(symbol("builtins", "list") + symbol("builtins", "range") + integer(1 << 40) + b"\x85R\x85R"), ("unknown_types",)),
])

def rebuilt(kind="FloatStorage", numel=4, shape=(4,), stride=(1,)):
    """The opcodes of a tensor of this storage."""
    return tensor(kind=kind, numel=numel, shape=shape, stride=stride)[2:-1]


def quantised(scheme, shape=(4,), stride=(1,), numel=16):
    storage = b"(" + text("storage") + symbol("torch", "QInt8Storage") + text("0") + text("cpu") + integer(numel) + b"tQ"
    return with_storage(symbol("torch._utils", "_rebuild_qtensor") + b"(" + storage + integer(0) + sequence(shape) + sequence(stride) + scheme + b"\x89" +
                        symbol("collections", "OrderedDict") + b")RtR")


PER_TENSOR = b"(" + symbol("torch", "per_tensor_affine") + b"G" + struct.pack(">d", 0.5) + integer(0) + b"t"


def per_channel(axis, scales=2):
    numbers = rebuilt("DoubleStorage", 2, (scales,))
    return b"(" + symbol("torch", "per_channel_affine") + numbers + rebuilt("LongStorage", 2, (2,)) + integer(axis) + b"t"


def sparse(layout, *parts, size=(4, 4)):
    """A sparse tensor over member data/0, whose numbers are 0 and what `with_numbers` puts behind."""
    layout = symbol("torch.serialization", "_get_layout") + text(f"torch.{layout}") + b"\x85R"
    return with_storage(symbol("torch._utils", "_rebuild_sparse_tensor") + b"(" + layout + b"(" + b"".join(parts) + sequence(size) + b"ttR")


def with_numbers(stream, *numbers):
    """An archive with int64 numbers in data/0 and four floats in data/1."""
    return in_zip(stream, [("data/0", struct.pack(f"<{len(numbers)}q", *numbers)), ("data/1", bytes(16))])


VALUES = tensor(key="1", numel=4, shape=(2,))[2:-1]
COO = sparse("sparse_coo", rebuilt("LongStorage", 4, (2, 2), (2, 1)), VALUES)
CSR = sparse("sparse_csr", rebuilt("LongStorage", 5, (3,)), symbol("torch._utils", "_rebuild_tensor_v2") + b"(" + b"(" + text("storage") + symbol("torch", "LongStorage") +
             text("0") + text("cpu") + integer(5) + b"tQ" + integer(3) + sequence((2,)) + sequence((1,)) + b"\x89" + symbol("collections", "OrderedDict") + b")RtR", VALUES, size=(2, 4))

INDICES = table([
    ("indices as they should be", with_numbers(COO, 0, 1, 2, 3), ("clean",)),
    ("sparse indices out of bounds", with_numbers(COO, 0, 4, 2, 3), ("malformed",)),
    ("negative sparse indices", with_numbers(COO, 0, -1, 2, 3), ("malformed",)),
    ("compressed as it should be", with_numbers(CSR, 0, 1, 2, 0, 3), ("clean",)),
    ("column out of bounds", with_numbers(CSR, 0, 1, 2, 0, 4), ("malformed",)),
    ("rows that do not ascend", with_numbers(CSR, 0, 3, 2, 0, 3), ("malformed",)),
    ("rows that do not begin at 0", with_numbers(CSR, 1, 1, 2, 0, 3), ("malformed",)),
    ("rows that end elsewhere", with_numbers(CSR, 0, 1, 1, 0, 3), ("malformed",)),
    ("byte order of big machines", in_zip(tensor(), [("data/0", bytes(16)), ("byteorder", b"big")]), ("clean",)),
    ("byte order of no machine", in_zip(tensor(), [("data/0", bytes(16)), ("byteorder", b"middle")]), ("malformed",)),
    ("pytorch 109791 TorchScript storage longer than its member", payloads.in_script(tensor(numel=64, shape=(64,))), ("malformed",)),
    ("pytorch 169570 type without a class", in_zip(with_storage(symbol("torch._tensor", "_rebuild_from_type_v2") + b"(" + text("f") + text("T") + b")NtR")), ("unknown_types",)),
    ("a key with two lengths", in_zip(with_storage(b"(" + rebuilt() + rebuilt(numel=2, shape=(2,)) + b"t")), ("malformed",)),
])

TENSORS = table([
    ("quantised as it should be", quantised(PER_TENSOR, (16,)), ("clean",)),
    ("pytorch 184652 quantised, stride out of bounds", quantised(PER_TENSOR, (2,), (1 << 20,)), ("malformed",)),
    ("pytorch 184652 quantised, shape out of bounds", quantised(PER_TENSOR, (1 << 20,)), ("malformed",)),
    ("axis out of range", quantised(per_channel(7), (2, 2), (2, 1)), ("unknown_types", "malformed")),
    ("negative axis", quantised(per_channel(-1), (2, 2), (2, 1)), ("unknown_types", "malformed")),
    ("too few scales", quantised(per_channel(0, scales=1), (2, 2), (2, 1)), ("unknown_types", "malformed")),
    ("product wraps", tensor(numel=0x4000000000000001, shape=(0x4000000000000001,)), ("malformed",)),
    ("shape wraps", tensor(shape=(1 << 62, 4), stride=(4, 1)), ("malformed",)),
    ("offset wraps", tensor(offset=(1 << 63) - 1), ("malformed",)),
    ("stride out of bounds", tensor(shape=(2,), stride=(1 << 40,)), ("malformed",)),
    ("negative size", tensor(shape=(-4,)), ("malformed",)),
    ("negative stride", tensor(stride=(-1,)), ("malformed",)),
    ("negative offset", tensor(offset=-1), ("malformed",)),
    ("CVE-2026-24747 storage longer than its member", tensor(numel=64, shape=(64,)), ("malformed",)),
    ("storage shorter than its member", tensor(numel=2, shape=(2,)), ("malformed",)),
    ("of no dimension", tensor(shape=(), stride=()), ("clean",)),
    ("empty", tensor(shape=(0,)), ("clean",)),
    ("empty, far away strides", tensor(shape=(0, 4), stride=(1 << 50, 1 << 50)), ("clean", "malformed")),
    ("a stride of zero", tensor(shape=(1 << 40,), stride=(0,)), ("clean", "limit", "malformed")),
    ("too many dimensions", tensor(shape=(1,) * 65, stride=(1,) * 65), ("limit", "malformed")),
])


def safetensors(header, data=b"\0" * 16, length=None):
    raw = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def one(offsets, shape="[4]", dtype="F32", key="a"):
    return f'"{key}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}'


SAFETENSORS = table([
    ("as it should be", safetensors("{" + one("[0,16]") + "}"), ("clean",)),
    ("header past the end", safetensors("{}", b"", 100), NEVER_CLEAN),
    ("header of everything", safetensors("{}", b"", (1 << 64) - 1), NEVER_CLEAN),
    ("header over 100 MB", safetensors("{" + one("[0,16]") + "}", b" " * 100, 100_000_001), NEVER_CLEAN),
    ("overlap", safetensors("{" + one("[0,16]") + "," + one("[8,24]", key="b") + "}", bytes(24)), NEVER_CLEAN),
    ("hole", safetensors("{" + one("[0,16]") + "," + one("[20,36]", key="b") + "}", bytes(36)), NEVER_CLEAN),
    ("offsets backwards", safetensors("{" + one("[16,0]") + "}"), NEVER_CLEAN),
    ("offsets past the end", safetensors("{" + one("[0,32]", "[8]") + "}"), NEVER_CLEAN),
    ("data not covered", safetensors("{" + one("[0,16]") + "}", bytes(20)), NEVER_CLEAN),
    ("shape wraps", safetensors("{" + one("[0,16]", "[4611686018427387908]") + "}"), NEVER_CLEAN),
    ("shape and offsets disagree", safetensors("{" + one("[0,16]", "[5]") + "}"), NEVER_CLEAN),
    ("a key twice", safetensors("{" + one("[0,16]") + "," + one("[0,16]") + "}"), NEVER_CLEAN),
    ("not UTF-8", safetensors(b'{"\xff":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'), NEVER_CLEAN),
    ("no brace", safetensors("[" + one("[0,16]") + "]"), NEVER_CLEAN),
    ("brackets without end", safetensors("{" + '"a":' + "[" * 100_000), NEVER_CLEAN),
    ("negative shape", safetensors("{" + one("[0,16]", "[-4]") + "}"), NEVER_CLEAN),
])


def pickle_too(opcode, payload):
    """A safetensors file whose first byte, of the header's length, is this opcode: to pickle.load it is a text up to the payload."""
    data = b"\n" + payload
    header = "{" + one(f"[0,{len(data)}]", f"[{len(data)}]", "U8") + "}"
    return safetensors(header + " " * ((opcode[0] - len(header)) % 256), data)


def tar_too(checksum):
    """A pickle of bytes in which a tar archive goes on. Python takes a checksum in binary too."""
    archive = payloads.in_tar(EVIL)
    header = bytearray(512)
    header[:8] = b"\x80\x03B" + struct.pack("<I", 505 + len(archive)) + b"a"
    header[124:136] = b"0" * 11 + b"\0"
    header[148:156] = b" " * 8
    header[148:156] = checksum(sum(header))
    return bytes(header) + archive + b"0}."


def zip_too():
    """A pickle of bytes that end as a zip archive does, whose offsets are those of the file."""
    prefix = b"\x80\x03B" + struct.pack("<I", 0)
    file = io.BytesIO(prefix)
    file.seek(len(prefix))
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", EVIL)
        archive.comment = b"0}."
    data = bytearray(file.getvalue())
    struct.pack_into("<I", data, 3, len(data) - len(prefix) - 3)
    return bytes(data)


POLYGLOTS = table([
    ("pickle that is a tar archive too", tar_too(lambda total: b"%06o\0 " % total), NEVER_CLEAN),
    ("pickle that is a tar archive too, in binary", tar_too(lambda total: b"\x80" + total.to_bytes(7, "big")), NEVER_CLEAN),
    ("pickle that is a tar archive too, with a sign", tar_too(lambda total: b"+%06o " % total), NEVER_CLEAN),
    ("pickle that is a zip archive too", zip_too(), ("unknown_types",)),
    ("program that is a pickle too", b"MZ\x000" + EVIL, ("dangerous",)),
    ("pickle that begins with a number in hex", b"I0xab\n0" + EVIL, NEVER_CLEAN),
    ("safetensors that is a pickle too", pickle_too(b"V", b"0cos\nsystem\n(S'echo marker'\ntR."), ("dangerous",)),
    ("safetensors that is a pickle too, by STACK_GLOBAL", pickle_too(b"V", b"0" + text("os") + text("system") + b"\x93" + MARKER + b"\x85R."), ("dangerous",)),
    ("safetensors whose length is an opcode", pickle_too(b"V", bytes(64)), ("clean",)),
])


def remembered(first, second, argument, put=(b"q\5", b"q\6", b"q\7")):
    return b"".join(text(value) + at + b"0" for value, at in zip((first, second, argument), put))


def long_names():
    """A structure of a thousand structures that are one, whose field has a name of a MiB."""
    inner = structure(dtype("f8")).replace(text("a"), text("a" * (1 << 20)))
    names = [f"{i:03}" for i in range(1_000)]
    fields = payloads.Raw(inner + b"q\x090}(" + b"".join(text(name) + parts(payloads.Raw(b"h\x09"), 0) for name in names) + b"u")
    return dtype("V8", "|", names=payloads.Raw(parts(*names)), fields=fields, size=8, alignment=1, flags=16)


BYTE = dtype("u1", "|")
PADDED = {"numpy_array_alignment_bytes": 16}
HIDDEN = bytes(255 - 66) + b"0" + EVIL + bytes(-len(EVIL) % 8)  # behind a padding of 67, which is an opcode that skips 255
OTHER_MEMO = remembered("os", "system", "echo marker")
MEMOIZED = (b"\x94",) * 3
NUMPY = table([
    ("numpy, as it should be", array(dtype("f8"), (1,), bytes(8)), ("clean",)),
    ("numpy, a structure as it should be", array(structure(dtype("f8")), (1,), bytes(8)), ("clean",)),
    ("bytes that are pointers", scalar(dtype("O8", "|"), b"A" * 8), ("dangerous",)),
    ("bytes that are pointers in a structure", array(structure(dtype("O8", "|", flags=OBJECTS)), (1,), b"A" * 8), ("dangerous",)),
    ("numbers that are objects", array(dtype("f8", flags=OBJECTS), (1,), b"A" * 8), ("dangerous",)),
    ("a field outside its element", array(structure(dtype("f8"), offset=1 << 40), (1,), bytes(8)), ("dangerous",)),
    ("names of fields without end", array(long_names(), (1,), bytes(8)), ("clean",)),
    ("joblib, as it should be", wrapper(dtype("f8"), (1,), **PADDED) + b"\3" + b"\xff" * 3 + bytes(8), ("clean",)),
    ("joblib, elements that are a pickle", wrapper(dtype("f8", flags=OBJECTS), (len(HIDDEN) // 8,), **PADDED) + b"C" + b"\xff" * 67 + HIDDEN, ("dangerous",)),
    ("joblib, a padding that is an opcode", wrapper(BYTE, (len(HIDDEN),), **PADDED) + b"C" + b"\xff" * 67 + HIDDEN, ("dangerous",)),
    ("joblib, elements that change the memo", remembered("collections", "OrderedDict", "x") + wrapper(BYTE, (len(OTHER_MEMO),)) + OTHER_MEMO + b"0h\5h\6\x93)R", ("dangerous",)),
    ("joblib, objects with the memo of the file", remembered("os", "system", "echo marker", MEMOIZED) + wrapper(dtype("O8", "|", flags=OBJECTS), (1,))
     + b"\x80\4" + remembered("collections", "OrderedDict", "x", MEMOIZED) + b"h\0h\1\x93)R.", ("dangerous",)),
])


def gguf(tensors=0, pairs=0, body=b"", version=3):
    return b"GGUF" + struct.pack("<IQQ", version, tensors, pairs) + body


def gguf_text(value, length=None):
    raw = value.encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw


def npy(header, data=bytes(32), length=None, version=b"\1\0"):
    raw = header.encode() + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(raw) if length is None else length) + raw + data


def gguf_tensor(dims, kind=0, offset=0):
    return gguf_text("t") + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)


OTHERS = table([
    ("CVE-2025-53630 sizes of two tensors wrap", gguf(tensors=2, body=gguf_tensor((1 << 61, 2)) + gguf_tensor((1 << 61, 2), offset=32) + bytes(64)), NEVER_CLEAN),
    ("CVE-2026-27940 memory for the tensors wraps", gguf(tensors=(1 << 64) // 368 + 1, body=bytes(64)), NEVER_CLEAN),
    ("npy of structures", npy("{'descr': [('a', '<f4'), ('b', '|O')], 'fortran_order': False, 'shape': (1,), }"), NEVER_CLEAN),
    ("npy in Fortran's order", npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 4), }"), ("clean",)),
    ("npz with objects", zip_of(("a.npy", npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", EVIL))), ("dangerous",)),
    ("npz with a pickle", zip_of(("a.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (8,), }")), ("b.npy", EVIL)), NEVER_CLEAN),
    ("Keras archive with a Lambda", zip_of(("config.json", b'{"class_name": "Lambda", "config": {"function": "x"}}'), ("model.weights.h5", b"\x89HDF\r\n\x1a\n")), NEVER_CLEAN),
    ("HDF5", b"\x89HDF\r\n\x1a\n" + bytes(64), NEVER_CLEAN),
    ("CVE-2024-23496 count of pairs", gguf(pairs=(1 << 64) - 1), NEVER_CLEAN),
    ("CVE-2024-21836 count of tensors", gguf(tensors=(1 << 64) - 1), NEVER_CLEAN),
    ("CVE-2024-23605 length of a text", gguf(pairs=1, body=gguf_text("key", (1 << 64) - 1)), NEVER_CLEAN),
    ("CVE-2024-21825 array of everything", gguf(pairs=1, body=gguf_text("k") + struct.pack("<IIQ", 9, 4, (1 << 62))), NEVER_CLEAN),
    ("arrays in arrays", gguf(pairs=1, body=gguf_text("k") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 10_000), NEVER_CLEAN),
    ("CVE-2024-21802 dimensions", gguf(tensors=1, body=gguf_text("t") + struct.pack("<I", 0xffffffff)), NEVER_CLEAN),
    ("CVE-2026-33298 size of a tensor", gguf(tensors=1, body=gguf_text("t") + struct.pack("<IQQIQ", 2, 1 << 62, 8, 0, 0) + bytes(64)), NEVER_CLEAN),
    ("Ollama CVE-2026-7482 tensor past the end", gguf(tensors=1, body=gguf_text("t") + struct.pack("<IQIQ", 1, 8, 0, 1 << 40) + bytes(64)), NEVER_CLEAN),
    ("npy of objects", npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", EVIL), NEVER_CLEAN),
    ("npy of everything", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }"), NEVER_CLEAN),
    ("npy of more than 64 bits", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,), }"), NEVER_CLEAN),
    ("npy header past the end", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (8,), }", b"", 60_000), NEVER_CLEAN),
    ("npy that calls", npy("__import__('os').system('echo marker')"), NEVER_CLEAN),
    ("npy of brackets", npy("{'descr': " + "(" * 5_000 + ")" * 5_000 + ", 'fortran_order': False, 'shape': (8,), }"), NEVER_CLEAN),
    ("legacy of a lying view", in_legacy(PROTO + b"(" + text("storage") + symbol("torch", "FloatStorage") + text("1") + text("cpu") + integer(4) + b"(" + text("v") + integer(1 << 62) + integer(4) + b"ttQ."), NEVER_CLEAN),
    ("legacy of a storage that is not there", in_legacy(PROTO + b"(" + text("storage") + symbol("torch", "FloatStorage") + text("1") + text("cpu") + integer(4) + b"NtQ."), NEVER_CLEAN),
    ("legacy of a storage of everything", in_legacy(PROTO + b"}.")[:-len(pickle.dumps([], 2))] + pickle.dumps(["1"], 2) + struct.pack("<q", -1), NEVER_CLEAN),
])


TEMPLATE = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
TOLD = table([
    ("jinja template of a GGUF", gguf(pairs=1, body=gguf_text("tokenizer.chat_template") + struct.pack("<I", 8) + gguf_text(TEMPLATE)), "data.template"),
    ("code of TorchScript", payloads.in_script(PROTO + b"}."), "torchscript.code"),
    ("a library in an archive", in_zip(PROTO + b"}.", [("data/aotinductor/model.so", b"\x7fELF" + bytes(64))]), "archive.library"),
    ("Hydra's target", in_zip(PROTO + b"}" + text("_target_") + text("os.system") + b"s."), "data.target"),
])


def weight(name="w", path="weight_0", sizes=(4,), strides=(1,), offset=0, dtype=7, use_pickle="false"):
    numbers = lambda values: "[" + ",".join(f'{{"as_int":{value}}}' for value in values) + "]"
    meta = (f'{{"dtype":{dtype},"sizes":{numbers(sizes)},"requires_grad":false,"device":{{"type":"cpu","index":null}},"strides":{numbers(strides)},'
            f'"storage_offset":{{"as_int":{offset}}},"layout":7}}')
    return f'"{name}":{{"path_name":"{path}","is_param":false,"use_pickle":{use_pickle},"tensor_meta":{meta}}}'


def pt2(*weights, members=(("data/weights/weight_0", bytes(16)),), config=None, compression=zipfile.ZIP_STORED, program="{}", constants=""):
    """torch.export's archive of one program."""
    config = '{"config":{' + ",".join(weights) + "}}" if config is None else config
    return zip_of(*((f"m/{member}", content) for member, content in (
        *members, ("data/weights/model_weights_config.json", config), ("data/constants/model_constants_config.json", '{"config":{' + constants + "}}"),
        ("models/model.json", program), ("archive_format", "pt2"), ("archive_version", "0"), (".data/version", "6\n"))), compression=compression)


def old_pt2(state_dict):
    return zip_of(("serialized_exported_program.json", "{}"), ("serialized_state_dict.pt", state_dict), ("version", "8.5"))


def package(*members):
    """torch.package's archive."""
    return zip_of(*((f"p/{member}", content) for member, content in (*members, (".data/0.storage", bytes(16)), (".data/extern_modules", "torch\n"),
                                                                     (".data/version", "6\n"))))


def packaged(key=number(0), numel=4):
    storage = b"(" + text("storage") + symbol("torch", "FloatStorage") + key + text("cpu") + integer(numel) + b"tQ"
    rest = integer(0) + sequence((numel,)) + sequence((1,)) + b"\x89" + symbol("collections", "OrderedDict") + b")R"
    return PROTO + symbol("torch._utils", "_rebuild_tensor_v2") + b"(" + storage + rest + b"tR."


def reduced(module, attribute):
    return PROTO + b"(" + text("reduce_package") + number(1) + symbol(module, attribute) + b"(" + MARKER + b"ttQ."


def structured(descr, data=bytes(32), shape="(1,)"):
    return npy("{'descr': " + descr + ", 'fortran_order': False, 'shape': " + shape + ", }", data)


WRAPPED = table([
    ("TorchScript that writes a file", payloads.in_script(tensor(), members=[("code/m.py", b'_0 = torch.save(x, "marker")')]), ("unknown_types",)),
    ("agent with pickles in its JSON", zip_of(("data", '{"policy_class": {":serialized:": "gASVAA=="}}'), ("policy.pth", GOOD)), ("unknown_types",)),
    ("export, as it should be", pt2(weight()), ("clean",)),
    ("export, deflated", pt2(weight(), compression=zipfile.ZIP_DEFLATED), ("clean",)),
    ("export, a size that is code", pt2(weight(), program='{"sizes": [{"as_expr": {"expr_str": "__import__(\'os\').system(\'echo marker\')"}}]}'), ("dangerous",)),
    ("export, a size that puts code together", pt2(weight(), program='{"sizes": [{"as_expr": {"expr_str": "Tuple(\'exec\' + Predicate._orig_doc[1357])"}}]}'),
     ("unknown_types",)),
    ("export, a structure that imports", pt2(weight(), program=json.dumps({"in_spec": json.dumps([1, {
        "type": "collections.defaultdict", "context": {"default_factory_module": "antigravity", "default_factory_name": "list"}}])})), ("unknown_types",)),
    ("export, a guard that is code", pt2(weight(), program='{"guards_code": ["exec(\'marker\')"]}'), ("dangerous",)),
    ("export, a size past its member", pt2(weight(sizes=(5,))), ("malformed",)),
    ("export, an offset that wraps", pt2(weight(offset=(1 << 64) - 1)), ("malformed",)),
    ("export, sizes that wrap", pt2(weight(sizes=(1 << 32, 1 << 32), strides=(0, 0))), ("malformed",)),
    ("export, strides that wrap", pt2(weight(sizes=(3,), strides=((1 << 63) - 1,))), ("malformed",)),
    ("export, a path upwards", pt2(weight(path="../../archive_format")), ("malformed",)),
    ("export, a path to the file system", pt2(weight(path="/etc/passwd")), ("malformed",)),
    ("export, a member that is not there", pt2(weight(path="weight_1")), ("malformed",)),
    ("export, a type of no name", pt2(weight(dtype=99)), ("unsupported",)),
    ("export, a name twice", pt2(weight(), weight()), ("malformed",)),
    ("export, a number of everything", pt2(weight(dtype=10 ** 400)), ("malformed",)),
    ("export, brackets without end", pt2(config="[" * 1_000_000), ("malformed",)),
    ("export, brackets in a config", pt2(config='{"config":' + "[" * 1_000_000), ("malformed",)),
    ("export, a bomb of a config", pt2(config=" " * (1 << 24), compression=zipfile.ZIP_DEFLATED), ("malformed", "limit")),
    ("export, names without end", pt2(*(weight(str(i)) for i in range(3_000))), ("clean", "limit")),
    ("export, a pickle for a weight", pt2(weight(use_pickle="true"), members=[("data/weights/weight_0", in_zip(EVIL))]), ("dangerous",)),
    ("export, a pickle that is called a tensor", pt2(members=[("data/constants/opaque_obj_0", EVIL)], constants=weight(
        path="opaque_obj_0", sizes=(len(EVIL),), dtype=1)), ("dangerous",)),
    ("export, a pickle among the inputs", pt2(weight(), members=[("data/weights/weight_0", bytes(16)), ("data/sample_inputs/model.pt", in_zip(EVIL))]), ("dangerous",)),
    ("export, a pickle in the first format", old_pt2(in_zip(EVIL)), ("dangerous",)),
    ("export, a library", pt2(weight(), members=[("data/weights/weight_0", bytes(16)), ("data/aotinductor/model/m.so", b"\x7fELF")]), ("unknown_types",)),
    ("export in export in export", functools.reduce(lambda inner, _: old_pt2(inner), range(300), in_zip(tensor())), ("unsupported",)),
    ("package, as it should be", package(("m/w.pkl", packaged())), ("clean",)),
    ("package, code", package(("m/w.pkl", packaged()), ("collections/__init__.py", "print('marker')")), ("unknown_types",)),
    ("package, a pickle under any name", package(("m/notes.txt", EVIL)), ("dangerous",)),
    ("package, a call of the package", package(("m/w.pkl", reduced("os", "system"))), ("dangerous",)),
    ("package, a call of nobody knows what", package(("m/w.pkl", reduced("project", "make"))), ("unknown_types",)),
    ("package, a storage outside", package(("m/w.pkl", packaged(text("../m/w")))), ("malformed",)),
    ("package, a storage longer than its member", package(("m/w.pkl", packaged(numel=5))), ("malformed",)),
    ("package, a checkpoint in it", package(("m/w.bin", in_zip(EVIL))), ("dangerous",)),
    ("deflated checkpoint", zip_of(("a.pth", GOOD), compression=zipfile.ZIP_DEFLATED), ("clean",)),
    ("deflated checkpoint, hostile", zip_of(("a.pth", in_zip(EVIL)), compression=zipfile.ZIP_DEFLATED), ("dangerous",)),
    ("deflated checkpoint of a bomb", zip_of(("a.pth", zip_of(("archive/data.pkl", tensor(numel=1 << 22, shape=(1 << 22,))), ("archive/data/0", bytes(1 << 24)),
                                                             ("archive/version", b"3\n"), compression=zipfile.ZIP_DEFLATED)),
                                             compression=zipfile.ZIP_DEFLATED), ("clean", "limit")),
    ("deflated archive in an archive", zip_of(("a.zip", zip_of(("b.pth", GOOD))), compression=zipfile.ZIP_DEFLATED), ("unsupported",)),
    ("structure, as it should be", structured("[('a', '<f4', (8,))]"), ("clean",)),
    ("structure of everything", structured("[('a', '<f4', (4294967296, 4294967296))]"), ("malformed",)),
    ("structure of elements without end", structured("[('a', '|u1')]", b"", "(9223372036854775807,)"), ("malformed",)),
    ("structure with a name twice", structured("[('a', '<f4'), ('a', '<f4')]"), ("malformed",)),
    ("structure of brackets", structured("[" * 30_000), ("malformed",)),
    ("structure in structure without end", structured("[('a', " * 5_000 + "'<f4'" + ")]" * 5_000, bytes(4)), ("clean",)),
    ("structure of objects", structured("[('a', '|O')]", EVIL), ("dangerous",)),
    ("structure of many fields", structured("[" + ", ".join(f"('{i}', '|V0')" for i in range(3_000)) + "]", b"", "(9223372036854775807,)"), ("clean", "malformed")),
])


class Classes(Judge):
    def table(self, rows, write=payloads.as_it_is):
        for what, content, verdicts in rows:
            with self.subTest(what):
                self.expect(write(content), *verdicts)

    def test_archives(self):
        self.table(ZIPS)

    def test_archives_in_archives_are_members_that_nobody_reads(self):
        report = self.expect(nested(in_zip(EVIL)), "unknown_types")
        self.assertIn("zip.unused-member", [f["id"] for f in report["findings"]])

    def test_tars(self):
        self.table(TARS)

    def test_indices(self):
        self.table(INDICES)

    def test_what_other_tools_would_run_is_told(self):
        for what, data, finding in TOLD:
            with self.subTest(what):
                self.assertIn(finding, [f["id"] for f in self.expect(data, "clean", "unknown_types")["findings"]])

    def test_checkpoints_in_other_wrappings(self):
        self.table(WRAPPED)

    def test_resources_in_every_form(self):
        for form, write in self.forms().items():
            for what, stream, verdicts in RESOURCES:
                with self.subTest(what, form=form):
                    self.expect(write(stream), *verdicts)

    def test_semantics(self):
        self.table(SEMANTICS, in_zip)

    def test_tensors(self):
        self.table(TENSORS, in_zip)

    def test_safetensors(self):
        self.table(SAFETENSORS)

    def test_files_of_two_formats(self):
        self.table(POLYGLOTS)

    def test_numpy(self):
        self.table(NUMPY, lambda content: b"\x80\4" + content + b".")

    def test_other_formats(self):
        self.table(OTHERS)


if __name__ == "__main__":
    unittest.main(verbosity=2)
