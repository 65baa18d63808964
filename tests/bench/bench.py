"""Airlock beside torch on the same files in one run. Prints one JSON object; ratios above 1 mean that Airlock is faster.

usage: bench.py [--quick]     --quick: one round, and a stream of 128 MiB instead of 1 GiB
"""
import argparse
import json
import os
import pathlib
import pickle
import random
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import torch_zip

try:
    import torch
except ImportError:
    airlock.skip("/usr/bin/python3 has no torch (apt-get install python3-torch)")

SMALL = 20_000
NODES = 1_000_000


def timed(action, rounds):
    """Median seconds of `rounds` runs after one that warms caches."""
    action()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def flood(daemon, path, count):
    """Seconds of one load by the C++ client against a running daemon."""
    done = subprocess.run([str(airlock.BIN / "airlock-flood"), daemon.address, "repeat", str(path), str(count), "--threads", "1"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["seconds"] / count


def command(*arguments):
    done = airlock.run(*arguments, timeout=600)
    assert done.returncode == 0, done.stderr


def small_tensors(daemon, directory, rounds):
    path = directory / "small.pt"
    torch.manual_seed(1)
    torch.save({f"block{i // 100}.layer{i}.weight": torch.randn(8) for i in range(SMALL)}, path)
    peer = timed(lambda: torch.load(path, weights_only=True), rounds)
    flood(daemon, path, 1)
    client = statistics.median(flood(daemon, path, 1) for _ in range(rounds))
    addressed = timed(lambda: command("--address", daemon.address, "load", path), rounds)
    alone = timed(lambda: command("load", path), rounds)
    return {"tensors": SMALL, "torch_load_weights_only_s": round(peer, 4), "client_s": round(client, 4), "ratio_client": round(peer / client, 2),
            "cli_with_daemon_s": round(addressed, 4), "ratio_cli_with_daemon": round(peer / addressed, 2),
            "cli_private_daemon_s": round(alone, 4), "ratio_cli_private_daemon": round(peer / alone, 2)}


def stream(daemon, directory, rounds, mebibytes):
    path = directory / "large.pt"
    torch_zip.write(path, [torch_zip.Tensor(f"layer{i}.weight", mebibytes << 12, random.Random(i).randbytes(4096)) for i in range(64)])
    peer = timed(lambda: torch.load(path, weights_only=True), rounds)
    private = timed(lambda: command("load", path), rounds)
    upload = timed(lambda: flood(daemon, path, 1), rounds)
    return {"mebibytes": mebibytes, "torch_load_weights_only_s": round(peer, 3), "cli_private_daemon_s": round(private, 3),
            "cli_private_daemon_mib_per_s": round(mebibytes / private), "client_upload_s": round(upload, 3),
            "client_upload_mib_per_s": round(mebibytes / upload)}


def plain_data(daemon, directory, rounds):
    """A million objects that are no tensors, beside pickle.loads, which is C."""
    rng = random.Random(1)
    values = {"records": [{"step": i, "loss": rng.random(), "name": f"run {i}", "lr": 0.1 * i} for i in range(NODES // 9)],
              "dict": {f"key {i}": i for i in range(NODES // 2)}, "ints": [rng.randrange(1 << 40) for _ in range(NODES)],
              "floats": [rng.random() for _ in range(NODES)]}
    result = {"nodes": NODES}
    for name, value in values.items():
        data, path = pickle.dumps(value, 2), directory / "plain.pt"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("archive/data.pkl", data)
            archive.writestr("archive/version", "3\n")
        peer = timed(lambda: pickle.loads(data), rounds)
        ours = statistics.median(airlock.report("--address", daemon.address, "inspect", path)[1]["timing"]["decode_us"] / 1e6 for _ in range(rounds))
        result[name] = {"pickle_loads_s": round(peer, 4), "decode_s": round(ours, 4), "ratio": round(peer / ours, 2)}
    return result


def latency(daemon, directory):
    path = directory / "tiny.pt"
    torch_zip.write(path, [torch_zip.Tensor("weight", 16)])
    flood(daemon, path, 50)
    return {"load_ms": round(1000 * flood(daemon, path, 500), 3)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--require-ratio", type=float, help="exit 1 if the client is not so many times as fast as torch on small tensors")
    options = parser.parse_args()
    rounds, mebibytes = (1, 128) if options.quick else (5, 1024)
    with airlock.Daemon() as daemon, tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        directory = pathlib.Path(name)
        result = {"torch": torch.__version__, "cpus": os.cpu_count(), "rounds": rounds, "tiny": latency(daemon, directory),
                  "small": small_tensors(daemon, directory, rounds),
                  "plain_data": plain_data(daemon, directory, rounds), "stream": stream(daemon, directory, rounds, mebibytes)}
    print(json.dumps(result, indent=1))
    wanted = options.require_ratio
    if wanted and result["small"]["ratio_client"] < wanted:
        sys.exit(f"{SMALL} small tensors: {result['small']['ratio_client']} times as fast as torch, not {wanted}")


main()
