"""Checkpoints as torch 0.1.0 to 0.1.9 wrote them: a tar archive of sys_info, pickle, tensors and storages."""
import io
import pickle
import struct
import tarfile

SYS_INFO = {"protocol_version": 1000, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}


def _named(module, name):
    """A class whose pickle is the name of torch's own."""
    return type(name, (), {"__module__": module, "__qualname__": name})


class _Pickler(pickle._Pickler):
    """Protocol 2; classes of ours by their name, whoever has them; `Reference`s by persistent id."""

    def save_global(self, obj, name=None):
        self.write(pickle.GLOBAL + f"{obj.__module__}\n{obj.__qualname__}\n".encode())
        self.memoize(obj)

    dispatch = dict(pickle._Pickler.dispatch)
    dispatch[type] = save_global

    def persistent_id(self, obj):
        return obj.key if isinstance(obj, Reference) else None


class Reference:
    def __init__(self, key):
        self.key = str(key)


def dumped(obj):
    out = io.BytesIO()
    _Pickler(out, 2).dump(obj)
    return out.getvalue()


class Storage:
    """`kind`: Float, Long, Byte ...; `data`: its bytes; views: [(key, offset, numel)] of it."""

    def __init__(self, key, kind, numel, data, location="cpu", views=()):
        self.key, self.kind, self.numel, self.data, self.location, self.views = key, kind, numel, data, location, views


class Tensor:
    def __init__(self, key, storage, kind, shape, stride, offset=0):
        self.key, self.storage, self.kind, self.shape, self.stride, self.offset = key, storage, kind, shape, stride, offset


def storages_member(storages):
    out = [dumped(len(storages))]
    for s in storages:
        out += [dumped((s.key, s.location, _named("torch", f"{s.kind}Storage"))), struct.pack("<q", s.numel), s.data]
    return b"".join(out) + dumped([(key, s.key, offset, numel) for s in storages for key, offset, numel in s.views])


def tensors_member(tensors):
    out = [dumped(len(tensors))]
    for t in tensors:
        rank = len(t.shape)
        out += [dumped((t.key, t.storage, _named("torch", f"{t.kind}Tensor"))), struct.pack("<ii", rank, 0),
                struct.pack(f"<{rank}q", *t.shape), struct.pack(f"<{rank}q", *t.stride), struct.pack("<q", t.offset)]
    return b"".join(out)


def archive(members, mtime=1500000000.25):
    """A tar of (name, bytes) in the format that torch asked for. A broken second makes an extended header, as files' times did."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:", format=tarfile.PAX_FORMAT) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), mtime
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def checkpoint(obj, storages, tensors):
    return archive([("sys_info", dumped(SYS_INFO)), ("pickle", dumped(obj)), ("tensors", tensors_member(tensors)),
                    ("storages", storages_member(storages))])
