"""The files of the bench: the same bytes in each run, made without torch where that is possible."""
import json
import pathlib
import pickle
import random
import struct
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import torch_zip

MIB = 1 << 20
PAGE = 4096
# The one tensor of a large file that somebody wants.
CHOSEN = "layer7.weight"


def full_tensors(mebibytes, tensors=64):
    """Without holes: every page of them is there."""
    count = mebibytes * MIB // tensors // 4
    block = random.Random(7).randbytes(count * 4)
    return [torch_zip.Tensor(f"layer{i}.weight", count, block) for i in range(tensors)]


def small_tensors(tensors, elements):
    rng = random.Random(9)
    return [torch_zip.Tensor(f"block{i // 100}.layer{i}.weight", elements, rng.randbytes(4 * elements)) for i in range(tensors)]


def checkpoint(directory, name, tensors):
    path = directory / f"{name}.pt"
    torch_zip.write(path, tensors)
    return path


def sparse(directory, gibibytes):
    """Tensors of 16 MiB that are holes but for their first page."""
    path = directory / f"sparse-{gibibytes}.pt"
    count = 4 * MIB
    head = random.Random(8).randbytes(PAGE)
    torch_zip.write(path, [torch_zip.Tensor(f"layer{i}.weight", count, head) for i in range(gibibytes * 64)])
    return path


def weights(mebibytes):
    """Bytes that deflate to about 0.9 of their size, as trained weights do: random mantissas, few exponents."""
    rng = random.Random(10)
    raw = bytearray(rng.randbytes(mebibytes * MIB))
    raw[3::4] = bytes(0x3C | value & 0x83 for value in raw[3::4])
    return bytes(raw)


def deflated(directory, mebibytes):
    """One tensor of 16 MiB again and again, deflated; and its deflate stream alone, for the floor."""
    path, stream = directory / f"deflated-{mebibytes}.pt", directory / "deflated.raw"
    data = weights(16)
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = packer.compress(data) + packer.flush()
    stream.write_bytes(packed)
    torch_zip.write_deflated(path, [torch_zip.Tensor(f"layer{i}.weight", len(data) // 4, data) for i in range(mebibytes // 16)], packed)
    return path, stream


def records(count):
    rng = random.Random(1)
    return [{"step": i, "loss": rng.random(), "name": f"run {i}", "lr": 0.1 * i} for i in range(count // 9)]


NODES = {"records": records,
         "dict": lambda count: {f"key {i}": i for i in range(count // 2)},
         "ints": lambda count: [random.Random(1).randrange(1 << 40) + i for i in range(count)],
         "floats": lambda count: [i / 7 for i in range(count)]}


def nodes(directory, kind, count):
    """A pickle of about so many objects: alone, and in a torch zip."""
    plain, path = directory / f"{kind}-{count}.pkl", directory / f"{kind}-{count}.pt"
    data = pickle.dumps(NODES[kind](count), 2)
    plain.write_bytes(data)
    with open(path, "wb") as file:
        writer = torch_zip.Writer(file)
        writer.bytes("data.pkl", data)
        writer.bytes("version", b"3\n")
        writer.finish()
    return plain, path


def safetensors(directory, name, tensors):
    """The same tensors in a file of safetensors."""
    path = directory / f"{name}.safetensors"
    header, offset = {}, 0
    for tensor in tensors:
        header[tensor.name] = {"dtype": "F32", "shape": [tensor.count], "data_offsets": [offset, offset + tensor.nbytes]}
        offset += tensor.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors:
            file.writelines(tensor.blocks())
    return path
