"""Checkpoints for faults: small, in each shape that takes another way through the decoder. Needs no torch."""
import json
import pathlib
import random
import sys
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import torch_zip

MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."


def tensors(count=4, size=64):
    return [torch_zip.Tensor(f"layer{i}.weight", size, random.Random(i).randbytes(2 * size)) for i in range(count)]


def stored(path):
    torch_zip.write(path, tensors())
    return path


def deflated(path):
    plain = path.with_suffix(".plain")
    torch_zip.write(plain, tensors())
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name), source.read(name), zipfile.ZIP_DEFLATED)
    plain.unlink()
    return path


def legacy(path):
    """The stream of torch before 1.6: magic, version, system, object, keys, then each storage with its length."""
    items = tensors()
    body = torch_zip.pickled(items).replace(torch_zip.text("cpu") + torch_zip.number(64) + b"tQ",
                                            torch_zip.text("cpu") + torch_zip.number(64) + b"NtQ")
    system = (b"\x80\x02}(" + torch_zip.text("protocol_version") + torch_zip.number(1001) + torch_zip.text("little_endian") + b"\x88"
              + torch_zip.text("type_sizes") + b"}(" + b"".join(torch_zip.text(k) + torch_zip.number(v) for k, v in
                                                               (("short", 2), ("int", 4), ("long", 4))) + b"uu.")
    keys = b"\x80\x02](" + b"".join(torch_zip.text(str(i)) for i in range(len(items))) + b"e."
    storages = b"".join(item.count.to_bytes(8, "little") + b"".join(item.blocks()) for item in items)
    path.write_bytes(MAGIC + b"\x80\x02M\xe9\x03." + system + body + keys + storages)
    return path


def hostile(path):
    """A legacy stream whose object is a call of os.system. In a loader it would print a word."""
    call = b"\x80\x02cos\nsystem\n" + torch_zip.text("echo marker") + b"\x85R."
    path.write_bytes(MAGIC + b"\x80\x02M\xe9\x03." + b"\x80\x02}." + call + b"\x80\x02].")
    return path


def safetensors(path):
    header, data = {}, b""
    for item in tensors():
        content = b"".join(item.blocks())
        header[item.name] = {"dtype": "F32", "shape": [item.count], "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


ALL = {"stored": stored, "deflated": deflated, "legacy": legacy, "safetensors": safetensors}
