"""Torch zip checkpoints written without torch: one dict of float32 vectors. Large ones are sparse files."""
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
        crc = 0
        for block in self.blocks():
            crc = zlib.crc32(block, crc)
        return crc


def text(value):
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value):
    return b"J" + struct.pack("<i", value)


def pickled(tensors):
    """data.pkl of {name: tensor}: what torch.save writes at protocol 2, without the memo."""
    out = [b"\x80\x02}("]
    for key, tensor in enumerate(tensors):
        storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(str(key)) + text("cpu") + number(tensor.count) + b"tQ"
        shape = number(tensor.count) + b"\x85" + number(1) + b"\x85"
        hooks = b"ccollections\nOrderedDict\n)R"
        out.append(text(tensor.name) + b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(0) + shape + b"\x89" + hooks + b"tR")
    return b"".join(out) + b"u."


class Writer:
    """A zip of stored members, each payload at a multiple of 64, as torch lays them out."""

    def __init__(self, file):
        self.file = file
        self.directory = []

    def add(self, name, size, crc, payload):
        raw = f"archive/{name}".encode()
        start = self.file.tell()
        padding = -(start + 30 + len(raw) + 4) % 64
        extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
        fields = struct.pack("<HHHHIIIHH", 0x0800, 0, 0, 0, crc, size, size, len(raw), len(extra))
        self.file.write(b"PK\3\4" + struct.pack("<H", 20) + fields + raw + extra)
        payload(self.file)
        self.directory.append((raw, crc, size, start))

    def bytes(self, name, data):
        self.add(name, len(data), zlib.crc32(data), lambda file: file.write(data))

    def finish(self):
        start = self.file.tell()
        for raw, crc, size, offset in self.directory:
            self.file.write(b"PK\1\2" + struct.pack("<HHHHHHIIIHHHHHII", 20, 20, 0x0800, 0, 0, 0, crc, size, size,
                                                    len(raw), 0, 0, 0, 0, 0, offset) + raw)
        size = self.file.tell() - start
        count = len(self.directory)
        self.file.write(b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, size, start, 0))


def write(path, tensors):
    """Writes the checkpoint. Zeros behind a tensor's head become holes."""
    with open(path, "wb") as file:
        writer = Writer(file)
        writer.bytes("data.pkl", pickled(tensors))
        for key, tensor in enumerate(tensors):
            def sparse(out, tensor=tensor):
                end = out.tell() + tensor.nbytes
                out.write(tensor.head)
                out.seek(end)
            writer.add(f"data/{key}", tensor.nbytes, tensor.crc32(), sparse)
        writer.bytes("version", b"3\n")
        writer.finish()
