"""Columns read by numpy are what protobuf's own runtime reads; what is no message is an error."""
import random
import unittest

import package
from airlock import _wire
from airlock.v1 import graph_pb2, tensor_pb2


class Columns(unittest.TestCase):
    def test_numbers_are_those_of_the_runtime(self):
        rng = random.Random(5)
        for size in (0, 1, 2, 1000):
            graph = graph_pb2.GraphColumns(
                kinds=bytes(rng.randrange(1, 30) for _ in range(size)), blob=rng.randbytes(size),
                counts=[rng.choice((0, 1, 127, 128, 2**32 - 1)) for _ in range(size)], refs=[rng.getrandbits(rng.randrange(33)) for _ in range(size)],
                ints=[rng.choice((-1, 1)) * rng.getrandbits(rng.randrange(64)) for _ in range(size)] + [-2**63, 2**63 - 1],
                floats=[rng.random() for _ in range(size)] + [float("inf")])
            pieces = _wire.Pieces(graph_pb2.GraphColumns.DESCRIPTOR)
            pieces.add(memoryview(graph.SerializeToString()))
            self.assertEqual(pieces.blob("kinds"), graph.kinds)
            for name in ("counts", "refs", "links", "ints", "floats"):
                self.assertEqual(pieces.numbers(name).tolist(), list(getattr(graph, name)), name)

    def test_pieces_are_joined(self):
        tensors = [tensor_pb2.TensorColumns(shape=[1, 2**63], dtype=[9]), tensor_pb2.TensorColumns(shape=[3], dtype=[1, 2])]
        pieces = _wire.Pieces(tensor_pb2.TensorColumns.DESCRIPTOR)
        for part in tensors:
            pieces.add(memoryview(part.SerializeToString()))
        self.assertEqual(pieces.numbers("shape").tolist(), [1, 2**63, 3])
        self.assertEqual(pieces.numbers("dtype").tolist(), [9, 1, 2])

    def test_what_is_no_message_is_an_error(self):
        for broken in (b"\x0a\x05ab", b"\x0a", b"\xff" * 12, b"\x0b", b"\x09abc"):
            with self.assertRaises(_wire.WireError, msg=broken):
                list(_wire.fields(broken))
        for endless in (b"\x80", b"\x80" * 11 + b"\x01"):
            with self.assertRaises(_wire.WireError):
                _wire.varints(endless)


package.main()
