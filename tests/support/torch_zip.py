"""Torch zip checkpoints written without torch: one dict of float32 vectors. Large ones are sparse files."""
import functools
import hashlib
import struct
import zlib


class Tensor:
    """`count` float32 elements: `head` bytes, then zeros."""

    def __init__(self, name, count, head=b""):
        self.name, self.count, self.head = name, count, head
        self.nbytes = 4 * count

    def blocks(self, size=1 << 20):
        yield self.head
        left = self.nbytes - len(self.head)
        zeros = bytes(min(size, left))
        while left > 0:
            yield zeros[:left]
            left -= size

    def sha256(self):
        digest = hashlib.sha256()
        for block in self.blocks():
            digest.update(block)
        return digest.hexdigest()

    def crc32(self):
        return crc_of(self.count, self.head)


@functools.lru_cache(maxsize=1)
def crc_of(count, head):
    """Many tensors of one file are alike."""
    crc = 0
    for block in Tensor("", count, head).blocks():
        crc = zlib.crc32(block, crc)
    return crc


def text(value):
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value):
    return b"J" + struct.pack("<i", value)


def whole(value):
    """As short as pickle makes it."""
    return b"K%c" % value if value < 1 << 8 else b"M" + struct.pack("<H", value) if value < 1 << 16 else number(value)


def rebuilt(key, count):
    """Opcodes that make the tensor of so many elements in storage `key`: torch's at protocol 2, without the memo, for tests that change them."""
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(str(key)) + text("cpu") + number(count) + b"tQ"
    shape = number(count) + b"\x85" + number(1) + b"\x85"
    hooks = b"ccollections\nOrderedDict\n)R"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(0) + shape + b"\x89" + hooks + b"tR"


def pickled(tensors):
    """data.pkl of {name: tensor}, without the memo."""
    return b"\x80\x02}(" + b"".join(text(tensor.name) + rebuilt(key, tensor.count) for key, tensor in enumerate(tensors)) + b"u."


class Saved:
    """data.pkl of {name: tensor} as torch.save writes it, byte by byte (tests/conformance/writers.py compares the two)."""

    BATCH = 1000  # items that pickle puts into a dict at a time

    def __init__(self, tensors):
        self.memo = {}  # what comes again and again: its number
        self.numbers = 0
        root = self.new(b"}")
        items = [self.new(text(tensor.name)) + self.rebuilt(key, tensor.count) for key, tensor in enumerate(tensors)]
        # A full batch has another one behind it, were it empty.
        batches = [items[at:at + self.BATCH] for at in range(0, len(items) + 1, self.BATCH)]
        body = items[0] + b"s" if len(items) == 1 else b"".join(b"(" + b"".join(batch) + b"u" for batch in batches)
        self.bytes = b"\x80\x02" + root + body + b"."

    def new(self, made):
        """And puts it into the memo."""
        number, self.numbers = self.numbers, self.numbers + 1
        return made + (b"q%c" % number if number < 256 else b"r" + struct.pack("<I", number))

    def again(self, made):
        if made in self.memo:
            number = self.memo[made]
            return b"h%c" % number if number < 256 else b"j" + struct.pack("<I", number)
        self.memo[made] = self.numbers
        return self.new(made)

    def rebuilt(self, key, count):
        rebuild = self.again(b"ctorch._utils\n_rebuild_tensor_v2\n")
        kind = self.again(text("storage")) + self.again(b"ctorch\nFloatStorage\n")
        storage = self.new(b"(" + kind + self.new(text(str(key))) + self.again(text("cpu")) + whole(count) + b"t") + b"Q"
        shape = self.new(whole(count) + b"\x85") + self.new(whole(1) + b"\x85")
        hooks = self.new(self.again(b"ccollections\nOrderedDict\n") + b")R")
        return self.new(self.new(rebuild + b"(" + storage + whole(0) + shape + b"\x89" + hooks + b"t") + b"R")


LARGE = 0xFFFFFFFF  # stands for what zip64 has elsewhere
STORED, DEFLATED = 0, 8


class Writer:
    """A zip, each payload at a multiple of 64, as torch lays them out. Of zip64 what many members and a large file need."""

    def __init__(self, file):
        self.file = file
        self.directory = []

    def add(self, name, size, crc, payload, packed_size=None):
        """`payload` writes the member: `size` bytes, or `packed_size` of a deflate stream that holds them."""
        raw = f"archive/{name}".encode()
        start = self.file.tell()
        padding = -(start + 30 + len(raw) + 4) % 64
        extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
        method = STORED if packed_size is None else DEFLATED
        common = struct.pack("<HHHHIII", 0x0800, method, 0, 0, crc, size if packed_size is None else packed_size, size)
        self.file.write(b"PK\3\4" + struct.pack("<H", 20) + common + struct.pack("<HH", len(raw), len(extra)) + raw + extra)
        payload(self.file)
        self.directory.append((raw, common, start))

    def bytes(self, name, data):
        self.add(name, len(data), zlib.crc32(data), lambda file: file.write(data))

    def finish(self):
        start = self.file.tell()
        for raw, common, offset in self.directory:
            extra = struct.pack("<HHQ", 1, 8, offset) if offset >= LARGE else b""
            self.file.write(b"PK\1\2" + struct.pack("<HH", 20, 20) + common + struct.pack("<HHHHHI", len(raw), len(extra), 0, 0, 0, 0) +
                            struct.pack("<I", min(offset, LARGE)) + raw + extra)
        end = self.file.tell()
        size, count = end - start, len(self.directory)
        if start >= LARGE or count >= 0xFFFF:
            self.file.write(b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, size, start))
            self.file.write(b"PK\6\7" + struct.pack("<IQI", 0, end, 1))
        self.file.write(b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, min(count, 0xFFFF), min(count, 0xFFFF), size, min(start, LARGE), 0))


def write_with(path, tensors, add):
    """The checkpoint, whose storages `add(writer, name, tensor)` writes: in the order of their numbers, as torch 2.13 does."""
    with open(path, "wb") as file:
        writer = Writer(file)
        writer.bytes("data.pkl", Saved(tensors).bytes)
        for key, tensor in enumerate(tensors):
            add(writer, f"data/{key}", tensor)
        writer.bytes("version", b"3\n")
        writer.finish()


def write(path, tensors):
    """Writes the checkpoint. Zeros behind a tensor's head become holes."""
    def sparse(writer, name, tensor):
        def payload(out):
            end = out.tell() + tensor.nbytes
            out.write(tensor.head)
            out.seek(end)
        writer.add(name, tensor.nbytes, tensor.crc32(), payload)
    write_with(path, tensors, sparse)


def write_deflated(path, tensors, packed):
    """Writes tensors that all have the same bytes, of which `packed` is the deflate stream."""
    crc = tensors[0].crc32()
    write_with(path, tensors, lambda writer, name, tensor: writer.add(name, tensor.nbytes, crc, lambda out: out.write(packed), len(packed)))
