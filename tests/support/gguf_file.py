"""GGUF files of version 3, as llama.cpp's writer lays them out."""
import struct

ALIGNMENT = 32
UINT32, FLOAT32, STRING, ARRAY = 4, 6, 8, 9


def string(value):
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(item):
    if isinstance(item, str):
        return struct.pack("<I", STRING) + string(item)
    if isinstance(item, list):
        return struct.pack("<IIQ", ARRAY, STRING, len(item)) + b"".join(map(string, item))
    return struct.pack("<If", FLOAT32, item) if isinstance(item, float) else struct.pack("<II", UINT32, item)


def padded(data):
    return data + bytes(-len(data) % ALIGNMENT)


def file(values, tensors):
    """`values`: {key: text, number or list of texts}; `tensors`: [(name, shape in torch's order, GGML type, bytes)]."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    head += b"".join(string(key) + value(item) for key, item in values.items())
    offset = 0
    for name, shape, kind, data in tensors:
        head += string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *reversed(shape), kind, offset)
        offset += len(padded(data))
    return padded(head) + b"".join(padded(data) for _, _, _, data in tensors)
