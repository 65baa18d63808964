"""The bars: what must hold, as ratios of medians of one run. A row is what it says, and how it follows from the results."""
import statistics

import workloads as w
from table import seconds


class Unknown(Exception):
    """Something that the bar needs was not measured."""


class Results:
    """results[workload][peer][metric] = [values]"""

    def __init__(self, results):
        self.results = results

    def values(self, workload, peer, metric="mapped"):
        try:
            return self.results[workload][peer][metric]
        except KeyError:
            raise Unknown(f"{workload}: {peer}: {metric}") from None

    def median(self, *where):
        return statistics.median(self.values(*where))

    def ratio(self, workload, peer, other, metric="mapped", other_metric=None):
        return self.median(workload, peer, metric) / self.median(workload, other, other_metric or metric)

    def growth(self, series, peer):
        """The largest factor by which a step of ten multiplies the time."""
        points = sorted((int(name.rpartition(" ")[2]), name) for name in self.results if name.startswith(f"growth {series} "))
        times = [self.median(name, peer) for _, name in points]
        if len(times) < 2:
            raise Unknown(f"growth {series}")
        return max(later / earlier for earlier, later in zip(times, times[1:]))


def number(value):
    return f"{value:.2f}"


def plain(value):
    return f"{value:.0f}"


AT_MOST, AT_LEAST = "at most", "at least"
KINDS = ("records", "dict", "ints", "floats")

# What, its value, which way, the bound, how both are written.
BARS = [
    ("1 GiB mapped, C++ client", lambda r: r.median("gib", w.MAPPED), AT_MOST, 0.005, seconds),
    ("1 GiB mapped and touched, of torch.load", lambda r: r.ratio("gib", w.MAPPED, w.TORCH, "touched", "mapped"), AT_MOST, 0.4, number),
    ("1 GiB mapped, verified and touched, of mapped and touched", lambda r: r.ratio("gib", w.BESIDE, w.MAPPED, "touched"), AT_MOST, 1.15, number),
    ("1 GiB, the whole command", lambda r: r.median("gib", w.CLI), AT_MOST, 0.030, seconds),
    ("8 GiB mapped, C++ client", lambda r: r.median("sparse", "Airlock mapped, whole"), AT_MOST, 0.005, seconds),
    ("1 GiB mapped, of torch.load(mmap)", lambda r: r.ratio("gib", w.MAPPED, w.TORCH2_MMAP), AT_MOST, 1, number),
    ("1 GiB stream, throughput of bare gRPC's", lambda r: r.ratio("gib", w.GRPC, w.STREAM), AT_LEAST, 0.85, number),
    ("1 GiB stream, throughput of torch.load's", lambda r: r.ratio("gib", w.TORCH, w.STREAM), AT_LEAST, 1, number),
    ("1 GiB stream over mTLS, throughput of bare gRPC's", lambda r: r.ratio("gib", w.GRPC_MTLS, w.MTLS), AT_LEAST, 0.85, number),
    ("tiny checkpoint, p50, 1 client", lambda r: r.median("tiny", "1 clients", "p50"), AT_MOST, 0.002, seconds),
    ("tiny checkpoint, p99, 1 client", lambda r: r.median("tiny", "1 clients", "p99"), AT_MOST, 0.010, seconds),
    ("tiny checkpoint, loads per second, 4 clients", lambda r: r.median("tiny", "4 clients", "per_second"), AT_LEAST, 600, plain),
    ("bubblewrap around a decode, of a load's p50",
     lambda r: r.median("tiny", "bubblewrap around Python's unpickler") / r.median("tiny", "1 clients", "p50"), AT_LEAST, 5, number),
    ("100,000 tensors mapped, C++ client", lambda r: r.median("small100k", w.MAPPED), AT_MOST, 0.150, seconds),
    *((f"100,000 tensors mapped, of {name}", lambda r, peer=peer: r.ratio("small100k", w.MAPPED, peer), AT_MOST, 1 / 30, lambda v: f"1/{1 / v:.1f}")
      for name, peer in (("torch.load of 1.13", w.TORCH), ("torch.load of 2", w.TORCH2))),
    *((f"1,000,000 nodes ({kind}), of pickle.load", lambda r, kind=kind: r.ratio(f"nodes {kind}", "Airlock inspect", "pickle.load"), AT_MOST, 1, number)
      for kind in KINDS),
    *((f"1,000,000 nodes ({kind}) decoded, of pickle.load", lambda r, kind=kind: r.ratio(f"decode {kind}", w.DECODER, "pickle.load"), AT_MOST, 1, number)
      for kind in KINDS),
    ("50,000 tensors decoded, of torch.load", lambda r: r.ratio("decode tensors", w.DECODER, w.TORCH2), AT_MOST, 1 / 20, lambda v: f"1/{1 / v:.0f}"),
    ("256 MiB deflated, rate of libdeflate's", lambda r: r.ratio("inflate", "libdeflate alone", w.MAPPED), AT_LEAST, 0.85, number),
    ("ten times the tensors, time", lambda r: r.growth("tensors", w.MAPPED), AT_MOST, 10, number),
    ("ten times the bytes, time of a stream", lambda r: r.growth("mebibytes", w.STREAM), AT_MOST, 10, number),
    ("ten times the nodes, time", lambda r: r.growth("nodes", "Airlock inspect"), AT_MOST, 10, number),
]


def judge(results):
    """[(what, value, bar, verdict)], as text; None for what was not measured."""
    rows, held = [], True
    for what, value_of, way, bound, form in BARS:
        try:
            value = value_of(Results(results))
        except Unknown:
            continue
        good = value <= bound if way == AT_MOST else value >= bound
        held = held and good
        rows.append((what, form(value), f"{way} {form(bound)}", "pass" if good else "FAIL"))
    return rows, held
