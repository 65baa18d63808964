"""Airlock beside what a user would pick instead, and beside the floor, in one run on this machine.

usage: bench.py [--only WORKLOAD] [--quick] [--rounds N] [--json FILE] [--plot FILE] [--readme] [--require-bars] [--require-ratio N]
"""
import argparse
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock

try:
    import torch
except ImportError:
    airlock.skip("/usr/bin/python3 has no torch (apt-get install python3-torch)")
import bars
import plot
import table
import workloads

HERE = pathlib.Path(__file__).resolve().parent
README = HERE / "README.md"
MARKS = ("<!-- begin: written by run.sh --readme -->", "<!-- end -->")


def log(text):
    print(text, file=sys.stderr, flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="$AIRLOCK_BENCH_TORCH2: a Python that has torch 2 and safetensors. run.sh --venv makes one, in build/bench-venv.")
    parser.add_argument("--only", action="append", choices=list(workloads.ALL), metavar="WORKLOAD", help=", ".join(workloads.ALL))
    parser.add_argument("--quick", action="store_true", help="one round of small files: whether it runs, not how fast")
    parser.add_argument("--rounds", type=int, help="of each peer, after one that warms up (default: 7)")
    parser.add_argument("--json", help="write all values there")
    parser.add_argument("--plot", help="write the growth plot there, as SVG")
    parser.add_argument("--readme", action="store_true", help="write the tables into README.md and the plot beside it")
    parser.add_argument("--require-bars", action="store_true", help="exit 1 if a bar that was measured does not hold")
    parser.add_argument("--require-ratio", type=float, help="exit 1 if 20,000 small tensors are not so many times as fast as torch")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 7)
    options.torch2 = os.environ.get("AIRLOCK_BENCH_TORCH2", "")
    if options.require_ratio and options.only and "small20k" not in options.only:
        parser.error("--require-ratio wants small20k")
    if options.quick and (options.readme or options.require_bars):
        parser.error("a quick run has no bars, and nothing for the README")
    return options


def first_match(path, pattern):
    found = re.search(pattern, pathlib.Path(path).read_text())
    return found.group(1) if found else "?"


def machine(options):
    memory = int(first_match("/proc/meminfo", r"MemTotal: *(\d+)")) >> 20
    newer = ""
    if options.torch2:
        newer = subprocess.run([options.torch2, "-c", "import torch; print(torch.__version__)"], capture_output=True, text=True).stdout.strip()
    return {"cpu": first_match("/proc/cpuinfo", r"model name\s*: (.*)"), "cpus": len(os.sched_getaffinity(0)), "memory_gib": memory,
            "kernel": platform.release(), "system": first_match("/etc/os-release", r'PRETTY_NAME="(.*)"'), "torch": torch.__version__,
            "torch2": newer, "real_time": os.sched_getscheduler(0) in (os.SCHED_RR, os.SCHED_FIFO), "load_before": os.getloadavg()[0], "date": time.strftime("%Y-%m-%d")}


def describe(about, options):
    return (f"{about['date']}, {about['cpus']} CPUs ({about['cpu']}), {about['memory_gib']} GiB, {about['system']}, Linux {about['kernel']}, "
            f"torch {about['torch']}{' and ' + about['torch2'] if about['torch2'] else ''}. Load of the machine before and after: "
            f"{about['load_before']:.1f}, {about['load_after']:.1f}{', all peers at real-time priority' if about['real_time'] else ''}. {'Quick: no figures to quote. ' if options.quick else ''}"
            f"Medians of {options.rounds} rounds ± half the distance of the quartiles; everything in the page cache.")


def times_table(name, results):
    rows = [[peer, table.with_spread(values.get("mapped")), table.with_spread(values.get("touched"))] for peer, values in results.items() if "mapped" in values]
    return table.markdown([name, "mapped", "touched"], rows) if rows else ""


def rates_table(results):
    rows = [[peer, table.with_spread(values["per_second"], lambda value: f"{value:.0f}"), *(table.with_spread(values[key]) for key in ("p50", "p99", "worst"))]
            for peer, values in results.items() if "per_second" in values]
    return table.markdown(["tiny", "loads per second", "p50", "p99", "worst"], rows) if rows else ""


def growth_tables(results):
    """[(axis, table)] and the panels of the plot."""
    tables, panels = [], []
    for axis in ("tensors", "mebibytes", "nodes"):
        points = sorted((int(name.rpartition(" ")[2]), name) for name in results if name.startswith(f"growth {axis} "))
        if not points:
            continue
        series = {}
        for count, name in points:
            for peer, values in results[name].items():
                series.setdefault(peer, []).append((count, table.median(values["mapped"])))
        rows = [[peer, *(table.seconds(value) for _, value in line)] for peer, line in series.items()]
        tables.append(table.markdown([f"growth: {axis}", *(f"{count:,}" for count, _ in points)], rows))
        panels.append((f"time by {axis}", axis, series))
    return tables, panels


def tables_of(results, quick):
    """All of the run as Markdown, bars first."""
    rows, held = bars.judge(results)
    # A quick run's files are not those that the bars name.
    parts = [table.markdown(["bar", "measured", "must be", ""], rows)] if rows and not quick else []
    for name, peers in results.items():
        if name == "tiny":
            parts.append(rates_table(peers))
        if not name.startswith("growth"):
            parts.append(times_table(name, peers))
    growth, panels = growth_tables(results)
    return "\n\n".join(part for part in parts + growth if part), panels, held


def rewrite_readme(text, panels):
    before, _, rest = README.read_text().partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    picture = ""
    if panels:
        (HERE / "growth.svg").write_text(plot.svg(panels))
        picture = "\n\n![time as tensors, bytes and nodes grow](growth.svg)"
    README.write_text(f"{before}{MARKS[0]}\n\n{text}{picture}\n\n{MARKS[1]}{after}")


def run(options):
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="airlock-bench-") as name:
        bench = workloads.Bench(options, pathlib.Path(name), log)
        try:
            for workload in options.only or workloads.ALL:
                log(f"{workload}: {workloads.ALL[workload].__doc__}")
                workloads.ALL[workload](bench)
        finally:
            bench.close()
        return bench


def main():
    options = arguments()
    about = machine(options)
    bench = run(options)
    about["load_after"] = os.getloadavg()[0]
    text, panels, held = tables_of(bench.results, options.quick)
    text = f"{describe(about, options)}\n\n{text}"
    print(text)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"machine": about, "results": bench.results, "missing": bench.missing}, indent=1) + "\n")
    if options.plot and panels:
        pathlib.Path(options.plot).write_text(plot.svg(panels))
    if options.readme:
        rewrite_readme(text, panels)
    if options.require_ratio:
        ratio = bars.Results(bench.results).ratio("small20k", workloads.TORCH, workloads.UPLOAD)
        if ratio < options.require_ratio:
            sys.exit(f"20,000 small tensors: {ratio:.2f} times as fast as torch, not {options.require_ratio}")
    if options.require_bars and not held:
        sys.exit("a bar does not hold")


main()
