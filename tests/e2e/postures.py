"""Hosts that have less: what walls are left, who says so, and where the daemon refuses to start."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import samples

NAMESPACES = {f"{kind}-namespace" for kind in ("user", "pid", "ipc", "uts", "mount", "net")}
ORDER = ["filter-only", "nested", "full"]
# Host -> what it lacks, and the posture that is left.
HOSTS = {
    "no-user-namespaces": (NAMESPACES, "nested"),
    "powerless-namespaces": (NAMESPACES, "nested"),
    "no-landlock": ({"landlock"}, "filter-only"),
    "landlock-not-started": ({"landlock"}, "filter-only"),
    "container": (NAMESPACES, "nested"),
    "old-container": (NAMESPACES | {"landlock", "deny-write-execute"}, "filter-only"),
    "debian-12": ({"deny-write-execute"}, "full"),
}


def on(host, *command):
    return [str(airlock.BIN / "airlock-narrow-host"), host, *map(str, command)]


class Postures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.directory.name)
        cls.sample = samples.stored(cls.path / "sample.pt")
        code, doctor = airlock.report("doctor", "--minimum-posture", "filter-only")
        cls.missing_here = {layer["name"] for layer in doctor["layers"] if layer["state"] != "ok"}
        cls.posture_here = doctor["posture"]

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def refused(self, host, minimum):
        """The one line of a daemon that does not start on `host`."""
        done = subprocess.run(on(host, airlock.BIN / "airlockd", "--listen", f"unix:{self.path}/s", "--spool-dir", self.path,
                                 "--minimum-posture", minimum), capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 78, f"{host}, {minimum}: {done.stderr}")
        return done.stderr

    def test_replies_doctor_metrics_and_health_say_what_is_left(self):
        for host, (lacks, posture) in HOSTS.items():
            posture = min(posture, self.posture_here, key=ORDER.index)
            with self.subTest(host), airlock.Daemon("--minimum-posture", "filter-only", host=host) as daemon:
                code, doctor = airlock.report("--address", daemon.address, "doctor")
                self.assertEqual(doctor["posture"], posture)
                self.assertEqual(code, 78 if posture == "filter-only" else 0, "doctor wants `nested` unless told otherwise")
                states = {layer["name"]: layer for layer in doctor["layers"]}
                self.assertEqual({n for n, layer in states.items() if layer["state"] != "ok"}, lacks | self.missing_here)
                for name in lacks:
                    self.assertTrue(states[name]["evidence"] and states[name]["remedy"], name)
                self.assertTrue(all(probe["stopped"] for probe in doctor["probes"]), "the filter stops attacks on any host")
                told = airlock.metrics(daemon)
                for name, layer in states.items():
                    self.assertEqual(told["airlock_isolation_layer", frozenset({("layer", name)})], layer["state"] == "ok", name)
                for each in ORDER:
                    self.assertEqual(told["airlock_isolation_posture", frozenset({("posture", each)})], each == posture)
                    enough = ORDER.index(posture) >= ORDER.index(each)
                    self.assertEqual(airlock.health(daemon, f"airlock.posture.{each}"), "SERVING" if enough else "NOT_SERVING")
                code, report = airlock.report("--address", daemon.address, "load", self.sample)
                self.assertEqual((code, report["verdict"], report["posture"]), (0, "clean", posture))

    def test_below_the_minimum_it_names_layer_and_remedy_and_exits_78(self):
        for host, (lacks, posture) in HOSTS.items():
            for minimum in ORDER[ORDER.index(posture) + 1:]:
                with self.subTest(host, minimum=minimum):
                    said = self.refused(host, minimum)
                    needed = lacks - {"deny-write-execute"}
                    if minimum == "nested":
                        needed -= NAMESPACES
                    for name in needed:
                        self.assertRegex(said, rf"\b{name}\b.* missing: \w+")

    def test_without_filters_nothing_starts(self):
        self.assertIn("seccomp", self.refused("no-filters", "filter-only"))

    def test_an_addressed_daemon_below_the_minimum_gets_no_file(self):
        target = self.path / "out.safetensors"
        commands = [["inspect", self.sample], ["scan", self.sample], ["load", self.sample], ["convert", self.sample, target]]
        with airlock.Daemon("--without-namespaces") as daemon:
            for command in commands:
                for where in ((["--minimum-posture", "full"], {}), ([], {"AIRLOCK_MINIMUM_POSTURE": "full"})):
                    with self.subTest(command, where=where):
                        done = airlock.run("--address", daemon.address, *where[0], *command, env=where[1])
                        self.assertEqual(done.returncode, 78, done.stderr)
                        self.assertIn("nested, below the minimum that was asked for: full", done.stderr)
                        self.assertNotIn("layer0.weight", done.stdout)
            self.assertFalse(target.exists())
            self.assertNotIn("verdict", daemon.log.read_text(), "it was asked to decode nothing")
            for command in commands:
                done = airlock.run("--address", daemon.address, "--minimum-posture", "nested", *command)
                self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("verdict", daemon.log.read_text(), "the control")

    def test_the_environment_holds_for_private_daemons_and_for_doctor(self):
        fewer = {"AIRLOCK_WITHOUT_NAMESPACES": "true", "AIRLOCK_MINIMUM_POSTURE": "full"}
        self.assertEqual(airlock.run("inspect", self.sample, env=fewer).returncode, 78)
        self.assertEqual(airlock.run("inspect", "--minimum-posture", "nested", self.sample, env=fewer).returncode, 0)
        code, doctor = airlock.report("doctor", env=fewer)
        self.assertEqual((code, doctor["minimum_posture"]), (78, "full"))
        done = airlock.run("inspect", self.sample, env={"AIRLOCK_MINIMUM_POSTURE": "most"})
        self.assertEqual(done.returncode, 64, done.stderr)

    def test_a_private_daemon_refuses_too(self):
        for command in (["load", self.sample], ["doctor"]):
            done = subprocess.run(on("old-container", airlock.BIN / "airlock", *command, "--format", "json"), capture_output=True,
                                  text=True, timeout=60)
            self.assertEqual(done.returncode, 78, done.stderr)
        self.assertEqual(json.loads(done.stdout)["posture"], "filter-only", "doctor starts what it can, and tells")


if __name__ == "__main__":
    unittest.main(verbosity=2)
