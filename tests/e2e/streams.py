"""1,000 streams at a time, of which one in ten stops reading: the broker grows by at most 64 KiB a stream, and those who read get all of it."""
import json
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import torch_zip

STREAMS, STALLED = 1000, 100
KB_A_STREAM = 64
# Those who read are as fast as without the others, but for what the machine does between two runs.
SLOWER, SECONDS = 2, 10
TENSORS, ELEMENTS = 4, 256 << 10  # 1 MiB each


class Callers:
    """STREAMS open loads, of which the first `stalled` are never read again."""

    def __init__(self, daemon, path, count, stalled):
        self.process = subprocess.Popen([str(airlock.BIN / "airlock-streams"), daemon.address, str(path), str(count), str(stalled)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.said() == {"open": count}

    def said(self):
        line = self.process.stdout.readline()
        assert line, f"airlock-streams ended with {self.process.wait()}"
        return json.loads(line)

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def read(self):
        self.go()
        return self.said()

    def end(self):
        self.process.stdin.close()
        return self.process.wait(60)


def main():
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        path = pathlib.Path(directory, "file.pt")
        torch_zip.write(path, [torch_zip.Tensor(f"layer{i}.weight", ELEMENTS, random.Random(i).randbytes(4 * ELEMENTS)) for i in range(TENSORS)])
        with airlock.Daemon("--root", directory, "--max-calls", STREAMS + 10, "--queue", STREAMS, "--log-level", "warn") as daemon:
            alone = Callers(daemon, path, STREAMS - STALLED, 0)
            without = alone.read()
            assert without["bad"] == 0 and alone.end() == 0, "a stream did not bring what its report had announced"
        # A fresh one, whose memory nobody has used yet.
        with airlock.Daemon("--root", directory, "--max-calls", STREAMS + 10, "--queue", STREAMS, "--log-level", "warn") as daemon:
            assert airlock.run("--address", daemon.address, "inspect", "--server-path", path).returncode == 0
            before = airlock.status(daemon.pid, "VmRSS")
            callers = Callers(daemon, path, STREAMS, STALLED)
            waiting = airlock.status(daemon.pid, "VmRSS") - before
            beside = callers.read()
            peak = airlock.status(daemon.pid, "VmHWM") - before
            print(f"{waiting / STREAMS:.1f} kB a stream while nobody reads, {peak / STREAMS:.1f} kB at most; "
                  f"{STREAMS - STALLED} readers took {without['seconds']:.2f} s alone, {beside['seconds']:.2f} s beside {STALLED} stalled ones")
            assert beside["bad"] == 0, "a stream did not bring what its report had announced"
            assert peak <= KB_A_STREAM * STREAMS, "the broker grew by more than 64 KiB a stream"
            assert beside["seconds"] <= SLOWER * without["seconds"] + SECONDS, "who reads is slowed down by who does not"
            assert airlock.run("--address", daemon.address, "load", path).returncode == 0, "nobody else is served"
            assert callers.end() == 0


main()
