"""What is measured: for each workload its files and the peers beside which Airlock is timed."""
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import certificates
import files
from peer import CommandPeer, Missing, Peer, measure

HERE = pathlib.Path(__file__).resolve().parent
CLIENT, FLOOR, NOTHING = (airlock.BIN / f"airlock-bench-{name}" for name in ("client", "floor", "nothing"))
STAGES = airlock.BIN / "airlock-stages"
OLD_TORCH = "/usr/bin/python3"
# Names that several workloads share.
TORCH, TORCH2, TORCH2_MMAP, SAFETENSORS = "torch.load, torch 1.13", "torch.load, torch 2", "torch.load(mmap), torch 2", "safetensors"
MAPPED, STREAM, STREAM_NEW, UPLOAD, CLI = ("Airlock mapped", "Airlock stream, into a buffer", "Airlock stream, into new memory",
                                           "Airlock upload and stream back", "`airlock load`, the whole command")
MTLS, GRPC, GRPC_MTLS = "Airlock stream over mTLS, into a buffer", "bare gRPC slices, into a buffer", "bare gRPC slices over mTLS, into a buffer"
VERIFIED, BESIDE = "Airlock mapped and verified (--verify)", "Airlock mapped, verified while it is touched"
DECODER = "Airlock's decoders"
RATES = (1, 2, 4, 8)


class Bench:
    """One run: its directory, its daemon, and what came out so far."""

    def __init__(self, options, directory, log):
        self.options, self.directory, self.log = options, directory, log
        self.torch2 = options.torch2
        self.certificates = directory / "tls"
        self.certificates.mkdir()
        certificates.both_sides(self.certificates)
        self.port = certificates.free_port()
        self.daemon = airlock.Daemon(
            "--root", directory, "--log-level", "warn", "--listen", f"tcp:127.0.0.1:{self.port}", "--tls-cert",
            self.certificates / "server.pem", "--tls-key", self.certificates / "server.key", "--tls-client-ca", self.certificates / "ca.pem")
        self.results, self.missing = {}, {}

    @property
    def rounds(self):
        return self.options.rounds

    def run(self, workload, makers, rounds=None):
        self.log(f"  {workload}")
        self.results[workload], self.missing[workload] = measure(makers, rounds or self.rounds, self.log)

    def close(self):
        self.daemon.__exit__()

    # Peers, as makers: called with the name that the row has.
    def client(self, kind, path, *flags):
        return lambda name: Peer(name, CLIENT, kind, self.daemon.address, path, *flags)

    def tls_client(self, path):
        flags = ["--tls-ca", self.certificates / "ca.pem", "--tls-cert", self.certificates / "client.pem", "--tls-key",
                 self.certificates / "client.key", "--on-server", "--into-buffer"]
        return lambda name: Peer(name, CLIENT, "load", f"dns:///localhost:{self.port}", path, *flags)

    def command(self, *arguments):
        return lambda name: CommandPeer(name, airlock.BIN / "airlock", "--address", self.daemon.address, *arguments)

    def python(self, kind, *arguments, new=False):
        def make(name):
            if new and not self.torch2:
                raise Missing("no Python with torch 2 ($AIRLOCK_BENCH_TORCH2, or --venv)")
            return Peer(name, self.torch2 if new else OLD_TORCH, HERE / "python_peer.py", kind, *arguments)
        return make

    def decoder(self, path):
        return lambda name: Peer(name, STAGES, path, "--peer")

    def floor(self, *arguments):
        return lambda name: Peer(name, FLOOR, *arguments)

    def bare_grpc(self, count, tls=False):
        address = f"localhost:{certificates.free_port()}" if tls else f"unix:{self.directory}/bare.sock"
        return lambda name: GrpcPeer(name, address, count, ["--tls", self.certificates] if tls else [])

    def sandboxed(self, *command):
        def make(name):
            bwrap = shutil.which("bwrap")
            if not bwrap:
                raise Missing("no bwrap (apt-get install bubblewrap)")
            return CommandPeer(name, bwrap, "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev", "--bind",
                               self.directory, self.directory, *command)
        return make

    def torches(self, path, twin=None):
        """torch.load beside us, and what torch's own users take for speed."""
        makers = {TORCH: self.python("torch", path), TORCH2: self.python("torch", path, new=True),
                  TORCH2_MMAP: self.python("torch_mmap", path, new=True)}
        if twin:
            makers[SAFETENSORS] = self.python("safetensors", twin, new=True)
        return makers


class GrpcPeer(Peer):
    """Bare gRPC: a server of its own, and the client that is timed."""

    def __init__(self, name, address, count, flags):
        self.server = Peer(name, FLOOR, "grpc-server", address, count, *flags)
        if self.server.process.stdout.readline() != "ready\n":
            raise Missing("its server did not come up")
        super().__init__(name, FLOOR, "grpc-client", address, count, *flags)

    def close(self):
        super().close()
        self.server.close()


def gib(bench):
    """1 GiB in 64 tensors."""
    mebibytes = 128 if bench.options.quick else 1024
    tensors = files.full_tensors(mebibytes)
    path, twin = (make(bench.directory, "gib", tensors) for make in (files.checkpoint, files.safetensors))
    isolated = [OLD_TORCH, HERE / "python_peer.py", "isolated", path, bench.directory / "isolated.out"]
    bench.run("gib", {
        MAPPED: bench.client("load", path, "--delivery", "mapped"),
        VERIFIED: bench.client("load", path, "--delivery", "mapped", "--verify"),
        BESIDE: bench.client("load", path, "--delivery", "mapped", "--verify-beside"),
        "Airlock mapped, read into memory (--copy)": bench.client("load", path, "--delivery", "mapped", "--copy"),
        STREAM: bench.client("load", path, "--on-server", "--into-buffer"),
        STREAM_NEW: bench.client("load", path, "--on-server"),
        UPLOAD: bench.client("load", path),
        MTLS: bench.tls_client(path),
        CLI: bench.command("load", path),
        **bench.torches(path, twin),
        "torch 1.13 in another process, shared memory": bench.python("worker", path),
        "the same in a process for each file": lambda name: CommandPeer(name, *isolated),
        "the same in bubblewrap": bench.sandboxed(*isolated),
        "memcpy": bench.floor("memcpy", mebibytes << 20),
        "bare unix socket, into a buffer": bench.floor("socket", mebibytes << 20),
        GRPC: bench.bare_grpc(mebibytes << 20),
        GRPC_MTLS: bench.bare_grpc(mebibytes << 20, tls=True),
    })
    twin.unlink()


def deflated(bench):
    """1 GiB deflated; 256 MiB beside libdeflate."""
    large, stream = files.deflated(bench.directory, 64 if bench.options.quick else 1024)
    bench.run("deflated", {MAPPED: bench.client("load", large, "--delivery", "mapped"), STREAM: bench.client("load", large, "--on-server", "--into-buffer"),
                           TORCH: bench.python("torch", large)}, rounds=min(bench.rounds, 3))
    mebibytes = 32 if bench.options.quick else 256
    path, stream = files.deflated(bench.directory, mebibytes)
    bench.run("inflate", {MAPPED: bench.client("load", path, "--delivery", "mapped"),
                          "libdeflate alone": bench.floor("inflate", stream, 16 << 20, "--times", mebibytes // 16)})
    large.unlink()


def small(bench, workload, tensors, elements):
    made = files.small_tensors(tensors, elements)
    path, twin = (make(bench.directory, workload, made) for make in (files.checkpoint, files.safetensors))
    bench.run(workload, {
        MAPPED: bench.client("load", path, "--delivery", "mapped"),
        STREAM_NEW: bench.client("load", path, "--on-server"),
        UPLOAD: bench.client("load", path),
        CLI: bench.command("load", path),
        **bench.torches(path, twin),
    }, rounds=min(bench.rounds, 5))


def small20k(bench):
    """20,000 tensors of 32 bytes."""
    small(bench, "small20k", 20_000, 8)


def small100k(bench):
    """100,000 tensors of 256 bytes."""
    small(bench, "small100k", 10_000 if bench.options.quick else 100_000, 64)


def nodes(bench):
    """A million objects that are no tensors, end to end to C++ values, beside C's pickle.load."""
    for kind in files.NODES:
        plain, path = files.nodes(bench.directory, kind, 100_000 if bench.options.quick else 1_000_000)
        bench.run(f"nodes {kind}", {"Airlock inspect": bench.client("inspect", path), "pickle.load": bench.python("pickle", plain)})


def decode(bench):
    """What the worker's decoders take alone: a million objects, and 50,000 tensors, to a checked graph."""
    for kind in files.NODES:
        plain, _ = files.nodes(bench.directory, kind, 100_000 if bench.options.quick else 1_000_000)
        bench.run(f"decode {kind}", {DECODER: bench.decoder(plain), "pickle.load": bench.python("pickle", plain)})
    path = files.checkpoint(bench.directory, "decode", files.small_tensors(5_000 if bench.options.quick else 50_000, 8))
    bench.run("decode tensors", {DECODER: bench.decoder(path), TORCH: bench.python("torch", path), TORCH2: bench.python("torch", path, new=True)},
              rounds=min(bench.rounds, 5))


def tiny(bench):
    """A checkpoint of 16 elements: what one load costs, with a fresh walled worker for each."""
    path = files.checkpoint(bench.directory, "tiny", files.small_tensors(1, 16))
    seconds = 0.5 if bench.options.quick else 3
    bench.run("tiny", {
        **{f"{count} clients": bench.client("rate", path, "--on-server", "--clients", count, "--seconds", seconds) for count in RATES},
        "posix_spawn of a static program": bench.floor("spawn", NOTHING),
        "bubblewrap around a static program": bench.sandboxed(NOTHING),
        "bubblewrap around Python's unpickler": bench.sandboxed(OLD_TORCH, HERE / "python_peer.py", "unpickle", path),
        "bubblewrap around torch.load": bench.sandboxed(OLD_TORCH, HERE / "python_peer.py", "isolated", path, bench.directory / "isolated.out"),
        "`airlock load`, the whole command": bench.command("load", path),
    }, rounds=min(bench.rounds, 5))


def sparse(bench):
    """8 GiB, of which nearly all are holes: mapped whole, and one tensor of it."""
    path = files.sparse(bench.directory, 1 if bench.options.quick else 8)
    one = ("--select", files.CHOSEN)
    bench.run("sparse", {
        "Airlock mapped, whole": bench.client("load", path, "--delivery", "mapped", "--untouched"),
        "Airlock mapped, one tensor of 16 MiB": bench.client("load", path, "--delivery", "mapped", *one),
        "Airlock stream, one tensor of 16 MiB": bench.client("load", path, "--on-server", *one),
        "torch.load(mmap), torch 2, one tensor of 16 MiB": bench.python("torch_mmap", path, files.CHOSEN, new=True),
    })
    path.unlink()


def growth(bench):
    """Each of tensors, bytes and nodes ten times, and ten times again."""
    small_ones, large_ones = ((100, 1_000), (1, 10)) if bench.options.quick else ((1_000, 10_000, 100_000), (10, 100, 1000))
    for count in small_ones:
        path = files.checkpoint(bench.directory, "growth", files.small_tensors(count, 64))
        bench.run(f"growth tensors {count}", four_ways(bench, path), rounds=min(bench.rounds, 3))
    for mebibytes in large_ones:
        path = files.checkpoint(bench.directory, "growth", files.full_tensors(mebibytes, 50))
        bench.run(f"growth mebibytes {mebibytes}", four_ways(bench, path), rounds=min(bench.rounds, 3))
    for count in (1_000, 10_000) if bench.options.quick else (10_000, 100_000, 1_000_000):
        plain, path = files.nodes(bench.directory, "records", count)
        bench.run(f"growth nodes {count}", {"Airlock inspect": bench.client("inspect", path), "pickle.load": bench.python("pickle", plain)},
                  rounds=min(bench.rounds, 3))


def four_ways(bench, path):
    """Into a buffer: the growth of a stream. Into new memory besides: of what the kernel asks for fresh pages."""
    return {MAPPED: bench.client("load", path, "--delivery", "mapped"), STREAM: bench.client("load", path, "--on-server", "--into-buffer"),
            STREAM_NEW: bench.client("load", path, "--on-server"), TORCH: bench.python("torch", path)}


ALL = {workload.__name__: workload for workload in (gib, deflated, small20k, small100k, nodes, decode, tiny, sparse, growth)}
