"""Hostile sets of files, and the verdict that each must get: by path and by upload. No loader ever sees them; payloads are harmless words."""
import json
import os
import pathlib
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import dcp_folder
import payloads
from judge import TIGHT, DaemonTest
from payloads import MARKER, PROTO, symbol

EXITS = {"clean": 0, "unknown_types": 0, "dangerous": 1, "refused": 1}
CALL = symbol("os", "system") + MARKER + b"\x85R"
INDEX = "model.safetensors.index.json"


def shard(*names):
    header = {name: {"dtype": "U8", "shape": [1], "data_offsets": [i, i + 1]} for i, name in enumerate(names)}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(len(names))


def index(weight_map):
    return json.dumps({"metadata": {}, "weight_map": weight_map}).encode()


def indexed(weight_map, **more):
    text = weight_map if isinstance(weight_map, bytes) else index(weight_map)
    return {"1.safetensors": shard("x"), "2.safetensors": shard("y"), INDEX: text, **more}


def stretched(folder, file, row, **change):
    """A good folder with one place changed."""
    first = [("w", (0, 0), "__0_0.distcp", 0, len(folder["__0_0.distcp"])), ("w", (1, 0), "__1_0.distcp", 0, len(folder["__1_0.distcp"]))]
    first[row] = (*first[row][:2], file, change.get("start", 0), change.get("length", first[row][4]))
    return dcp_folder.sharded(places=first)


GOOD_DCP = dcp_folder.sharded()
# name: (files, reason); the verdict follows from the reason.
INDICES = {
    "up": (indexed({"x": "../1.safetensors"}), "NAME_LEAVES_FOLDER"), "absolute": (indexed({"x": "/etc/passwd"}), "NAME_LEAVES_FOLDER"),
    "below": (indexed({"x": "sub/1.safetensors"}), "NAME_LEAVES_FOLDER"), "backslash": (indexed({"x": "..\\1.safetensors"}), "NAME_LEAVES_FOLDER"),
    "drive": (indexed({"x": "c:1.safetensors"}), "NAME_LEAVES_FOLDER"), "dots": (indexed({"x": ".."}), "NAME_LEAVES_FOLDER"),
    "missing": (indexed({"x": "3.safetensors"}), "SET_MALFORMED"), "wrong-shard": (indexed({"x": "2.safetensors"}), "SET_MALFORMED"),
    "no-such-tensor": (indexed({"z": "2.safetensors"}), "SET_MALFORMED"), "number": (indexed(b'{"weight_map": {"x": 1}}'), "SET_MALFORMED"),
    "name-twice": (indexed(b'{"weight_map": {"x": "1.safetensors", "x": "2.safetensors"}}'), "SET_AMBIGUOUS"),
    "map-twice": (indexed(b'{"weight_map": {"x": "1.safetensors"}, "weight_map": {"y": "2.safetensors"}}'), "SET_AMBIGUOUS"),
    "in-two-shards": (indexed({"x": "1.safetensors", "z": "3.safetensors"}, **{"3.safetensors": shard("x", "z")}), "SET_AMBIGUOUS"),
    "itself": (indexed({"x": INDEX}), "NEEDS_FOLDER"), "deep": (indexed(b'{"metadata": ' + b"[" * 10**5 + b"]" * 10**5 + b', "weight_map": {}}'), "LIMIT_EXCEEDED"),
    "bad-shard": (indexed({"x": "1.safetensors", "z": "3.safetensors"}, **{"3.safetensors": shard("z") + b"more"}), "TRAILING_BYTES"),
}
FOLDERS = {
    "not-metadata": ({**GOOD_DCP, ".metadata": PROTO + b"}."}, "SET_MALFORMED"),
    "overlap": (dcp_folder.sharded(chunks=[((0, 0), (1, 3)), ((0, 0), (3, 3))]), "SET_MALFORMED"),
    "hole": (dcp_folder.sharded(shape=(5, 3)), "SET_MALFORMED"), "outside": (dcp_folder.sharded(shape=(3, 3)), "SET_MALFORMED"),
    "overflow": (dcp_folder.sharded(shape=(2**62, 2**62)), "SET_MALFORMED"),
    "chunk-overflow": (dcp_folder.sharded(chunks=[((0, 0), (1, 3)), ((2**63 - 1, 0), (3, 3))]), "SET_MALFORMED"),
    "negative": (dcp_folder.sharded(chunks=[((0, 0), (1, 3)), ((-1, 0), (3, 3))]), "SET_MALFORMED"),
    "petabyte": (dcp_folder.sharded(shape=(2**30, 2**20), chunks=[((0, 0), (1, 2**20)), ((1, 0), (2**30 - 1, 2**20))]), "SET_MALFORMED"),
    "up": (stretched(GOOD_DCP, "../__1_0.distcp", 1), "NAME_LEAVES_FOLDER"), "absolute": (stretched(GOOD_DCP, "/etc/passwd", 1), "NAME_LEAVES_FOLDER"),
    "missing": (stretched(GOOD_DCP, "__7_0.distcp", 1), "SET_MALFORMED"),
    "past-the-end": (stretched(GOOD_DCP, "__1_0.distcp", 1, start=2**40), "SET_MALFORMED"),
    "end-overflows": (stretched(GOOD_DCP, "__1_0.distcp", 1, start=1, length=2**63 - 1), "SET_MALFORMED"),
}


class SetAttacks(DaemonTest):
    @classmethod
    def flags(cls):
        return ("--root", cls.directory.name, *TIGHT)

    def folder(self, name, files):
        path = pathlib.Path(self.directory.name, name)
        path.mkdir()
        for file, data in files.items():
            (path / file).write_bytes(data)
        return path

    def both(self, path, command="inspect"):
        """The answers by upload and by path, which must not differ in what they say."""
        answers = [airlock.report("--address", self.daemon.address, *way, command, path) for way in ((), ("--server-path",))]
        said = [(code, answer["verdict"], answer.get("reason")) for code, answer in answers]
        self.assertEqual(said[0], said[1])
        code, answer = answers[0]
        self.assertEqual(code, EXITS.get(answer["verdict"], 2), answer)
        return answer

    def test_good_ones_are_clean(self):
        for name, files in (("good-index", indexed({"y": "2.safetensors", "x": "1.safetensors"})), ("good-dcp", GOOD_DCP)):
            answer = self.both(self.folder(name, files))
            self.assertEqual((answer["verdict"], answer["findings"]), ("clean", []), name)

    def test_indices(self):
        for name, (files, reason) in INDICES.items():
            with self.subTest(name):
                self.assertEqual(self.both(self.folder(f"index-{name}", files)).get("reason"), reason)

    def test_distributed_checkpoints(self):
        for name, (files, reason) in FOLDERS.items():
            with self.subTest(name):
                self.assertEqual(self.both(self.folder(f"dcp-{name}", files)).get("reason"), reason)

    def test_calls_are_seen_wherever_they_stand(self):
        an_object, item = symbol(dcp_folder.MODULE, "BytesStorageMetadata") + b")\x81", dcp_folder.item(PROTO + CALL + b".")
        calls = {
            "metadata": {**GOOD_DCP, ".metadata": PROTO + CALL + b"."},
            "storage-meta": dcp_folder.sharded(storage_meta=CALL),
            "item": {".metadata": dcp_folder.metadata({"o": an_object}, [dcp_folder.place("o", None, "__0_0.distcp", 0, len(item))]), "__0_0.distcp": item},
            "shard": {"a.bin": payloads.in_zip(PROTO + b"}" + CALL + b"0."), "a.bin.index.json": index({"x": "a.bin"})},
        }
        for name, files in calls.items():
            with self.subTest(name):
                self.assertEqual(self.both(self.folder(f"call-{name}", files))["verdict"], "dangerous")

    def test_links_are_not_followed_by_the_daemon(self):
        """A folder that others can write to: a link in it leads nowhere."""
        path = self.folder("links", {INDEX: index({"x": "1.safetensors"})})
        outside = pathlib.Path(self.directory.name, "outside.safetensors")
        outside.write_bytes(shard("x"))
        os.symlink(outside, path / "1.safetensors")
        code, answer = airlock.report("--address", self.daemon.address, "--server-path", "load", path)
        self.assertEqual((code, answer["reason"]), (2, "SET_MALFORMED"))
        # To the user's own client the user's own links are files.
        self.assertEqual(airlock.report("--address", self.daemon.address, "load", path)[0], 0)

    def test_too_many_files(self):
        path = self.folder("many", {f"{i}.bin": b"" for i in range(251)})
        answer = self.both(path)
        self.assertEqual(answer["reason"], "LIMIT_EXCEEDED")
        (path / "0.bin").unlink()
        self.assertEqual(self.both(path)["reason"], "NOT_A_CHECKPOINT")

    def test_a_file_that_is_called_otherwise_has_no_neighbours_sent(self):
        path = self.folder("called", {"model.pt": index({"x": "1.safetensors"}), "1.safetensors": shard("x")})
        code, answer = airlock.report("--address", self.daemon.address, "load", path / "model.pt")
        self.assertEqual((code, answer["reason"]), (2, "NEEDS_FOLDER"))


if __name__ == "__main__":
    unittest.main()
