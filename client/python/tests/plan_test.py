"""What a plan says is checked before it is followed: no index leads out of its table, no tensor out of its storage."""
import unittest

import package
import airlock
from airlock._plan import Plan
from airlock.v1 import graph_pb2, plan_pb2, report_pb2, tensor_pb2

TENSOR, STORAGE, META = graph_pb2.NODE_KIND_TENSOR, graph_pb2.NODE_KIND_STORAGE, graph_pb2.NODE_KIND_META_TENSOR


def chunk():
    """A tensor of 2 x 3 reals in a storage of 24 bytes."""
    return plan_pb2.PlanChunk(
        graph=graph_pb2.GraphColumns(kinds=bytes([TENSOR]), links=[0]),
        tensors=tensor_pb2.TensorColumns(storage=[0], dtype=[tensor_pb2.DTYPE_FLOAT32], flags=[0], offset=[0], rank=[2], shape=[2, 3], stride=[3, 1]),
        storages=tensor_pb2.StorageColumns(place=[tensor_pb2.PLACE_INPUT], offset=[64], nbytes=[24], device=[0], crc32=[0]), devices=["cpu"],
        entries=tensor_pb2.Entries(names=b"w", name_bytes=[1], tensor=[0]))


def read(piece):
    plan = Plan()
    plan.add(memoryview(piece.SerializeToString()))
    report = report_pb2.Report()
    report.totals.nodes, report.totals.tensors = len(piece.graph.kinds), len(piece.tensors.dtype)
    report.totals.storages, report.totals.payload_bytes = len(piece.storages.nbytes), sum(piece.storages.nbytes)
    plan.finish(report)
    plan.entries()
    return plan


def tensor(**columns):
    def change(piece):
        for name, value in columns.items():
            getattr(piece.tensors, name)[:] = value

    return change


def packed(dtype, elements):
    return tensor(dtype=[dtype], rank=[1], shape=[elements], stride=[1])


WRONG = {
    "a row more": tensor(shape=[3, 3]), "a column more": tensor(shape=[2, 4]), "an offset": tensor(offset=[1]), "a stride": tensor(stride=[4, 1]),
    "a wider element": tensor(dtype=[tensor_pb2.DTYPE_FLOAT64]), "a stride that wraps": tensor(stride=[2**63, 2**63]),
    "a shape that wraps": tensor(shape=[2**32, 2**32], stride=[2**32, 1]), "an offset that wraps": tensor(offset=[2**64 - 1]),
    "no element type": tensor(dtype=[0]), "an element type that is none": tensor(dtype=[200]), "another storage": tensor(storage=[1]),
    "packed, one more": packed(tensor_pb2.DTYPE_QUINT4X2, 49), "fewer offsets": tensor(offset=[]), "fewer strides": tensor(stride=[1]),
    "no checksum": lambda piece: piece.storages.ClearField("crc32"), "no place": lambda piece: piece.storages.ClearField("place"),
    "no offset of a storage": lambda piece: piece.storages.ClearField("offset"),
    "another device": lambda piece: piece.storages.device.__setitem__(0, 1), "another tensor": lambda piece: piece.graph.links.__setitem__(0, 1),
    "a name of no tensor": lambda piece: piece.entries.tensor.__setitem__(0, 1),
    "a name beyond the names": lambda piece: piece.entries.name_bytes.__setitem__(0, 2),
    "a name of no tensor without data": lambda piece: piece.entries.MergeFrom(
        tensor_pb2.Entries(meta_names=b"m", meta_name_bytes=[1], meta_node=[0], meta_at=[0])),
    "numbers of no tensor": lambda piece: piece.tensors.quantization.add(tensor=1),
    "scales in no tensor": lambda piece: piece.tensors.quantization.add(tensor=0, per_channel=tensor_pb2.PerChannel(scales=1)),
    "a storage of no type": lambda piece: piece.graph.CopyFrom(graph_pb2.GraphColumns(kinds=bytes([STORAGE]), links=[0, 200])),
    "a ref to no node": lambda piece: piece.graph.CopyFrom(graph_pb2.GraphColumns(kinds=bytes([graph_pb2.NODE_KIND_LIST]), counts=[1], refs=[1])),
    "a kind that is none": lambda piece: piece.graph.CopyFrom(graph_pb2.GraphColumns(kinds=bytes([250]))),
}
RIGHT = {
    "as it is": tensor(), "empty, wherever it is": tensor(shape=[0, 2**40], offset=[2**40]),
    "a scalar at the end": tensor(rank=[0], shape=[], stride=[], offset=[5]),
    "one row, whatever the step": tensor(shape=[1, 3], stride=[2**63, 1]), "expanded": tensor(shape=[2**40, 6], stride=[0, 1]),
    "packed": packed(tensor_pb2.DTYPE_QUINT4X2, 48), "packed by four": packed(tensor_pb2.DTYPE_QUINT2X4, 95)}


class Tables(unittest.TestCase):
    def test_what_fits(self):
        for name, change in RIGHT.items():
            piece = chunk()
            change(piece)
            self.assertEqual(len(read(piece).tensors), 1, name)

    def test_what_does_not(self):
        for name, change in WRONG.items():
            piece = chunk()
            change(piece)
            with self.assertRaises(airlock.DaemonError, msg=name):
                read(piece)


package.main()
