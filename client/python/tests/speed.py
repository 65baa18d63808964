"""airlock.load beside torch.load(weights_only=True), in one run, in this interpreter; run by hand.

    speed.py [--rounds N] [CASE ...]

Prints for each case the medians and their ratio, of loads in a row and of the first one after a pause, which finds all threads of both sides
asleep. The daemon is warm, the files are in the page cache.
"""
import argparse
import gc
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import package
import airlock
import torch


def tiny(path):
    torch.save({"w": torch.ones(4, 4), "b": torch.ones(4)}, path)


def tensors(path):
    torch.save({f"layer.{number}.weight": torch.full((8, 8), float(number)) for number in range(20_000)}, path)


def metadata(path):
    """A million nodes: history as training loops keep it."""
    rows = [{"epoch": epoch, "loss": epoch / 7, "lr": 0.1 / (epoch + 1), "name": f"step-{epoch}"} for epoch in range(110_000)]
    torch.save({"rows": rows, "ints": list(range(100_000)), "pairs": [(number, float(number)) for number in range(50_000)]}, path)


def gigabyte(path):
    torch.save({f"w{number}": torch.rand(4096, 1024) for number in range(64)}, path)


CASES = {  # name: writer, torch's options, loads in a row, what must hold of them
    "tiny": (tiny, {}, 100, "at most 3 ms"), "tensors": (tensors, {}, 2, "at least 5 times"), "metadata": (metadata, {}, 2, "at least 3 times"),
    "gigabyte": (gigabyte, {"mmap": True}, 20, "at least 1 time")}


def in_a_row(function, count):
    """Seconds of each load, the first one after a pause."""
    gc.collect()
    times = []
    for _ in range(count):
        start = time.perf_counter()
        made = function()
        times.append(time.perf_counter() - start)
        del made
    return times


def spread(times):
    return f"{statistics.median(times) * 1000:9.2f} ms ({min(times) * 1000:.2f} to {max(times) * 1000:.2f})"


def import_time():
    """Seconds that `import airlock` and a first load's imports take beyond torch's own import."""
    code = "import time, torch; t = time.perf_counter(); import airlock, grpc; print(time.perf_counter() - t)"
    environment = {**os.environ, "PYTHONPATH": package.PACKAGE}
    return [float(subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout) for _ in range(5)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("cases", nargs="*", default=list(CASES))
    given = parser.parse_args()
    print(f"torch {torch.__version__}, {os.cpu_count()} cores")
    print(f"import beyond torch's: {spread(import_time())}")
    for name in given.cases:
        write, options, count, wanted = CASES[name]
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "file.pt")
            write(path)
            airlock.load(path)
            rows = [(in_a_row(lambda: torch.load(path, weights_only=True, **options), count),
                     in_a_row(lambda: airlock.load(path, **options), count)) for _ in range(given.rounds)]
        for when, part in (("after a pause", slice(0, 1)), ("in a row", slice(1, None))):
            torchs, ours = ([seconds for row in rows for seconds in row[side][part]] for side in (0, 1))
            ratio = statistics.median(torchs) / statistics.median(ours)
            print(f"{name:9} {when:13} torch {spread(torchs)}  airlock {spread(ours)}  {ratio:.2f} times (wanted in a row: {wanted})", flush=True)


main()
