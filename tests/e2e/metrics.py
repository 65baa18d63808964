"""What a daemon says of itself: metrics that count what happened, and health that knows the walls."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import samples

DURATIONS = "airlock_load_duration_seconds_count"


class Metrics(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name)
        self.sample = samples.stored(self.path / "sample.pt")

    def loads(self, daemon, **labels):
        """How many calls have ended with these labels."""
        return sum(value for (name, having), value in airlock.metrics(daemon).items()
                   if name == "airlock_loads_total" and set(labels.items()) <= having)

    def test_each_call_is_counted_once_under_its_outcome(self):
        hostile = self.path / "hostile.pkl"
        hostile.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
        with airlock.Daemon() as daemon:
            self.assertEqual(self.loads(daemon), 0)
            for _ in range(3):
                self.assertEqual(airlock.run("--address", daemon.address, "load", self.sample).returncode, 0)
            self.assertEqual(airlock.run("--address", daemon.address, "inspect", self.sample).returncode, 0)
            self.assertEqual(airlock.run("--address", daemon.address, "load", hostile).returncode, 1)
            self.assertEqual(self.loads(daemon), 5)
            self.assertEqual(self.loads(daemon, method="Load", outcome="OK", reason="OK", format="torch_zip"), 3)
            self.assertEqual(self.loads(daemon, method="Inspect", outcome="OK"), 1)
            self.assertEqual(self.loads(daemon, outcome="REFUSED", reason="DANGEROUS_CONTENT", format="pickle"), 1)
            told = airlock.metrics(daemon)
            for stage in ("queue", "decode", "validate", "total"):
                self.assertEqual(told[DURATIONS, frozenset({("stage", stage)})], 5)
            self.assertEqual(told["airlock_input_bytes_total", frozenset()], 4 * self.sample.stat().st_size + hostile.stat().st_size)
            self.assertGreaterEqual(told["airlock_worker_births_total", frozenset({("result", "ready")})], 5)

    def test_a_violation_is_counted_by_its_reason(self):
        attack = self.path / "attack.pt"
        attack.write_text("AIRLOCK-HOSTILE 2\n")  # openat
        with airlock.Daemon("--worker", airlock.BIN / "airlock-worker-hostile") as daemon:
            self.assertEqual(airlock.run("--address", daemon.address, "inspect", attack).returncode, 1)
            self.assertEqual(self.loads(daemon, outcome="VIOLATION", reason="SANDBOX_VIOLATION"), 1)

    def test_text_of_callers_and_files_makes_no_series(self):
        with airlock.Daemon() as daemon:
            before = len(airlock.metrics(daemon))
            for number in range(8):
                named = self.path / f'x{number}"}} 1\nairlock_evil 1.pt'
                named.write_bytes(self.sample.read_bytes())
                self.assertEqual(airlock.run("--address", daemon.address, "load", named).returncode, 0)
            after = airlock.metrics(daemon)
            self.assertFalse([name for name, _ in after if "evil" in name])
            self.assertLess(len(after) - before, 150, "one series of loads, and the buckets of four stages")

    def test_there_are_none_without_a_daemon(self):
        done = airlock.run("metrics")
        self.assertEqual((done.returncode, done.stdout), (64, ""))
        self.assertIn("--address", done.stderr)
        self.assertEqual(airlock.run("--address", f"unix:{self.path}/nobody", "metrics").returncode, 69)

    def test_health_knows_its_services_and_no_others(self):
        with airlock.Daemon() as daemon:
            self.assertEqual(airlock.health(daemon), "SERVING")
            self.assertEqual(airlock.health(daemon, "airlock.v1.Loader"), "SERVING")
            self.assertEqual(airlock.health(daemon, "airlock.posture.nothing"), "NOT_FOUND")


if __name__ == "__main__":
    unittest.main(verbosity=2)
