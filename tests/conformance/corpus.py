"""Checkpoints of real projects come out of Airlock as torch 2.14.1 said of them (expected.jsonl), in torch zip and legacy format."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import compare


def rows(folder):
    for line in (folder / "expected.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["ok"]:
            yield folder / row["file"], row["tensors"]


def main():
    folder = airlock.CORPUS / "real"
    if not (folder / "expected.jsonl").exists():
        airlock.skip(f"no corpus of real files at {folder} (set AIRLOCK_CORPUS)")
    tally = compare.Tally()
    with airlock.Daemon() as daemon:
        for path, expected in rows(folder):
            code, answer = airlock.report("--address", daemon.address, "load", path, "--digests")
            tally.check(str(path.relative_to(folder)), code, answer, expected)
    tally.finish()


main()
