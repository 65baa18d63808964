"""Loads of mixed kinds under faults. Every load must end in time, in its own verdict or as the fault that it met, and never
as another one; and nothing may be left behind or grow.

    soak.py --minutes N [--seed N] [--fault-every N] [--loads-a-second N] [--json FILE]

Three daemons. `steady` is never killed: its memory and descriptors must stay level, and so must its spawner's. `mortal` loses its
spawner and itself now and then, and is started anew. `hostile` has workers that corrupt their frames and lie in their plans.

Faults, one for each ten loads: workers killed; workers, spawner and brokers stopped for a while and continued; callers killed, or
giving up; files truncated and rewritten while they are read; the spool filled to the last byte; memory taken. The last two are
bounded: the spool is a file system of 64 MiB (as root; else that fault is left out), the memory 256 MiB.

Ends in one JSON object; exit 0 if all was well.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE.parent / "e2e"))
import airlock
import samples
import torch_zip

# What a load may meet that is nobody's verdict on its file. UNAVAILABLE is a daemon that is being started anew.
MET_A_FAULT = ["DECODER_CRASH", "NO_WORKER", "TIMEOUT_TOTAL", "TIMEOUT_SILENCE", "TIMEOUT_CPU", "QUEUE_FULL", "SPOOL_FULL"]
RESTARTED = ["UNAVAILABLE", "INTERNAL", "DRAINING", "CANCELLED", "UNREACHABLE"]
MEMORY_BOUND = 256 << 20
SPOOL_BOUND = 64 << 20
WARM_UP_SECONDS = 600
GROWTH = 0.05  # of resident memory, after the warm-up
SMALL_KB = 2048  # what a short run may grow by, whatever its percentage


def hostile_rows():
    """Attacks on the broker by what a worker says, with what it must make of each."""
    lies = [f"{n}" for n in [*range(301, 342), *range(400, 413), 416, 417, 418, 419]]
    return lies, "WORKER_PROTOCOL,DECODER_CRASH,LIMIT_EXCEEDED"


def children(pid):
    """What `pid` has brought forth, without a look at all processes of the machine."""
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def is_spawner(pid):
    try:
        return b"spawner" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


class Side:
    """One daemon, the loads against it, and what was seen of both."""

    def __init__(self, name, folder, rows, *flags, allow=(), give_up_every=0, threads=1, spool=None, share=0.2):
        self.name, self.flags, self.spool = name, flags, spool
        self.manifest = folder / f"{name}.manifest"
        self.manifest.write_text("".join(f"{label} {mode} {path} {endings}\n" for label, mode, path, endings in rows))
        self.allow, self.give_up_every, self.threads = [*MET_A_FAULT, *allow], give_up_every, threads
        self.share = share  # of all loads
        self.loads = self.given_up = self.restarts = 0
        self.samples = []
        self.daemon = self.start()
        self.address = self.daemon.address

    def start(self):
        flags = [*self.flags, "--log-level", "error"]
        if self.spool:
            flags += ["--spool-dir", self.spool]
        return airlock.Daemon(*flags, *airlock.FIXED_POOL)

    def run_loads(self, seed, loads_a_second):
        allowed = [word for reason in self.allow for word in ("--allow", reason)]
        self.process = subprocess.Popen(
            [str(airlock.BIN / "airlock-soak-load"), self.address, str(self.manifest), "--threads", str(self.threads),
             "--give-up-every", str(self.give_up_every), "--seed", str(seed), "--rate", str(self.share * loads_a_second), *allowed],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.summary = json.loads(line)
            self.loads, self.given_up = self.summary["loads"], self.summary["given_up"]

    def stop_loads(self):
        self.process.stdin.close()
        hung = False
        try:
            self.process.wait(150)
        except subprocess.TimeoutExpired:
            hung = True
            self.process.kill()
        self.reader.join(10)
        return hung

    def spawner(self):
        return next(filter(is_spawner, children(self.daemon.pid)), None)

    def worker(self):
        """Mostly the one that is at work, or the next to be."""
        spawner = self.spawner()
        workers = [pid for pid in children(self.daemon.pid) if pid != spawner]
        return None if not workers else random.choice([min(workers), random.choice(workers)])

    def sample(self):
        spawner = self.spawner()
        if not self.daemon.alive() or spawner is None:
            return
        self.samples.append({"at": time.monotonic(), "broker_kb": airlock.status(self.daemon.pid, "VmRSS"),
                             "spawner_kb": airlock.status(spawner, "VmRSS"), "broker_fds": airlock.descriptors(self.daemon.pid),
                             "spawner_fds": airlock.descriptors(spawner), "processes": len(children(self.daemon.pid))})

    def revive(self):
        """A daemon that is gone, at the same address again."""
        old = self.daemon
        old.lifeline.close()
        old.process.wait(30)
        self.restarts += 1
        flags = ["--listen", self.address, *self.flags]
        self.daemon = airlock.Daemon(*flags, listen=False)
        self.daemon.socket = old.socket

    def end(self):
        """The exit code of the daemon, and what it left."""
        family = list(airlock.descendants(self.daemon.pid))
        code = self.daemon.stop()
        gone = airlock.wait_until(lambda: not any(pathlib.Path(f"/proc/{p}").exists() for p in family), 20)
        self.daemon.lifeline.close()
        return code, [] if gone else family


class Faults:
    def __init__(self, sides, folder, raced):
        self.sides, self.folder, self.raced = sides, folder, raced
        self.original = raced.read_bytes()
        self.count = collections.Counter()
        self.busy = []  # helpers that run for a while
        self.pauses = []  # (when, process) to be continued
        steady, mortal, hostile = sides
        spool_rows = [(2, lambda: self.fill_spool(steady))] if steady.spool and os.path.ismount(steady.spool) else []
        self.table = [(30, lambda: self.kill_worker(random.choice((steady, mortal)))), (14, lambda: self.pause(steady.worker())),
                      (3, lambda: self.pause(steady.spawner())), (3, lambda: self.pause(random.choice(sides).daemon.pid)),
                      (8, lambda: self.kill_caller(steady)), (20, self.race), (2, self.take_memory), *spool_rows]
        self.rare = [(20, lambda: self.kill_spawner(mortal)), (35, lambda: self.kill_broker(mortal))]
        self.next_rare = [time.monotonic() + seconds for seconds, _ in self.rare]

    def one(self):
        """A fault at random, and those that are due by the clock."""
        weights, faults = zip(*self.table)
        random.choices(faults, weights)[0]()
        for i, (seconds, fault) in enumerate(self.rare):
            if time.monotonic() >= self.next_rare[i]:
                self.next_rare[i] = time.monotonic() + seconds
                fault()

    def send(self, name, pid, number):
        if pid is None:
            return False
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        self.count[name] += 1
        return True

    def kill_worker(self, side):
        self.send("worker killed", side.worker(), signal.SIGKILL)

    def pause(self, pid):
        if self.send("process stopped and continued", pid, signal.SIGSTOP):
            self.pauses.append((time.monotonic() + random.uniform(0.001, 0.2), pid))

    def keep_time(self):
        """Continues what was stopped for long enough, and takes leave of helpers that are done."""
        self.busy = [helper for helper in self.busy if helper.poll() is None]
        due = [pause for pause in self.pauses if pause[0] <= time.monotonic()]
        self.pauses = [pause for pause in self.pauses if pause not in due]
        for _, pid in due:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass

    def kill_caller(self, side):
        path = self.folder / "deflated"
        wait = f"sleep {random.uniform(0, 0.05):.3f}; kill -9 $!"
        self.busy.append(subprocess.Popen(["/bin/sh", "-c", '"$0" --address "$1" load "$2" & ' + wait, str(airlock.BIN / "airlock"),
                                           side.address, str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        self.count["caller killed"] += 1

    def race(self):
        """The file is shorter, longer or another for a moment."""
        cut = random.choice((0, len(self.original) // 2, len(self.original) - 1))
        with open(self.raced, "r+b") as file:
            file.truncate(cut)
            time.sleep(random.uniform(0, 0.01))
            file.seek(0)
            file.write(self.original)
        self.count["input truncated and rewritten"] += 1

    def take_memory(self):
        program = f"b = bytearray({MEMORY_BOUND}); import time; b[::4096] = b'x' * len(b[::4096]); time.sleep(0.3)"
        self.busy.append(subprocess.Popen([sys.executable, "-c", program]))
        self.count["memory taken"] += 1

    def fill_spool(self, side):
        filler = pathlib.Path(side.spool, "filler")
        try:
            with open(filler, "wb", buffering=0) as file:
                while file.write(b"\0" * (1 << 20)):
                    pass
        except OSError:
            pass
        time.sleep(0.1)
        filler.unlink()
        self.count["spool filled"] += 1

    def kill_spawner(self, side):
        self.kill_daemon("spawner killed", side, side.spawner())

    def kill_broker(self, side):
        self.kill_daemon("broker killed", side, side.daemon.pid)

    def kill_daemon(self, name, side, pid):
        if self.send(name, pid, signal.SIGKILL):
            self.let_go()  # a broker that is stopped would not end with its spawner
            side.revive()

    def let_go(self):
        """Nobody is stopped any more."""
        while self.pauses:
            self.keep_time()
            time.sleep(0.01)

    def settle(self):
        self.let_go()
        for helper in self.busy:
            helper.wait(30)


def mount_spool(folder):
    spool = folder / "spool"
    spool.mkdir(mode=0o700)
    if os.geteuid() == 0:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SPOOL_BOUND}", "airlock-soak", str(spool)], check=False)
    return spool


def prepare(folder):
    """The three sides."""
    files = {name: make(folder / name) for name, make in samples.ALL.items()}
    files["slow"] = slow(folder / "slow")
    hostile = samples.hostile(folder / "dangerous")
    broken = folder / "broken"
    broken.write_bytes(files["stored"].read_bytes()[:700])
    raced = folder / "raced"
    shutil.copy(files["safetensors"], raced)
    honest = [(f"{name}-{mode}", mode, path, "CLEAN") for name, path in files.items() for mode in ("upload", "server")]
    honest += [("dangerous", "upload", hostile, "DANGEROUS_CONTENT"), ("broken", "upload", broken, broken_endings(broken)),
               ("nothing", "upload", empty(folder), "EMPTY_FILE")]
    race = [("raced", "server", raced, "CLEAN,INPUT_CHANGED,EMPTY_FILE,TRUNCATED,NOT_A_CHECKPOINT,SAFETENSORS_MALFORMED,TENSOR_OUT_OF_BOUNDS")]
    lies, endings = hostile_rows()
    corrupt = []
    for lie in lies:
        path = folder / f"lie-{lie}"
        path.write_text(f"AIRLOCK-HOSTILE {lie}\n")
        corrupt.append((f"lie-{lie}", "upload", path, endings))
    common = ["--root", folder, "--limit", "wall_ms=20000", "--limit", "silence_ms=10000", "--max-loads", "2", "--pool", "2"]
    spool = mount_spool(folder)
    steady = Side("steady", folder, honest + race, *common, allow=["INPUT_CHANGED"], give_up_every=50, threads=2, spool=spool, share=0.6)
    mortal = Side("mortal", folder, honest, *common, allow=RESTARTED)
    worker = ["--worker", airlock.BIN / "airlock-worker-hostile"]
    hostile_side = Side("hostile", folder, corrupt, *common, *worker)
    return (steady, mortal, hostile_side), raced


def empty(folder):
    path = folder / "nothing"
    path.touch()
    return path


def slow(path):
    """Takes a worker long enough to be met by a fault: some MiB to inflate."""
    torch_zip.write(path.with_suffix(".plain"), samples.tensors(16, 1 << 17))
    with zipfile.ZipFile(path.with_suffix(".plain")) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name), source.read(name), zipfile.ZIP_DEFLATED)
    return path


def broken_endings(path):
    """What a truncated file is called: asked once, before any fault."""
    with airlock.Daemon() as daemon:
        done = airlock.run("--address", daemon.address, "load", path)
    return done.stderr.split("(")[-1].split(")")[0]


def soak(sides, faults, minutes, fault_every):
    """Until the time is over; the number of faults, those of callers who give up included."""
    end = time.monotonic() + 60 * minutes
    next_sample = 0
    injected = 0
    while time.monotonic() < end:
        if time.monotonic() >= next_sample:
            next_sample = time.monotonic() + 5
            for side in sides:
                side.sample()
        faults.keep_time()
        if injected < sum(side.loads for side in sides) / fault_every:
            faults.one()
            injected += 1
        else:
            time.sleep(0.005)
    faults.settle()


def growth(samples_, key):
    """From the level after the warm-up (or after a third of a short run) to the end: (first, last), medians of a tenth."""
    start = samples_[0]["at"]
    length = samples_[-1]["at"] - start
    warm = min(WARM_UP_SECONDS, length / 3)
    settled = [s[key] for s in samples_ if s["at"] - start >= warm]
    tenth = max(1, len(settled) // 10)
    middle = lambda values: sorted(values)[len(values) // 2]
    return middle(settled[:tenth]), middle(settled[-tenth:])


def judge(sides, codes, left, hung):
    """Everything that is not as it must be, in words."""
    wrong = [f"{name}: a load hung" for name in hung]
    for side, (code, family) in zip(sides, codes):
        if code != 0:
            wrong.append(f"{side.name}: the daemon ended with {code}: {side.daemon.log.read_text()[-500:]}")
        if family:
            wrong.append(f"{side.name}: left processes behind: {family}")
        if side.summary.get("wrong"):
            wrong.append(f"{side.name}: {side.summary['wrong']} wrong endings: {side.summary['examples'][:5]}")
    steady = sides[0]
    for key in ("broker_kb", "spawner_kb"):
        first, last = growth(steady.samples, key)
        if last > first * (1 + GROWTH) and last - first > SMALL_KB:
            wrong.append(f"steady: {key} grew from {first} to {last}")
    first, last = growth(steady.samples, "spawner_fds")
    if last > first:
        wrong.append(f"steady: the spawner's descriptors grew from {first} to {last}")
    if left:
        wrong.append(f"files left in the spool: {left}")
    return wrong


def descriptors_at_rest(pid, most, patience=90):
    """The pool grew under the load, and lets its workers go one after the other."""
    end = time.monotonic() + patience
    while (found := airlock.descriptors(pid)) > most and time.monotonic() < end:
        time.sleep(1)
    return found


def run(folder, arguments):
    sides, raced = prepare(folder)
    idle = [(airlock.wait_until(lambda: False, 1), airlock.descriptors(side.daemon.pid))[1] for side in sides[:1]][0]
    faults = Faults(sides, folder, raced)
    for side in sides:
        side.run_loads(arguments.seed, arguments.loads_a_second)
    soak(sides, faults, arguments.minutes, arguments.fault_every)
    hung = [side.name for side in sides if side.stop_loads()]
    after = descriptors_at_rest(sides[0].daemon.pid, idle + 4)
    spooled = [p.name for p in pathlib.Path(sides[0].spool).iterdir()]
    for side in sides:
        side.sample()
    codes = [side.end() for side in sides]
    wrong = judge(sides, codes, spooled, hung)
    if after > idle + 4:
        wrong.append(f"steady: descriptors of the broker at rest grew from {idle} to {after}")
    loads = sum(side.loads for side in sides)
    injected = faults.count.total() + sum(side.given_up for side in sides)
    if injected < 0.8 * loads / arguments.fault_every:
        wrong.append(f"only {injected} faults for {loads} loads: this machine is too busy for so many")
    return {"minutes": arguments.minutes, "seed": arguments.seed, "loads": loads, "loads_a_second": round(loads / (60 * arguments.minutes), 1),
            "faults": dict(faults.count), "given_up": sum(side.given_up for side in sides), "restarts": sides[1].restarts,
            "endings": {side.name: totals(side.summary["endings"]) for side in sides},
            "slowest_ms": {side.name: round(side.summary["slowest_ms"]) for side in sides},
            "steady": {key: growth(sides[0].samples, key) for key in ("broker_kb", "spawner_kb", "broker_fds", "spawner_fds", "processes")},
            "wrong": wrong}


def totals(endings):
    sums = collections.Counter()
    for row in endings.values():
        sums.update(row)
    return dict(sums)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fault-every", type=int, default=10)
    parser.add_argument("--loads-a-second", type=float, default=60, help="at most; faults must keep up with them")
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="airlock-soak-"))
    try:
        result = run(folder, arguments)
    finally:
        subprocess.run(["umount", "-l", str(folder / "spool")], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.json:
        arguments.json.write_text(text)
    return 1 if result["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
