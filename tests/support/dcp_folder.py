"""Folders of torch.distributed.checkpoint written without torch, right or wrong: .metadata opcode by opcode, items as torch zips."""
import io
import struct

import torch_zip
from payloads import PROTO, integer, symbol
from torch_zip import text

MODULE = "torch.distributed.checkpoint.metadata"


def item(pickle, storages=()):
    """One archive of torch.save around a pickle."""
    file = io.BytesIO()
    writer = torch_zip.Writer(file)
    writer.bytes("data.pkl", pickle)
    for i, data in enumerate(storages):
        writer.bytes(f"data/{i}", data)
    writer.bytes("version", b"3\n")
    writer.finish()
    return file.getvalue()


def floats(shape, first):
    """An item of one float32 tensor: first, first + 1 ..."""
    count, strides = 1, []
    for size in reversed(shape):
        strides.insert(0, count)
        count *= size
    data = struct.pack(f"<{count}f", *range(first, first + count))
    storage = b"(" + text("storage") + symbol("torch", "FloatStorage") + text("0") + text("cpu") + integer(count) + b"tQ"
    size, stride = (b"(" + b"".join(map(integer, numbers)) + b"t" for numbers in (shape, strides))
    tensor = symbol("torch._utils", "_rebuild_tensor_v2") + b"(" + storage + integer(0) + size + stride + b"\x89" + symbol("collections", "OrderedDict")
    return item(PROTO + tensor + b")RtR.", [data])


def built(name, fields, module=MODULE):
    return symbol(module, name) + b")\x81}(" + b"".join(text(key) + value for key, value in fields.items()) + b"ub"


def size(numbers):
    return symbol("torch", "Size") + b"(" + b"".join(map(integer, numbers)) + b"t\x85R"


def tensor(shape, chunks, dtype="float32"):
    properties = symbol(MODULE, "TensorProperties") + b")\x81(" + symbol("torch", dtype) + b"N\x89N\x89tb"
    listed = b"".join(built("ChunkStorageMetadata", {"offsets": size(offsets), "sizes": size(sizes)}) for offsets, sizes in chunks)
    return built("TensorStorageMetadata", {"properties": properties, "size": size(shape), "chunks": b"](" + listed + b"e"})


def place(name, offset, file, start, length):
    """A row of storage_data; `offset` None: of an object that is no tensor."""
    index = {"fqn": text(name)} | ({} if offset is None else {"offset": size(offset)})
    info = {"relative_path": text(file), "offset": integer(start), "length": integer(length)}
    return built("MetadataIndex", index) + built("_StorageInfo", info, "torch.distributed.checkpoint.filesystem")


def metadata(entries, places, storage_meta=b"N"):
    described = b"}(" + b"".join(text(name) + value for name, value in entries.items()) + b"u"
    fields = {"state_dict_metadata": described, "planner_data": b"N", "storage_data": b"}(" + b"".join(places) + b"u", "storage_meta": storage_meta}
    return b"\x80\x04" + built("Metadata", fields) + b"."


def sharded(**changes):
    """{name: bytes} of a good folder: `w` of 4 x 3, rows 0 and 1-3 in files of their own. `chunks`, `places`, `shape` and so on change one thing."""
    first, second = floats((1, 3), 0), floats((3, 3), 3)
    chunks = changes.get("chunks", [((0, 0), (1, 3)), ((1, 0), (3, 3))])
    places = changes.get("places", [("w", (0, 0), "__0_0.distcp", 0, len(first)), ("w", (1, 0), "__1_0.distcp", 0, len(second))])
    entries = {"w": tensor(changes.get("shape", (4, 3)), chunks)}
    described = metadata(entries, [place(*row) for row in places], changes.get("storage_meta", b"N"))
    return {".metadata": described, "__0_0.distcp": first, "__1_0.distcp": second}
