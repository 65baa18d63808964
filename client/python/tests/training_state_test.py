"""training_state.json of hostile files: what is shared stays small, what is long is a limit, and what comes back is what was taken apart."""
import io
import json
import os
import time
import unittest.mock

import package
import airlock

if not package.HAS_TORCH:
    package.skip("this Python has no torch (apt-get install python3-torch)")
import torch
from airlock import _safetensors, _state_reader, _state_writer

PAIRS = b"\x80\x02](K\x01\x85q\x00" + 60 * b"h\x00h\x00\x86q\x00" + b"h\x00h\x00e."


def written(value):
    """What the writer makes of a value, as text, and what the reader makes of that."""
    writer = _state_writer.Writer()
    text = _state_writer.dumps(writer.write([value])[0])
    document = json.loads(text)
    return text, _state_reader.Reader(document, writer.tensors, {}).read(document)


def loaded(data):
    return airlock.load(io.BytesIO(data), framework="numpy")


class Shared(package.Folder):
    def test_pairs_of_one_pair_stay_small(self):
        """2^60 values, were they written one by one."""
        text, again = written(loaded(PAIRS))
        self.assertLess(len(text), 50_000)
        self.assertIs(again[-1], again[-2])
        pair, levels = again[-1], 0
        while len(pair) == 2:
            self.assertIs(pair[0], pair[1])
            pair, levels = pair[0], levels + 1
        self.assertEqual((pair, levels), ((1,), 60))

    def test_pairs_of_one_pair_in_a_file(self):
        """All the way: file, folder, and back."""
        path = self.write("bomb.pkl", b"\x80\x02}(X\x05\x00\x00\x00stateq\x01" + PAIRS[2:-1] + b"X\x05\x00\x00\x00model}X\x01\x00\x00\x00wNsu.")
        value = {**airlock.load(path, "cpu"), "model": {"w": torch.ones(1)}}
        with unittest.mock.patch.object(airlock._convert._load, "load", lambda *_, **__: value):
            airlock.convert(path, self.folder / "split", split=True)
        self.assertLess((self.folder / "split" / "training_state.json").stat().st_size, 50_000)
        again = airlock.load_training_state(self.folder / "split")["state"]
        self.assertIs(again[-1], again[-2])

    def test_frozen_sets(self):
        one = frozenset([1, 2])
        text, again = written([one, (one, frozenset([one])), [one]])
        self.assertEqual(text.count(b"$frozenset"), 2)
        self.assertIs(again[0], again[1][0])
        self.assertIs(again[0], again[2][0])
        self.assertIs(next(iter(again[1][1])), again[0])

    def test_tuples_that_hold_themselves(self):
        """By way of a list, a dict, a namespace, a record: the tuple is there before they are filled."""
        items = []
        ring = (items, (items, 1), {})
        items.append(ring)
        ring[2]["ring"] = ring
        for root in (ring, items, {"a": [items], "b": ring}, [[ring], ring]):
            text, again = written(root)
            self.assertLess(len(text), 1000)
            while not isinstance(again, tuple):
                again = again[0] if isinstance(again, list) else again["b"]
            self.assertIs(again[0][0], again)
            self.assertIs(again[1][0], again[0])
            self.assertIs(again[2]["ring"], again)

    def test_what_is_met_before_it_is_told(self):
        """A document may refer to what stands further down."""
        document = [{"$ref": 0}, [{"$shared": 0, "value": {"$tuple": [1]}}]]
        again = _state_reader.Reader(document, {}, {}).read(document)
        self.assertIs(again[0], again[1][0])

    def test_nothing_is_not_shared(self):
        text, again = written([(), (), [()], frozenset(), frozenset()])
        self.assertEqual(again, [(), (), [()], frozenset(), frozenset()])
        self.assertNotIn(b"$shared", text)

    def test_tensors_stand_once(self):
        for tensor in (torch.ones(3), torch.eye(3).to_sparse(), torch.ones(2, dtype=torch.complex64)):
            writer = _state_writer.Writer()
            document = writer.write([[tensor] * 1000])[0]
            self.assertLessEqual(len(writer.tensors), 2)
            again = _state_reader.Reader(document, dict(writer.tensors), {}).read(document)
            self.assertIs(again[0], again[999])

    def test_names_of_tensors_of_one_path(self):
        """Keys have no path of their own: their tensors' names differ in a number, and stay short."""
        writer = _state_writer.Writer()
        writer.write([{"a": {torch.ones(1): 1 for _ in range(1000)}}])
        self.assertEqual(len(writer.tensors), 1000)
        self.assertLess(max(map(len, writer.tensors)), 10)


class Limits(unittest.TestCase):
    def test_text_together(self):
        """One long string, met again and again, is long each time."""
        for value, size in ((["x" * 1000] * 100, 100_000), ({"k" * 1000: {"k" * 1000: 1}}, 2000), ([b"\0" * 750] * 10, 10_000),
                            ([2**15000] * 10, 37_530), ([torch.Size([1] * 1000)] * 10, 10_000), ({("k" * 1000,): 1}, 1000)):
            with unittest.mock.patch.object(_state_writer, "_MAX_TEXT", size - 1), self.assertRaises(airlock.LimitError, msg=size) as caught:
                _state_writer.Writer().write([value])
            self.assertEqual(caught.exception.reason, "LIMIT_EXCEEDED")
            with unittest.mock.patch.object(_state_writer, "_MAX_TEXT", size + size // 20 + 20):
                _state_writer.Writer().write([value])

    def test_names_of_tensors_are_text_too(self):
        value = {"k" * 1000: {"k" * 1000: torch.ones(1)}}
        with unittest.mock.patch.object(_state_writer, "_MAX_TEXT", 3000), self.assertRaises(airlock.LimitError):
            _state_writer.Writer().write([value])

    def test_depth_is_text_too(self):
        """Every line is indented."""
        value = [1] * 1000
        for _ in range(50):
            value = [value]
        with unittest.mock.patch.object(_state_writer, "_MAX_TEXT", 50_000), self.assertRaises(airlock.LimitError):
            _state_writer.Writer().write([value])
        with unittest.mock.patch.object(_state_writer, "_MAX_TEXT", 53_000):
            _state_writer.Writer().write([value])

    def test_depth(self):
        value = []
        for _ in range(100_000):
            value = [value]
        with self.assertRaises(airlock.LimitError):
            _state_writer.Writer().write([value])

    def test_tensors_that_are_larger_than_their_data(self):
        with self.assertRaises(airlock.LimitError):
            _safetensors.File({"w": torch.ones(1).expand(1 << 40)})
        with self.assertRaises(airlock.LimitError):
            _safetensors.File({str(number): torch.ones(1 << 20)[:] if number < 0 else tensor for tensor in [torch.ones(1 << 20)]
                                  for number in range(1000)})
        _safetensors.File({"w": torch.ones(1).expand(1000), "v": torch.ones(3)})


class Documents(unittest.TestCase):
    """A document is anybody's."""

    def refused(self, document, kind):
        start = time.process_time()
        with self.assertRaises(kind):
            _state_reader.Reader(document, {}, {}).read(document)
        self.assertLess(time.process_time() - start, 10)

    def pairs(self, levels, width):
        rows = [{"$shared": 0, "value": {"$tuple": [1]}}]
        return rows + [{"$shared": level, "value": {"$tuple": [{"$ref": level - 1}] * width}} for level in range(1, levels)]

    def test_keys_that_would_take_too_long_to_hash(self):
        for levels, width in ((60, 2), (5000, 1)):
            for key in ({"$dict": [[{"$ref": levels - 1}, 1]]}, {"$set": [{"$ref": levels - 1}]}, {"$frozenset": [{"$ref": levels - 1}]},
                        {"$counter": [[{"$ref": levels - 1}, 1]]}, {"$ordered_dict": [[{"$ref": levels - 1}, 1]]}):
                self.refused([*self.pairs(levels, width), key], airlock.LimitError)

    def test_rings_that_cannot_be(self):
        for document in ({"$shared": 0, "value": {"$tuple": [{"$ref": 0}]}}, {"$shared": 0, "value": {"$ref": 0}},
                         [{"$shared": 0, "value": []}, {"$shared": 0, "value": []}]):
            self.refused(document, airlock.MalformedError)

    def test_long_numbers_that_are_hashed(self):
        number = {"$shared": 0, "value": {"$tuple": [{"$int": "0x" + "7" * 1_000_000}]}}
        for form in ({"$set": [{"$ref": 0}]}, {"$dict": [[{"$tuple": [{"$ref": 0}]}, 1]]}):
            self.refused([number, *[form] * 2000], airlock.LimitError)

    def test_scalars_that_are_none(self):
        for kind, value in (("|V8", 2_000_000_000), ("|O", [1]), ("<f4", "1"), ("|S5", 5), ("<U2", {"$int": "0x" + "7" * 1_000_000})):
            self.refused({"$scalar": kind, "value": value}, airlock.MalformedError)

    def test_names_that_libraries_obey(self):
        interface = {"data": [4096, False], "shape": [8], "typestr": "|u1", "version": 3}
        self.refused({"$namespace": [["__array_interface__", interface]], "class": "types.SimpleNamespace"}, airlock.MalformedError)
        document = {"$ordered_dict": [], "attributes": {"__array_interface__": interface, "kept": 1}}
        self.assertEqual(vars(_state_reader.Reader(document, {}, {}).read(document)), {"kept": 1})

    def test_long_numbers(self):
        self.refused({"$int": "9" * 2_000_000}, airlock.MalformedError)
        self.assertEqual(written(-2**60000)[1], -2**60000)


class Folders(package.Folder):
    def test_a_pipe_for_a_document(self):
        os.mkfifo(self.folder / "training_state.json")
        with self.assertRaises(airlock.MalformedError):
            airlock.load_training_state(self.folder)

    def test_weights_that_are_called_like_a_form(self):
        state = {"$shared": torch.nn.Parameter(torch.ones(1)), "w": torch.ones(2)}
        path = self.write("a.pt", package.saved({"state_dict": state, "epoch": 3}))
        airlock.convert(path, self.folder / "split", split=True)
        got = airlock.load_training_state(self.folder / "split")
        self.assertEqual((list(got["state_dict"]), got["epoch"]), (["$shared", "w"], 3))


package.main()
