"""Local loads: the daemon gets descriptors and moves no byte; selections; what is read of a file of 100 GiB."""
import hashlib
import json
import pathlib
import resource
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import samples
import torch_zip

GIB = 1 << 30


def read_bytes(pid):
    """What the broker has read by system calls, and the workers that it has reaped."""
    for line in pathlib.Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("rchar:"):
            return int(line.split()[1])
    raise AssertionError("no rchar")


def sources(daemon):
    """How the loads so far came by their files, in order."""
    lines = [json.loads(line) for line in daemon.log.read_text().splitlines() if line.startswith("{")]
    return [line["source"] for line in lines if line.get("event") == "load"]


def tensors_of(path):
    """{name: sha256} of a safetensors file."""
    raw = path.read_bytes()
    size, = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8:8 + size])
    header.pop("__metadata__", None)
    spans = {name: [8 + size + at for at in row["data_offsets"]] for name, row in header.items()}
    return {name: hashlib.sha256(raw[begin:end]).hexdigest() for name, (begin, end) in spans.items()}


def sparse_safetensors(path, count, nbytes):
    """Tensors of zeros that take no room, the first 16 bytes of each apart."""
    header = {f"t{i}": {"dtype": "F32", "shape": [nbytes // 4], "data_offsets": [i * nbytes, (i + 1) * nbytes]}
              for i in range(count)}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for i in range(count):
            file.seek(8 + len(text) + i * nbytes)
            file.write(bytes([i + 1] * 16))
        file.truncate(8 + len(text) + count * nbytes)


class Mapped(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(dir="/var/tmp")
        self.path = pathlib.Path(self.directory.name)
        self.daemon = airlock.Daemon("--log-format", "json", *airlock.FIXED_POOL)

    def tearDown(self):
        self.daemon.__exit__()
        self.directory.cleanup()

    def airlock(self, *args, **more):
        return airlock.run("--address", self.daemon.address, *args, **more)

    def report(self, *args):
        return airlock.report("--address", self.daemon.address, *args)

    def test_mapped_copied_and_streamed_are_the_same(self):
        expected = {t.name: t.sha256() for t in samples.tensors()}
        ways = {"mapped": [], "copied": ["--copy"], "streamed": []}
        for way, flags in ways.items():
            if way == "streamed":
                pathlib.Path(f"{self.daemon.socket}.fd").unlink()
            for name, make in samples.ALL.items():
                with self.subTest(name, way=way):
                    code, report = self.report("load", "--digests", *flags, make(self.path / name))
                    self.assertEqual((code, {t["name"]: t["sha256"] for t in report["tensors"]}), (0, expected))
                    target = self.path / "out.safetensors"
                    self.assertEqual(self.airlock("convert", *flags, self.path / name, target).returncode, 0)
                    self.assertEqual(tensors_of(target), expected)
            self.assertEqual(set(sources(self.daemon)[-2 * len(samples.ALL):]), {"upload" if way == "streamed" else "ticket"})

    def test_the_daemon_reads_headers_and_no_weights(self):
        path = self.path / "large.pt"
        torch_zip.write(path, [torch_zip.Tensor(f"t{i}", 4 << 20, b"head") for i in range(8)])
        for command in (["inspect"], ["load"], ["load", "--digests"], ["convert"], ["scan"]):
            with self.subTest(command):
                before = read_bytes(self.daemon.pid)
                target = [self.path / "out.safetensors"] if command == ["convert"] else []
                self.assertEqual(self.airlock(*command, path, *target).returncode, 0)
                self.assertLess(read_bytes(self.daemon.pid) - before, 1 << 20)

    def test_a_file_of_100_gib_costs_its_headers(self):
        path = self.path / "sparse.safetensors"
        sparse_safetensors(path, 100, GIB)
        before = read_bytes(self.daemon.pid)
        for command in (["inspect"], ["load"], ["load", "--select", "t7"]):
            with self.subTest(command):
                code, report = self.report(*command, path)
                self.assertEqual((code, report["size"] > 100 * GIB), (0, True))
        self.assertLess(read_bytes(self.daemon.pid) - before, 4 << 20)
        self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, 200 << 10)

    def test_only_chosen_tensors_are_listed_loaded_and_written(self):
        path = samples.stored(self.path / "sample.pt")
        expected = {t.name: t.sha256() for t in samples.tensors()}
        for globs, names in ((["layer1.*"], ["layer1.weight"]), (["layer0*", "*3.weight"], ["layer0.weight", "layer3.weight"]),
                             (["layer?.weight"], list(expected))):
            flags = [part for glob in globs for part in ("--select", glob)]
            with self.subTest(globs):
                code, report = self.report("load", "--digests", *flags, path)
                self.assertEqual((code, {t["name"]: t["sha256"] for t in report["tensors"]}),
                                 (0, {name: expected[name] for name in names}))
                code, report = self.report("inspect", *flags, path)
                self.assertEqual((code, [t["name"] for t in report["tensors"]]), (0, names))
                target = self.path / "out.safetensors"
                self.assertEqual(self.airlock("convert", *flags, path, target).returncode, 0)
                self.assertEqual(sorted(tensors_of(target)), names)

    def test_a_flipped_bit_is_seen_by_who_asks(self):
        """The file's own checksums, whichever way the bytes come; without --verify nobody looks, as with torch."""
        path = samples.stored(self.path / "sample.pt")
        target = self.path / "out.safetensors"
        commands = (["load", path], ["load", "--digests", path], ["load", "--copy", path], ["convert", path, target])
        for command in commands:
            self.assertEqual(self.airlock(*command, "--verify").returncode, 0, command)
        target.unlink()
        raw = bytearray(path.read_bytes())
        raw[raw.index(samples.tensors()[2].head)] ^= 1
        path.write_bytes(raw)
        self.assertEqual(self.airlock("load", path).returncode, 0)
        for way in ("mapped", "streamed"):
            if way == "streamed":
                pathlib.Path(f"{self.daemon.socket}.fd").unlink()
            for command in commands:
                with self.subTest(command, way=way):
                    done = self.airlock(*command, "--verify")
                    self.assertEqual((done.returncode, "layer2.weight" in done.stderr + done.stdout), (2, True))
                    self.assertFalse(target.exists())

    def test_what_matches_nothing_is_an_error(self):
        path = samples.stored(self.path / "sample.pt")
        for command in (["load"], ["inspect"], ["convert", "--force"]):
            target = [self.path / "out.safetensors"] if command[0] == "convert" else []
            self.assertEqual(self.airlock(*command, "--select", "layer9*", path, *target).returncode, 66, command)
        self.assertFalse((self.path / "out.safetensors").exists())
        self.assertEqual(self.airlock("load", *["--select", "x" * 100] * 65, path).returncode, 64)

    def test_what_is_not_chosen_is_not_inflated(self):
        path = samples.deflated(self.path / "deflated.pt")
        raw = bytearray(path.read_bytes())
        at = raw.index(b"archive/data/3") + len("archive/data/3")
        raw[at + 4:at + 12] = b"\xff" * 8
        path.write_bytes(raw)
        self.assertEqual(self.airlock("load", path).returncode, 2)
        for way in ("mapped", "streamed"):
            if way == "streamed":
                pathlib.Path(f"{self.daemon.socket}.fd").unlink()
            with self.subTest(way):
                code, report = self.report("load", "--digests", "--select", "layer1.weight", path)
                self.assertEqual((code, report["tensors"][0]["sha256"]), (0, samples.tensors()[1].sha256()))
                self.assertEqual(self.airlock("load", "--select", "layer3.weight", path).returncode, 2)

    def test_a_thousand_loads_leave_no_descriptor(self):
        path = samples.deflated(self.path / "sample.pt")
        files = [path] * 250
        self.assertEqual(self.airlock("load", *files[:10], timeout=300).returncode, 0)
        before = airlock.descriptors(self.daemon.pid)
        for _ in range(4):
            self.assertEqual(self.airlock("load", *files, timeout=300).returncode, 0)
        self.assertTrue(airlock.wait_until(lambda: airlock.descriptors(self.daemon.pid) <= before + 2, 10))

    def test_both_sockets_go_when_the_daemon_goes(self):
        socket = pathlib.Path(f"{self.daemon.socket}.fd")
        self.assertTrue(socket.is_socket())
        self.assertEqual(socket.stat().st_mode, self.daemon.socket.stat().st_mode)
        self.assertEqual(self.daemon.stop(), 0)
        self.assertFalse(socket.exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
