"""Files of which much has to be inflated or swapped: several workers share it, and what comes out is what one makes of it."""
import hashlib
import io
import os
import pathlib
import random
import struct
import sys
import tempfile
import unittest
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import torch_zip

COUNT = 6
ELEMENTS = 4 << 20  # 16 MiB: all but one are more than one worker moves alone
TENSORS = [torch_zip.Tensor(f"layer{i}.weight", ELEMENTS, random.Random(i).randbytes(64 << 10)) for i in range(COUNT)]
SHARED = len(os.sched_getaffinity(0)) > 1


def contents(tensor):
    return b"".join(tensor.blocks())


def packed(data):
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def add(writer, key, tensor, deflate=True, wrong_crc=False, broken=False):
    data = contents(tensor)
    stream = packed(data) if deflate else data
    if broken:
        stream = b"\xff" * 8 + stream[8:]
    writer.add(f"data/{key}", len(data), zlib.crc32(data) ^ wrong_crc, lambda out: out.write(stream), len(stream) if deflate else None)


def write(path, big_endian=False, deflate=True, wrong_crc=None, broken=None):
    with open(path, "wb") as file:
        writer = torch_zip.Writer(file)
        writer.bytes("data.pkl", torch_zip.pickled(TENSORS))
        writer.bytes("byteorder", b"big" if big_endian else b"little")
        for key, tensor in enumerate(TENSORS):
            add(writer, key, tensor, deflate, wrong_crc=key == wrong_crc, broken=key == broken)
        writer.bytes("version", b"3\n")
        writer.finish()
    return path


def digests(tensors, swap=False):
    def content(tensor):
        data = bytearray(contents(tensor))
        if swap:
            data[0::4], data[1::4], data[2::4], data[3::4] = data[3::4], data[2::4], data[1::4], data[0::4]
        return data
    return {tensor.name: hashlib.sha256(content(tensor)).hexdigest() for tensor in tensors}


def archive(file, pickle, tensors, broken):
    """A checkpoint of this pickle, whose storages are deflated but for one, which is whole and small."""
    writer = torch_zip.Writer(file)
    writer.bytes("data.pkl", pickle)
    for key, tensor in enumerate(tensors):
        add(writer, key, tensor, broken=broken and key == len(tensors) - 1)
    writer.bytes(f"data/{len(tensors)}", bytes(64))
    writer.bytes("version", b"3\n")
    writer.finish()


def inner(tensors, broken):
    file = io.BytesIO()
    archive(file, torch_zip.pickled(tensors), tensors, broken)
    return file.getvalue()


SMALL = [torch_zip.Tensor("small", 256, bytes(range(256)))]


def pickle_of(values, before=b""):
    return b"\x80\x02" + before + b"}(" + b"".join(torch_zip.text(name) + value for name, value in values.items()) + b"u."


def loaded(stream):
    """What a pickle that asks torch to load these bytes holds."""
    return b"ctorch.storage\n_load_from_bytes\nB" + struct.pack("<I", len(stream)) + stream + b"\x85R"


def write_archive(path, pickle, tensors, broken=False):
    with open(path, "wb") as file:
        archive(file, pickle, tensors, broken)
    return path


# By name: a file that holds data which no tensor of the root needs, and is broken there or not.
UNSEEN = {
    "popped": lambda path, broken: write_archive(
        path, pickle_of({"shown": torch_zip.rebuilt(COUNT, 16)}, b"".join(torch_zip.rebuilt(key, ELEMENTS) + b"0" for key in range(COUNT))),
        TENSORS, broken),
    "popped inside": lambda path, broken: write_archive(
        path, pickle_of({"shown": torch_zip.rebuilt(0, 16)}, loaded(inner(TENSORS, broken)) + b"0"), []),
    "loaded": lambda path, broken: write_archive(
        path, pickle_of({"shown": torch_zip.rebuilt(0, 16), "inside": loaded(inner(SMALL, broken))}), []),
    "loaded beside much": lambda path, broken: write_archive(
        path, pickle_of({"shown": torch_zip.rebuilt(COUNT, 16), "inside": loaded(inner(SMALL, broken)),
                         **{tensor.name: torch_zip.rebuilt(key, tensor.count) for key, tensor in enumerate(TENSORS)}}), TENSORS),
}


@unittest.skipUnless(SHARED, "one processor: nothing is shared")
class Shares(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(dir="/var/tmp")
        cls.path = pathlib.Path(cls.directory.name)
        cls.deflated = write(cls.path / "deflated.pt")
        cls.daemon = airlock.Daemon("--max-loads", 2, *airlock.FIXED_POOL)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.__exit__()
        cls.directory.cleanup()

    def births(self, daemon):
        """Of workers, once as many wait as always do."""
        def ready():
            return airlock.metrics(daemon)["airlock_workers_ready", frozenset()] == 2
        self.assertTrue(airlock.wait_until(ready, 20))
        return airlock.metrics(daemon)["airlock_worker_births_total", frozenset({("result", "ready")})]

    def load(self, path, *flags, workers=3, command="load", daemon=None):
        """(exit code, report) of a load that takes so many workers."""
        daemon = daemon or self.daemon
        before = self.births(daemon)
        answer = airlock.report("--address", daemon.address, command, *flags, path)
        self.assertEqual(self.births(daemon) - before, workers, (path, flags))
        return answer

    def assert_digests(self, answer, expected):
        code, report = answer
        self.assertEqual((code, {t["name"]: t["sha256"] for t in report["tensors"]}), (0, expected))

    def test_what_is_inflated_by_two_is_the_same_mapped_and_streamed(self):
        for flags in ([], ["--copy"]):
            self.assert_digests(self.load(self.deflated, "--digests", "--verify", *flags), digests(TENSORS))

    def test_torch_makes_the_same_of_it(self):
        try:
            import torch
        except ImportError:
            self.skipTest("no torch")
        loaded = torch.load(self.deflated)
        self.assertEqual({name: hashlib.sha256(value.numpy().tobytes()).hexdigest() for name, value in loaded.items()}, digests(TENSORS))

    def test_what_is_swapped_by_two_is_the_same(self):
        for deflate in (False, True):
            path = write(self.path / "big.pt", big_endian=True, deflate=deflate)
            self.assert_digests(self.load(path, "--digests"), digests(TENSORS, swap=True))

    def test_of_chosen_tensors_each_is_inflated_and_by_as_many_as_it_is_worth(self):
        for numbers, workers in (((1, 4), 3), ((5,), 2), (range(COUNT), 3)):
            flags = [part for number in numbers for part in ("--select", f"layer{number}.*")]
            with self.subTest(flags):
                chosen = digests([TENSORS[number] for number in numbers])
                self.assert_digests(self.load(self.deflated, "--digests", *flags, workers=workers), chosen)

    def test_a_wrong_checksum_is_told_once_whoever_meets_it(self):
        for number in (0, COUNT - 1):
            path = write(self.path / "wrong.pt", wrong_crc=number)
            for command in ("load", "inspect"):
                with self.subTest(number, command=command):
                    code, report = self.load(path, command=command)
                    self.assertEqual((code, [(f["id"], f["where"]) for f in report["findings"]]),
                                     (0, [("zip.wrong-crc", f"archive/data/{number}")]))

    def test_broken_data_fails_the_load_whoever_meets_it(self):
        for number in (0, COUNT - 1):
            path = write(self.path / "broken.pt", broken=number)
            with self.subTest(number):
                code, report = self.load(path)
                self.assertEqual((code, report["reason"]), (2, "COMPRESSION_BROKEN"))

    def test_how_many_workers_there_were_changes_no_verdict(self):
        """Data that no tensor of the plan shows, and data of checkpoints inside: whoever is there must look at them."""
        with airlock.Daemon("--max-loads", 1, *airlock.FIXED_POOL) as alone:
            for name, make in UNSEEN.items():
                for broken in (False, True):
                    path = make(self.path / f"{name}.pt", broken)
                    for command in (("load",), ("inspect",), ("load", "--select", "shown")):
                        if "--select" in command and name == "popped":
                            continue  # what nobody chose is not moved, by whoever it is
                        with self.subTest(name, broken=broken, command=command):
                            answers = [airlock.report("--address", daemon.address, *command, path) for daemon in (self.daemon, alone)]
                            (code, report), (code_alone, report_alone) = answers
                            self.assertEqual((code, report.get("reason"), report["verdict"]),
                                             (code_alone, report_alone.get("reason"), report_alone["verdict"]))
                            self.assertEqual((code, report["verdict"]) == (0, "clean"), not broken, report)

    def test_little_is_moved_by_one(self):
        path = self.path / "little.pt"
        torch_zip.write_deflated(path, TENSORS[:2], packed(contents(TENSORS[0])))
        code, report = self.load(path, workers=1)
        self.assertEqual((code, len(report["tensors"])), (0, 2))

    def test_where_one_load_may_run_it_has_one_worker(self):
        with airlock.Daemon("--max-loads", 1, *airlock.FIXED_POOL) as daemon:
            self.assert_digests(self.load(self.deflated, "--digests", workers=1, daemon=daemon), digests(TENSORS))


if __name__ == "__main__":
    unittest.main(verbosity=2)
