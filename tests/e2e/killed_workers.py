"""Workers killed at random moments: each load ends as one verdict, never as a hang or a wrong "clean"; the broker lives."""
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import samples

LOADS = 1500


def kill_one(daemon):
    """SIGKILL to a random worker, idle or at work; whether there was one."""
    victims = airlock.workers(daemon.pid)
    if not victims:
        return False
    try:
        os.kill(random.choice(victims), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def main():
    random.seed(4)
    with airlock.Daemon() as daemon, tempfile.TemporaryDirectory() as directory:
        path = samples.deflated(pathlib.Path(directory, "sample.pt"))
        # A worker that dies under a load is a crash of the decoder; one that dies idle is nobody's affair; where none could be
        # raised at all, the load says that we are broken, and never that the file is.
        flood = subprocess.Popen([str(airlock.BIN / "airlock-flood"), daemon.address, "repeat", str(path), str(LOADS),
                                  "--allow", "DECODER_CRASH", "--allow", "NO_WORKER"], stdout=subprocess.PIPE, text=True)
        killed = 0
        while flood.poll() is None:
            killed += kill_one(daemon)
            time.sleep(random.uniform(0, 0.1))
        answer = json.loads(flood.stdout.read())
        print(f"{killed} workers killed under {answer}")
        assert flood.returncode == 0, "a load ended as something else"
        assert sum(answer["endings"].values()) == LOADS, "a load had no verdict"
        assert answer["endings"]["CLEAN"] > 0, "the pool did not recover between two kills"
        assert killed >= 20, "too few were killed to prove anything"
        assert daemon.alive(), "the broker died: " + daemon.log.read_text()[-2000:]
        code, report = airlock.report("--address", daemon.address, "load", path)
        assert (code, report["verdict"]) == (0, "clean"), report
        assert daemon.stop() == 0


main()
