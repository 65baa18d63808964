"""Peers: programs that do the same work, measured round by round in turn, so that what disturbs one disturbs all."""
import json
import os
import random
import subprocess
import time


class Missing(Exception):
    """A peer that this machine does not have; the text says why."""


class Peer:
    """A process that does one round for each line it gets, and says how long it took."""

    def __init__(self, name, *command, shown=True):
        self.name, self.shown, self.values, self.sum = name, shown, {}, None
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment())

    def once(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Missing(f"it ended with {self.process.wait()}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class CommandPeer:
    """A command that is started for each round: its whole life is timed."""

    def __init__(self, name, *command):
        self.name, self.command, self.values, self.sum = name, list(map(str, command)), {}, None

    def once(self):
        start = time.perf_counter()
        done = subprocess.run(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        seconds = time.perf_counter() - start
        if done.returncode != 0:
            raise Missing(f"exit status {done.returncode}: {done.stderr.decode(errors='replace').strip()[-200:]}")
        return {"mapped": seconds}

    def close(self):
        pass


def environment():
    return {key: value for key, value in os.environ.items() if not key.startswith("AIRLOCK_")}


# A machine is at rest when its processors were idle for most of a tick. For a neighbour we wait no longer than a second.
TICK, PATIENCE = 0.05, 1.0


def idle_seconds():
    """Of all processors together, since the machine's start."""
    with open("/proc/stat") as lines:
        return int(lines.readline().split()[4]) / os.sysconf("SC_CLK_TCK")


def settle():
    """Waits for what the peer before has left to the kernel: a process that dies with a gibibyte, or a file of that size on its
    way to the disk, is not the next one's time."""
    os.sync()
    processors = len(os.sched_getaffinity(0))
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        before = idle_seconds()
        time.sleep(TICK)
        if idle_seconds() - before >= 0.8 * TICK * processors:
            return


def measure(makers, rounds, log):
    """Rounds of all peers in turn, after one that warms up. {name: {metric: [values]}} and {name: why it is missing}.

    In each round in another order, the same in every run: a peer that gives back a gibibyte costs whoever comes next."""
    peers, missing, order = [], {}, random.Random(1)
    for name, make in makers.items():
        try:
            peer = make(name)
            check(peer, peer.once())
            peers.append(peer)
        except (Missing, OSError) as why:
            missing[name] = str(why)
            log(f"    {name}: {why}")
    try:
        agree(peers)
        for _ in range(rounds):
            for peer in order.sample(peers, len(peers)):
                settle()
                note(peer, peer.once())
    finally:
        for peer in peers:
            peer.close()
    return {peer.name: peer.values for peer in peers}, missing


def check(peer, result):
    peer.sum = result.get("sum")


def agree(peers):
    """No ratio is worth anything between peers that did not load the same."""
    sums = {peer.name: peer.sum for peer in peers if peer.sum is not None}
    if len(set(sums.values())) > 1:
        raise AssertionError(f"the peers loaded different bytes: {sums}")


def note(peer, result):
    for metric, value in result.items():
        if metric != "sum":
            peer.values.setdefault(metric, []).append(value)
