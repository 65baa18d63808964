"""The plan of one load: columns as they came, checked so far that they can be followed.

This is the only module that knows how the columns are laid out on the wire (proto/airlock/v1: graph, tensor, plan).
"""
from __future__ import annotations

from typing import Any, Dict, List, Set, Tuple

import numpy as np

from . import _wire
from ._errors import DaemonError
from ._report import Finding, Symbol
from ._wire import Column, Pieces
from .v1 import graph_pb2, inventory_pb2, plan_pb2, report_pb2, tensor_pb2

_KINDS: Dict[str, int] = {name[len("NODE_KIND_"):]: number for name, number in graph_pb2.NodeKind.items()}
_MAX_KIND = 256
# Every part of a record that is not set names a ref.
_NO_REF = graph_pb2.RECORD_PART_NEW | graph_pb2.RECORD_PART_STATES

DTYPE_NAMES: Dict[int, str] = {number: name[len("DTYPE_"):].lower() for name, number in tensor_pb2.DType.items()}
# Bytes of an element, where it is not one; those of the last row are packed.
_ELEMENT_BYTES: Dict[str, float] = {
    "unspecified": 0, "int16": 2, "uint16": 2, "bits16": 2, "float16": 2, "bfloat16": 2, "int32": 4, "uint32": 4, "qint32": 4, "float32": 4,
    "complex32": 4, "bcomplex32": 4, "int64": 8, "uint64": 8, "float64": 8, "complex64": 8, "complex128": 16,
    "quint4x2": 0.5, "quint2x4": 0.25}
_BYTES = np.array([_ELEMENT_BYTES.get(DTYPE_NAMES.get(number, "unspecified"), 1) for number in range(max(DTYPE_NAMES) + 1)], np.float64)
_MAX_EXACT = 1 << 53  # up to it, reals are exact


def word(name: str, prefix: str) -> str:
    """An enum value's name as it stands in reports."""
    return name[len(prefix):].lower()


def kind(name: str) -> int:
    """The number of a NodeKind, by its name without the prefix."""
    return _KINDS[name]


def _table(rows: Dict[str, int]) -> Column:
    table = np.zeros(_MAX_KIND, np.int64)
    for names, value in rows.items():
        for name in names.split():
            table[_KINDS[name]] = value
    return table


# What a node takes from the columns: the table at the head of graph.proto.
_BLOBS = "BIG_INT STRING BYTES BYTE_ARRAY DTYPE LAYOUT DEVICE NUMPY_DTYPE"
_HAS_COUNT = _table({_BLOBS + " LIST TUPLE SET FROZEN_SET SIZE DICT ORDERED_DICT RECORD SPARSE_TENSOR META_TENSOR": 1})
_REFS_EACH = _table({"LIST TUPLE SET FROZEN_SET SIZE": 1, "DICT ORDERED_DICT": 2})
_REFS_FIXED = _table({"ORDERED_DICT RECORD": 1, "STREAM ATTRIBUTED SCALAR": 2, "META_TENSOR": 3, "SPARSE_TENSOR NESTED_TENSOR": 4})
_LINKS = _table({"TENSOR SYMBOL ARRAY": 1, "STORAGE": 2})
_INTS = _table({"INT": 1})
_FLOATS = _table({"FLOAT": 1, "COMPLEX": 2})
_BLOB = _table({_BLOBS: 1})
_KNOWN = np.zeros(_MAX_KIND, bool)
_KNOWN[[number for name, number in _KINDS.items() if name != "UNSPECIFIED"]] = True
_NO_NODES = np.empty(0, np.int64)
_PARTS = np.array([bin(bits & 0xFF & ~_NO_REF).count("1") for bits in range(_MAX_KIND)], np.int64)


def _misfit() -> DaemonError:
    return DaemonError("the tables in the daemon's answer do not fit together")


def _starts(taken: Column, available: int) -> Column:
    """Where each node's values begin in a column that holds `available`."""
    ends = np.cumsum(taken)
    if (int(ends[-1]) if len(ends) else 0) != available:
        raise _misfit()
    return ends - taken


class Nodes:
    """The value graph: for each node its kind, its count, and where its values begin in each column."""

    def __init__(self, pieces: Pieces) -> None:
        self.kinds: Column = np.frombuffer(pieces.blob("kinds"), np.uint8)
        counts = pieces.numbers("counts").astype(np.int64)
        self.refs: Column = pieces.numbers("refs").astype(np.int64)
        self.links: Column = pieces.numbers("links").astype(np.int64)
        self.ints: Column = pieces.numbers("ints")
        self.floats: Column = pieces.numbers("floats")
        self.blob: bytes = pieces.blob("blob")
        kinds = self.kinds
        counted = _HAS_COUNT[kinds].astype(bool)
        if not _KNOWN[kinds].all() or int(counted.sum()) != len(counts):
            raise _misfit()
        self.count: Column = np.zeros(len(kinds), np.int64)
        self.count[counted] = counts
        refs_taken = _REFS_FIXED[kinds] + _REFS_EACH[kinds] * self.count
        records = np.flatnonzero(kinds == _KINDS["RECORD"])
        if len(records):
            refs_taken[records] += _PARTS[self.count[records] & 0xFF]
        self.ref_start: Column = _starts(refs_taken, len(self.refs))
        self.ref_end: Column = self.ref_start + refs_taken
        self.link_start: Column = _starts(_LINKS[kinds], len(self.links))
        self.int_start: Column = _starts(_INTS[kinds], len(self.ints))
        self.float_start: Column = _starts(_FLOATS[kinds], len(self.floats))
        self.blob_start: Column = _starts(_BLOB[kinds] * self.count, len(self.blob))
        if len(self.refs) and int(self.refs.max()) >= len(kinds):
            raise _misfit()
        self._present = frozenset(np.flatnonzero(np.bincount(kinds)).tolist())

    def __len__(self) -> int:
        return len(self.kinds)

    def has(self, name: str) -> bool:
        """Whether there is a node of that kind."""
        return _KINDS[name] in self._present

    def of_kind(self, name: str) -> Column:
        """The nodes of a kind, ascending."""
        return np.flatnonzero(self.kinds == _KINDS[name]) if self.has(name) else _NO_NODES

    def is_kind(self, node: int, name: str) -> bool:
        """Whether the node is of that kind."""
        return bool(self.kinds[node] == _KINDS[name])

    def children(self, node: int) -> List[int]:
        """All that the node refers to, in order."""
        found: List[int] = self.refs[self.ref_start[node]:self.ref_end[node]].tolist()
        return found

    def text(self, node: int) -> bytes:
        """The bytes of a string, of bytes, of a big integer or of a name."""
        start = int(self.blob_start[node])
        return self.blob[start:start + int(self.count[node])]

    def link(self, node: int, at: int = 0) -> int:
        """An index in another table."""
        return int(self.links[self.link_start[node] + at])


class Tensors:
    """Tensors, column by column; dims of tensor i are shape[dim_start[i]:dim_start[i] + rank[i]]."""

    def __init__(self, pieces: Pieces) -> None:
        self.storage: List[int] = pieces.numbers("storage").tolist()
        self.dtype: List[int] = pieces.numbers("dtype").tolist()
        self.flags: List[int] = pieces.numbers("flags").tolist()
        self.offset: List[int] = pieces.numbers("offset").tolist()
        rank = pieces.numbers("rank").astype(np.int64)
        self.shape: List[int] = pieces.numbers("shape").tolist()
        self.stride: List[int] = pieces.numbers("stride").tolist()
        self.dim_start: List[int] = _starts(rank, len(self.shape)).tolist()
        self.rank: List[int] = rank.tolist()
        self.quantization: Dict[int, Any] = {}
        for raw in pieces.raw("quantization"):
            row = tensor_pb2.Quantization.FromString(bytes(raw))
            self.quantization[row.tensor] = row
        columns: Tuple[List[int], ...] = (self.storage, self.flags, self.offset, self.rank)
        if any(len(column) != len(self.dtype) for column in columns) or len(self.shape) != len(self.stride):
            raise _misfit()

    def __len__(self) -> int:
        return len(self.dtype)

    def reach(self) -> Column:
        """Elements from the start of its storage to the end of each tensor's last one; exact up to 2^53, and never less than that beyond."""
        owner = np.repeat(np.arange(len(self)), np.array(self.rank, np.int64))
        shape, stride = np.array(self.shape, np.float64), np.array(self.stride, np.float64)
        last = np.array(self.offset, np.float64) + np.bincount(owner, (shape - 1) * stride, len(self))
        empty = np.bincount(owner, shape == 0, len(self)) > 0
        made: Column = np.where(empty, 0, last + 1)
        return made

    def shape_of(self, tensor: int) -> Tuple[int, ...]:
        """Elements in each dimension."""
        start = self.dim_start[tensor]
        return tuple(self.shape[start:start + self.rank[tensor]])

    def stride_of(self, tensor: int) -> Tuple[int, ...]:
        """Elements from one to the next in each dimension."""
        start = self.dim_start[tensor]
        return tuple(self.stride[start:start + self.rank[tensor]])


class Storages:
    """Storages, column by column."""

    def __init__(self, pieces: Pieces, devices: List[str]) -> None:
        self.place: List[int] = pieces.numbers("place").tolist()
        self.offset: List[int] = pieces.numbers("offset").tolist()
        self.nbytes: List[int] = pieces.numbers("nbytes").tolist()
        #: Of the bytes, plus 2^32, where the file has one; else 0.
        self.crc32: List[int] = pieces.numbers("crc32").tolist()
        device = pieces.numbers("device").tolist()
        lengths = {len(column) for column in (self.place, self.offset, self.nbytes, self.crc32, device)}
        if any(index >= len(devices) for index in device) or len(lengths) != 1:
            raise _misfit()
        self.device: List[str] = [devices[index] for index in device]

    def __len__(self) -> int:
        return len(self.nbytes)


def _cut(texts: bytes, lengths: Column) -> List[str]:
    """Texts that stand one after the other."""
    sizes = lengths.astype(np.int64)
    starts = _starts(sizes, len(texts))
    return [str(texts[start:end], "utf-8") for start, end in zip(starts.tolist(), (starts + sizes).tolist())]


class Entries:
    """Tensors by name, in the order of the file. Those without data have a node instead."""

    def __init__(self, pieces: Pieces, tensors: int, nodes: Nodes) -> None:
        self.name: List[str] = _cut(pieces.blob("names"), pieces.numbers("name_bytes"))
        self.tensor: List[int] = pieces.numbers("tensor").tolist()
        self.meta_name: List[str] = _cut(pieces.blob("meta_names"), pieces.numbers("meta_name_bytes"))
        self.meta_node: List[int] = pieces.numbers("meta_node").tolist()
        self.meta_at: List[int] = pieces.numbers("meta_at").tolist()
        if len(self.name) != len(self.tensor) or not len(self.meta_name) == len(self.meta_node) == len(self.meta_at):
            raise _misfit()
        if any(number >= tensors for number in self.tensor):
            raise _misfit()
        if any(node >= len(nodes) or not nodes.is_kind(node, "META_TENSOR") for node in self.meta_node):
            raise _misfit()


def _symbol(raw: memoryview) -> Symbol:
    row = inventory_pb2.Symbol.FromString(bytes(raw))
    kind_name = inventory_pb2.SymbolClass.Name(getattr(row, "class"))
    return Symbol(row.module, row.name, word(kind_name, "SYMBOL_CLASS_"), row.uses, row.would_call, row.first_offset, row.level)


def _finding(raw: memoryview) -> Finding:
    row = inventory_pb2.Finding.FromString(bytes(raw))
    return Finding(row.id, word(inventory_pb2.Severity.Name(row.severity), "SEVERITY_"), row.message, row.where, row.offset)


class Plan:
    """What a load answers before its data, assembled from its pieces."""

    def __init__(self) -> None:
        self._pieces: Dict[str, Pieces] = {
            "graph": Pieces(graph_pb2.GraphColumns.DESCRIPTOR), "tensors": Pieces(tensor_pb2.TensorColumns.DESCRIPTOR),
            "storages": Pieces(tensor_pb2.StorageColumns.DESCRIPTOR), "entries": Pieces(tensor_pb2.Entries.DESCRIPTOR),
        }
        self._numbers = {field.number: field.name for field in plan_pb2.PlanChunk.DESCRIPTOR.fields}
        self._devices: List[str] = []
        self.symbols: List[Symbol] = []
        self.findings: List[Finding] = []

    def add(self, piece: memoryview) -> None:
        """The next PlanChunk, as it stands on the wire."""
        for number, _, value in _wire.fields(piece):
            name = self._numbers.get(number)
            if name in self._pieces:
                self._pieces[name].add(value)
            elif name == "devices":
                self._devices.append(str(value, "utf-8"))
            elif name == "symbols":
                self.symbols.append(_symbol(value))
            elif name == "findings":
                self.findings.append(_finding(value))

    def finish(self, report: report_pb2.Report) -> None:
        """Reads the columns. After it the tables are there."""
        totals = report.totals
        self.nodes = Nodes(self._pieces["graph"])
        self.tensors = Tensors(self._pieces["tensors"])
        self.storages = Storages(self._pieces["storages"], self._devices)
        found = (len(self.nodes), len(self.tensors), len(self.storages), len(self.symbols), len(self.findings))
        if found != (totals.nodes, totals.tensors, totals.storages, totals.symbols, totals.findings) or not found[0]:
            raise DaemonError("the daemon's answer is not as long as its report says")
        if sum(self.storages.nbytes) != totals.payload_bytes:
            raise _misfit()
        self._check_links()
        self._check_tensors()

    def _check_links(self) -> None:
        nodes = self.nodes
        for names, size in (("TENSOR ARRAY", len(self.tensors)), ("STORAGE", len(self.storages)), ("SYMBOL", len(self.symbols))):
            for name in names.split():
                links = nodes.links[nodes.link_start[nodes.of_kind(name)]]
                if len(links) and int(links.max()) >= size:
                    raise _misfit()
        if (nodes.links[nodes.link_start[nodes.of_kind("STORAGE")] + 1] >= len(_BYTES)).any():
            raise _misfit()

    def _check_tensors(self) -> None:
        """Every element of a tensor lies in its storage: numpy's views are not checked by numpy."""
        tensors, storages = self.tensors, np.array(self.storages.nbytes, np.float64)
        storage, dtype = np.array(tensors.storage, np.int64), np.array(tensors.dtype, np.int64)
        if not ((storage < len(storages)).all() and (dtype < len(_BYTES)).all() and _BYTES[dtype].all()):
            raise _misfit()
        reach = np.ceil(tensors.reach() * _BYTES[dtype])
        if not ((reach <= storages[storage]) & (reach <= _MAX_EXACT)).all():
            raise _misfit()
        for row in tensors.quantization.values():
            if max(row.tensor, row.per_channel.scales, row.per_channel.zero_points) >= len(tensors):
                raise _misfit()

    def index_storages(self) -> Set[int]:
        """Storages that indices lie in, of sparse and nested tensors: whoever follows them relies on what was checked."""
        nodes, found = self.nodes, set()
        for name, parts in (("SPARSE_TENSOR", slice(0, 2)), ("NESTED_TENSOR", slice(1, 4))):
            for node in nodes.of_kind(name).tolist():
                found |= {self.tensors.storage[nodes.link(part)] for part in nodes.children(node)[parts] if nodes.is_kind(part, "TENSOR")}
        return found

    def entries(self) -> Entries:
        """The tensors by name; read only where asked for."""
        return Entries(self._pieces["entries"], len(self.tensors), self.nodes)
