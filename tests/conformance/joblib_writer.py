"""Writes what joblib's own pickler writes, without joblib: its wrapper, and the elements behind its BUILD.

The class is put together under joblib's name, so that this machine's pickle names it as joblib does.
"""
import io
import pickle
import sys
import types
import zlib

import numpy


class NumpyArrayWrapper:
    def __init__(self, array, alignment):
        # In the order in which joblib sets them.
        self.subclass = type(array)
        self.shape = array.shape
        self.order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        self.dtype = array.dtype
        self.allow_mmap = True
        if alignment:
            self.numpy_array_alignment_bytes = alignment


NumpyArrayWrapper.__module__ = "joblib.numpy_pickle"
sys.modules.setdefault("joblib", types.ModuleType("joblib"))
sys.modules["joblib.numpy_pickle"] = types.ModuleType("joblib.numpy_pickle")
sys.modules["joblib.numpy_pickle"].NumpyArrayWrapper = NumpyArrayWrapper


class Pickler(pickle._Pickler):
    """joblib.numpy_pickle.NumpyPickler, as of 1.3."""

    def __init__(self, file, protocol, alignment):
        super().__init__(file, protocol)
        self.handle, self.alignment = file, alignment

    def save(self, obj, save_persistent_id=True):
        if type(obj) is not numpy.ndarray:
            return super().save(obj, save_persistent_id)
        wrapper = NumpyArrayWrapper(obj, self.alignment)
        super().save(wrapper, save_persistent_id)
        if self.proto >= 4:
            self.framer.commit_frame(force=True)
        if obj.dtype.hasobject:
            return pickle.dump(obj, self.handle, protocol=2)
        if self.alignment:
            # The length of the padding stands before it, in one byte.
            padding = self.alignment - (self.handle.tell() + 1) % self.alignment
            self.handle.write(bytes([padding]) + b"\xff" * padding)
        self.handle.write(obj.tobytes("A" if wrapper.order == "F" else "C"))


def dumps(obj, protocol, alignment=None):
    out = io.BytesIO()
    Pickler(out, protocol, alignment).dump(obj)
    return out.getvalue()


def old(data):
    """As joblib before 0.10 compressed a pickle."""
    return b"ZF" + hex(len(data)).encode().ljust(19) + zlib.compress(data)
