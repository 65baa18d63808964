"""What the Python tests share: the programs under test, a daemon of their own, what the kernel says of its processes."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("AIRLOCK_BIN", ROOT / "build" / "bin"))
CORPUS = pathlib.Path(os.environ.get("AIRLOCK_CORPUS", ROOT.parent / "shared" / "corpus"))
SKIP = 77  # what ctest takes for "skipped"


def skip(reason):
    """Ends the whole test as skipped, loudly."""
    print(f"SKIPPED: {reason}", flush=True)
    sys.exit(SKIP)


def run(*args, timeout=120, env=None, **more):
    """`airlock ARGS`, finished: returncode, stdout, stderr (text)."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AIRLOCK_")}
    environment.update(env or {})
    return subprocess.run([str(BIN / "airlock"), *map(str, args)], capture_output=True, text=True, timeout=timeout,
                          env=environment, **more)


def report(*args, **more):
    """`airlock ARGS --format json`: (exit code, the object). Fails where stdout is not one JSON value."""
    done = run(*args, "--format", "json", **more)
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError as error:
        raise AssertionError(f"airlock {args}: exit {done.returncode}, no JSON on stdout: {error}\n{done.stderr}") from error


# A pool that stays as it is: for tests that count descriptors or processes.
FIXED_POOL = ("--pool", 2, "--pool-most", 2)


class Daemon:
    """A private airlockd on a unix socket; gone when the block ends, or when this process does."""

    def __init__(self, *flags, listen=True, wait=30, host=None, cgroup=None):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="airlock-test-"))
        self.socket = self.directory / "airlockd.sock"
        self.address = f"unix:{self.socket}"
        self.log = self.directory / "log"
        ours, theirs = socket.socketpair()
        self.lifeline = ours
        command = [str(BIN / "airlockd"), "--private-fd", str(theirs.fileno()), "--spool-dir", str(self.directory)]
        if listen:
            command += ["--listen", self.address]
        if host is not None:  # as on a host that has less: tests/e2e/narrow_host.cc
            command = [str(BIN / "airlock-narrow-host"), host, *command]
        if cgroup is not None:  # as a service manager does it
            command = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(cgroup), *command]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command + list(map(str, flags)), pass_fds=[theirs.fileno()], stderr=log,
                                            stdout=log)
        theirs.close()
        ours.settimeout(wait)
        try:
            self.ready = ours.recv(6) == b"ready\n"
        except TimeoutError:
            self.ready = False
        if not self.ready:
            self.process.kill()
            self.process.wait()
            raise AssertionError("airlockd did not come up:\n" + self.log.read_text())

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def stop(self, wait=30):
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(wait)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lifeline.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def metrics(daemon):
    """What the daemon counts: {(name, {(label, value), ...}): number}. Fails where a line is not Prometheus' text format."""
    done = run("--address", daemon.address, "metrics")
    assert done.returncode == 0, done.stderr
    series = {}
    for line in done.stdout.splitlines():
        if line.startswith("#"):
            continue
        name, labels, number = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? ([-+.e0-9]+|[+-]Inf)", line).groups()
        series[name, frozenset(re.findall(r'([a-z]+)="([^"]*)"', labels or ""))] = float(number)
    return series


HEALTH = ("UNKNOWN", "SERVING", "NOT_SERVING")


def health(daemon, service=""):
    """What grpc.health.v1 says of a service of the daemon: one of HEALTH, or the name of the error."""
    import grpc
    with grpc.insecure_channel(daemon.address) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")  # HealthCheckRequest{string service = 1}
        try:
            answer = check(bytes([10, len(service)]) + service.encode(), timeout=10)
        except grpc.RpcError as error:
            return error.code().name
    return HEALTH[answer[1] if answer else 0]  # HealthCheckResponse{ServingStatus status = 1}


def status(pid, key):
    """A number of /proc/PID/status (kB for sizes), or None once the process is gone."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return None


def descendants(pid):
    """All live processes below `pid`, zombies included, a parent before its children: {pid: [argv[0], argv[1]]}."""
    parents, names = {}, {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
                names[int(entry.name)] = (entry / "cmdline").read_bytes().split(b"\0")[:2]
                parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    found = {}
    frontier = [pid]
    while frontier:
        parent = frontier.pop()
        for child, its_parent in parents.items():
            if its_parent == parent and child not in found:
                found[child] = names[child]
                frontier.append(child)
    return found


def spawner(pid):
    """The spawner of the broker `pid`. A worker carries its spawner's arguments until it executes its program, and is found below it."""
    return next(child for child, argv in descendants(pid).items() if b"spawner" in argv)


def workers(pid):
    """The workers of the broker `pid`: its descendants but the spawner, and but a sanitizer's symbolizer."""
    others = (b"spawner", b"symbolizer")
    return [child for child, argv in descendants(pid).items()
            if not any(other in word for word in argv for other in others)]


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def wait_until(condition, seconds):
    """Whether `condition()` came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return bool(condition())
