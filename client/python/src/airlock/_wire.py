"""Columns out of protobuf messages, without an object for each number.

A plan is a handful of packed arrays with millions of numbers. The runtime would make a Python integer of each; here the wire
format is cut into its fields, and what is packed is decoded by numpy. Which fields there are, under which numbers and in which
encoding, is read from the generated descriptors: nothing of the contract stands here.
"""
from __future__ import annotations

import functools
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

import numpy as np
import numpy.typing as npt
from google.protobuf.descriptor import FieldDescriptor

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_VARINT = 10

# Field types by how numpy reads them where they are packed.
_FIXED_TYPES = {
    FieldDescriptor.TYPE_DOUBLE: "<f8", FieldDescriptor.TYPE_FLOAT: "<f4", FieldDescriptor.TYPE_FIXED64: "<u8",
    FieldDescriptor.TYPE_FIXED32: "<u4", FieldDescriptor.TYPE_SFIXED64: "<i8", FieldDescriptor.TYPE_SFIXED32: "<i4",
}
_ZIGZAG_TYPES = (FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SINT64)

Column = npt.NDArray[Any]


class WireError(ValueError):
    """A message that is none."""


def _varint(data: memoryview, at: int) -> Tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift >= 7 * _MAX_VARINT:
            raise WireError("a number without an end")


def fields(message: Union[bytes, memoryview]) -> Iterator[Tuple[int, int, memoryview]]:
    """Each field of a message: its number, its wire type, its bytes (of a number: its encoding)."""
    data = memoryview(message)
    at, end = 0, len(data)
    try:
        while at < end:
            tag, at = _varint(data, at)
            wire_type = tag & 7
            start = at
            if wire_type == _VARINT:
                _, at = _varint(data, at)
            elif wire_type == _FIXED64:
                at += 8
            elif wire_type == _FIXED32:
                at += 4
            elif wire_type == _BYTES:
                size, start = _varint(data, at)
                at = start + size
            else:
                raise WireError("a field of no known kind")
            if at > end:
                raise WireError("a field longer than its message")
            yield tag >> 3, wire_type, data[start:at]
    except IndexError as error:
        raise WireError("a message that breaks off") from error


def varints(raw: bytes) -> Column:
    """Packed varints as numbers of 64 bits."""
    octets = np.frombuffer(raw, np.uint8)
    ends = np.flatnonzero(octets < 0x80)
    if len(octets) and octets[-1] >= 0x80:
        raise WireError("a number without an end")
    if len(ends) == len(octets):
        return octets.astype(np.uint64)
    starts = np.empty_like(ends)
    starts[0] = 0
    starts[1:] = ends[:-1] + 1
    lengths = ends - starts + 1
    if int(lengths.max()) > _MAX_VARINT:
        raise WireError("a number without an end")
    values = (octets[starts] & 0x7F).astype(np.uint64)
    for place in range(1, int(lengths.max())):
        longer = np.flatnonzero(lengths > place)
        more = (octets[starts[longer] + place] & 0x7F).astype(np.uint64)
        values[longer] |= more << np.uint64(7 * place)
    return values


def _unzigzag(values: Column) -> Column:
    magnitudes: Column = (values >> np.uint64(1)).astype(np.int64)
    return magnitudes ^ -(values & np.uint64(1)).astype(np.int64)


@functools.cache
def _fields_of(descriptor: Any) -> Dict[str, FieldDescriptor]:
    return {field.name: field for field in descriptor.fields}


class Pieces:
    """One columnar message that arrives in pieces: each field is the concatenation of what the pieces hold."""

    def __init__(self, descriptor: Any) -> None:
        self._by_name = _fields_of(descriptor)
        self._raw: Dict[int, List[memoryview]] = {field.number: [] for field in self._by_name.values()}

    def add(self, message: memoryview) -> None:
        """The next piece. Fields that are not known are left out."""
        for number, _, value in fields(message):
            if number in self._raw:
                self._raw[number].append(value)

    def raw(self, name: str) -> List[memoryview]:
        """A repeated message or string, one by one as they came."""
        return self._raw[self._by_name[name].number]

    def blob(self, name: str) -> bytes:
        """A field of bytes."""
        return b"".join(self.raw(name))

    def numbers(self, name: str) -> Column:
        """A repeated number: signed or real as its type says, else unsigned."""
        field = self._by_name[name]
        raw = self.blob(name)
        fixed: Optional[str] = _FIXED_TYPES.get(field.type)
        if fixed is not None:
            return np.frombuffer(raw, fixed)
        values = varints(raw)
        return _unzigzag(values) if field.type in _ZIGZAG_TYPES else values
