"""Ten thousand loads through one daemon leave no process, no descriptor and no memory behind.

usage: leak.py LOADS
"""
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import samples

WARM_UP = 1000
# Pools, arenas and gRPC's caches settle in the warm-up; what grows with the number of loads does not.
GROWTH_KB = 8 * 1024


def measure(daemon):
    """After the pool has settled: (resident kB, descriptors, descendants, files in /dev/shm and the spool)."""
    airlock.wait_until(lambda: False, 2)
    return {"rss_kb": airlock.status(daemon.pid, "VmRSS"), "descriptors": airlock.descriptors(daemon.pid),
            "processes": len(airlock.descendants(daemon.pid)), "spooled": len(list(daemon.directory.iterdir()))}


def flood(daemon, files, count):
    for path in files:
        done = subprocess.run([str(airlock.BIN / "airlock-flood"), daemon.address, "repeat", str(path), str(count // len(files)),
                               "--allow", "DANGEROUS_CONTENT"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def main():
    loads = int(sys.argv[1])
    with airlock.Daemon(*airlock.FIXED_POOL) as daemon, tempfile.TemporaryDirectory() as directory:
        folder = pathlib.Path(directory)
        files = [make(folder / name) for name, make in samples.ALL.items()]
        broken = folder / "broken.pt"
        broken.write_bytes(files[0].read_bytes()[:700])
        files += [broken, samples.hostile(folder / "hostile.pt")]
        flood(daemon, files, WARM_UP)
        before = measure(daemon)
        flood(daemon, files, loads)
        after = measure(daemon)
        print(f"before {before}\nafter {loads} loads: {after}")
        assert after["rss_kb"] - before["rss_kb"] <= GROWTH_KB, "memory grows with the number of loads"
        assert after["descriptors"] <= before["descriptors"] + 2, "descriptors leak"
        assert after["processes"] <= before["processes"], "processes leak"
        assert after["spooled"] <= before["spooled"], "spooled uploads are left behind"
        assert daemon.stop() == 0


main()
