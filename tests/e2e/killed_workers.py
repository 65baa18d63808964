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

LOADS = 2000
# A load ends as NO_WORKER only after 8 deaths in a row of workers that had not reported yet (WorkerPool::kHopeless), or of
# such as died between being taken and their job. We kill one worker of several every 10 ms on average, and one takes a few ms
# to report: even if every second kill met a worker that is being born, 8 in a row would happen once in 256 tries to raise one.
# That is far more than what happens; a pool that gives up at the first death has hundreds.
MAX_NO_WORKER = LOADS // 256


def kill_one(daemon):
    """SIGKILL to a random worker, idle or at work; whether there was one."""
    victims = airlock.workers(daemon.pid)
    if not victims:
        return False
    victim = random.choice(victims)
    try:
        pidfd = os.pidfd_open(victim)
    except ProcessLookupError:
        return False
    try:
        # Numbers are reused, and other tests have workers too: what the descriptor holds must still be ours.
        if airlock.status(victim, "PPid") != daemon.pid:
            return False
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except ProcessLookupError:
        return False
    finally:
        os.close(pidfd)
    return True


def main():
    random.seed(4)
    with airlock.Daemon() as daemon, tempfile.TemporaryDirectory() as directory:
        path = samples.deflated(pathlib.Path(directory, "sample.pt"))
        # A worker that dies under a load is a crash of the decoder; one that dies idle or at birth is nobody's affair. Where
        # none could be raised at all, the load says that we are broken, and never that the file is.
        flood = subprocess.Popen([str(airlock.BIN / "airlock-flood"), daemon.address, "repeat", str(path), str(LOADS),
                                  "--allow", "DECODER_CRASH", "--allow", "NO_WORKER"], stdout=subprocess.PIPE, text=True)
        killed = 0
        while flood.poll() is None:
            killed += kill_one(daemon)
            time.sleep(random.uniform(0, 0.02))
        answer = json.loads(flood.stdout.read())
        print(f"{killed} workers killed under {answer}")
        assert flood.returncode == 0, "a load ended as something else"
        assert sum(answer["endings"].values()) == LOADS, "a load had no verdict"
        assert answer["endings"].get("NO_WORKER", 0) <= MAX_NO_WORKER, "a death at birth reached those who wait"
        assert answer["endings"].get("DECODER_CRASH", 0) <= killed, "more crashes than kills"
        assert answer["endings"].get("CLEAN", 0) > LOADS // 2, "most loads should not have met a kill"
        assert killed >= 20, "too few were killed to prove anything"
        assert daemon.alive(), "the broker died: " + daemon.log.read_text()[-2000:]
        code, report = airlock.report("--address", daemon.address, "load", path)
        assert (code, report["verdict"]) == (0, "clean"), report
        assert daemon.stop() == 0


main()
