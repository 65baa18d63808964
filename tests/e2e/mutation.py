"""A checkpoint cut or with a byte changed ends, each time, as one verdict within its deadline; the broker lives.

usage: mutation.py truncate|flip COUNT       COUNT for each shape of file, shared among them for flips
"""
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import samples


def flood(daemon, kind, path, count, *more):
    """airlock-flood, finished: (exit code, its summary)."""
    done = subprocess.run([str(airlock.BIN / "airlock-flood"), daemon.address, kind, str(path), str(count), *more],
                          capture_output=True, text=True)
    print(f"{path.name}: {kind} x {count}: exit {done.returncode}\n{done.stdout}{done.stderr}", flush=True)
    return done.returncode, json.loads(done.stdout)


def main():
    kind, count = sys.argv[1], int(sys.argv[2])
    each = count // len(samples.ALL) if kind == "flip" else count
    failed = 0
    with airlock.Daemon() as daemon, tempfile.TemporaryDirectory() as directory:
        for name, make in samples.ALL.items():
            path = make(pathlib.Path(directory, name))
            code, answer = flood(daemon, kind, path, each)
            failed += code != 0
            # A cut file is never whole; a changed byte may be one that holds a weight.
            failed += kind == "truncate" and answer["endings"].get("CLEAN", 0) > 0
            failed += kind == "flip" and set(answer["endings"]) <= {"CLEAN"}
            code, answer = flood(daemon, "repeat", path, 1)
            failed += answer["endings"] != {"CLEAN": 1}
        failed += not daemon.alive()
        failed += daemon.stop() != 0
    sys.exit(1 if failed else 0)


main()
