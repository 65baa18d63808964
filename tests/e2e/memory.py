"""1 GiB of 64 tensors: the worker needs at most 16 MiB, the broker grows by at most 64 MiB, convert keeps every bit. And a
million objects that are no tensors: the worker needs at most 16 MiB and three times the size of their pickle."""
import hashlib
import json
import pathlib
import pickle
import random
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import torch_zip

TENSORS = 64
ELEMENTS = 4 << 20  # 16 MiB each
WORKER_KB = 16 * 1024
TIMES_PICKLE = 3
BROKER_KB = 64 * 1024
OBJECTS = 1_000_000


class Watch(threading.Thread):
    """The peaks of the broker and of its workers while it runs."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.broker, self.stop, self.worker_kb, self.seen = daemon.pid, threading.Event(), 0, 0

    def run(self):
        while not self.stop.wait(0.002):
            for pid in airlock.workers(self.broker):
                peak = airlock.status(pid, "VmHWM")
                if peak is not None:
                    self.seen += 1
                    self.worker_kb = max(self.worker_kb, peak)

    def end(self):
        self.stop.set()
        self.join()


def digests(path):
    """{name: sha256} of a safetensors file, read in pieces."""
    with open(path, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        header.pop("__metadata__", None)
        found = {}
        for name, row in header.items():
            begin, end = row["data_offsets"]
            file.seek(8 + size + begin)
            digest, left = hashlib.sha256(), end - begin
            while left > 0:
                block = file.read(min(left, 1 << 22))
                digest.update(block)
                left -= len(block)
            found[name] = digest.hexdigest()
        return found


def metadata(daemon, directory):
    """A worker's peak by the size of what it has to understand."""
    rng, path = random.Random(1), pathlib.Path(directory, "metadata.pt")
    shapes = {"records": [{"step": i, "loss": rng.random(), "name": f"run {i}", "lr": 0.1 * i} for i in range(OBJECTS // 9)],
              "dict": {f"key {i}": i for i in range(OBJECTS // 2)}, "integers": [rng.randrange(1 << 40) for _ in range(OBJECTS)], "floats": [i / 7 for i in range(OBJECTS)]}
    broken = []
    for name, value in shapes.items():
        data = pickle.dumps(value, 2)
        with open(path, "wb") as file:
            writer = torch_zip.Writer(file)
            writer.bytes("data.pkl", data)
            writer.bytes("version", b"3\n")
            writer.finish()
        watch = Watch(daemon)
        watch.start()
        done = airlock.run("--address", daemon.address, "inspect", path)
        watch.end()
        assert done.returncode == 0, done.stderr
        bound = WORKER_KB + TIMES_PICKLE * len(data) // 1024
        print(f"{name}: pickle {len(data) // 1024} kB, worker peak {watch.worker_kb} kB of {bound} kB in {watch.seen} samples")
        assert watch.seen > 0, "no worker was seen"
        if watch.worker_kb > bound:
            broken.append(name)
    assert not broken, f"the worker needs more than 16 MiB and {TIMES_PICKLE} times the pickle: {broken}"


def main():
    tensors = [torch_zip.Tensor(f"layer{i}.weight", ELEMENTS, random.Random(i).randbytes(8192)) for i in range(TENSORS)]
    expected = {tensor.name: tensor.sha256() for tensor in tensors}
    with airlock.Daemon() as daemon, tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        source, target = pathlib.Path(directory, "large.pt"), pathlib.Path(directory, "large.safetensors")
        torch_zip.write(source, tensors)
        airlock.run("--address", daemon.address, "inspect", source)
        before = airlock.status(daemon.pid, "VmRSS")
        watch = Watch(daemon)
        watch.start()
        start = time.monotonic()
        done = airlock.run("--address", daemon.address, "convert", source, target, timeout=600)
        seconds = time.monotonic() - start
        watch.end()
        assert done.returncode == 0, done.stderr
        grown = airlock.status(daemon.pid, "VmHWM") - before
        print(f"worker peak {watch.worker_kb} kB in {watch.seen} samples, broker grew {grown} kB, convert took {seconds:.1f} s")
        assert digests(target) == expected, "convert changed a tensor"
        assert watch.seen > 0, "no worker was seen"
        assert watch.worker_kb <= WORKER_KB, "the worker needs more than 16 MiB"
        assert grown <= BROKER_KB, "the broker grew by more than 64 MiB"
        code, report = airlock.report("--address", daemon.address, "load", source, "--digests", timeout=600)
        assert code == 0 and {t["name"]: t["sha256"] for t in report["tensors"]} == expected, "load changed a tensor"
        metadata(daemon, directory)


main()
