"""What each worker has for itself, given by the daemon: a cgroup where these are delegated, a user where root was asked for some."""
import os
import pathlib
import signal
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import samples

RANGE = (0x70000000, 64)
# Lodging is no matter of the posture.
FLAGS = ("--minimum-posture", "filter-only", *airlock.FIXED_POOL)


def hierarchy():
    """The root of cgroup v2, as far as it is to be seen, or None."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        if right.startswith("cgroup2 "):
            return pathlib.Path(left.split()[4])
    return None


def write(path, text):
    try:
        path.write_text(text)
        return True
    except OSError:
        return False


def layers(daemon):
    code, doctor = airlock.report("--address", daemon.address, "doctor")
    return {layer["name"]: layer for layer in doctor["layers"]}


def loads(test, daemon, path):
    code, report = airlock.report("--address", daemon.address, "load", path)
    test.assertEqual((code, report["verdict"]), (0, "clean"))


class Lodging(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.sample = samples.stored(pathlib.Path(self.directory.name) / "sample.pt")


class Groups(Lodging):
    def setUp(self):
        super().setUp()
        root = hierarchy()
        if os.geteuid() != 0 or root is None:
            self.skipTest("only root can delegate a cgroup, where there are any")
        for controller in ("+memory", "+pids"):
            write(root / "cgroup.subtree_control", controller)
        self.group = root / f"airlock-e2e-{os.getpid()}"
        try:
            self.group.mkdir()
        except OSError as error:
            self.skipTest(f"no cgroup can be made here: {error}")
        self.addCleanup(self.remove)
        self.controllers = {"memory", "pids"} & set((self.group / "cgroup.controllers").read_text().split())

    def remove(self):
        for group in [*self.group.glob("*/"), self.group]:
            write(group / "cgroup.kill", "1")
            airlock.wait_until(lambda: not group.exists() or self.removed(group), 10)

    @staticmethod
    def removed(group):
        try:
            group.rmdir()
            return True
        except OSError:
            return False

    def need_controllers(self):
        if not self.controllers:
            self.skipTest("cgroup2 has neither memory nor pids here: version 1 has them")

    def left(self):
        return sorted(path.name for path in self.group.glob("worker-*/"))

    def check(self, host=None):
        with airlock.Daemon(*FLAGS, cgroup=self.group, host=host) as daemon:
            loads(self, daemon, self.sample)
            states = layers(daemon)
            for controller in ("memory", "pids"):
                in_force = controller in self.controllers
                self.assertEqual(states[f"{controller}-group"]["state"] == "ok", in_force, states[f"{controller}-group"])
            self.assertIn("worker-groups", daemon.log.read_text())
            self.assertTrue(airlock.wait_until(lambda: len(airlock.workers(daemon.pid)) == 2, 20))
            groups = {pathlib.Path(f"/proc/{pid}/cgroup").read_text().split("0::")[1].split()[0]
                      for pid in airlock.workers(daemon.pid)}
            self.assertEqual(len(groups), 2)
            for group in groups:
                self.assertRegex(group, r"/worker-\d+$")
            self.assertTrue(airlock.wait_until(lambda: len(self.left()) == 2, 20), self.left())
            self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.left(), [])

    def test_each_worker_is_in_a_group_of_its_own_and_none_is_left(self):
        self.need_controllers()
        self.check()

    def test_so_it_is_where_clone3_is_hidden(self):
        self.need_controllers()
        self.check(host="container")

    def test_groups_of_a_daemon_that_was_killed_are_removed_by_the_next(self):
        self.need_controllers()
        with airlock.Daemon(*FLAGS, cgroup=self.group) as daemon:
            daemon.process.send_signal(signal.SIGKILL)
            daemon.process.wait(10)
        self.assertNotEqual(self.left(), [])
        stale = self.group / "worker-999"
        stale.mkdir()
        # A service manager would hand out a fresh group; one that takes this again has to take the controllers back.
        for controller in self.controllers:
            self.assertTrue(airlock.wait_until(lambda: write(self.group / "cgroup.subtree_control", f"-{controller}"), 10))
        with airlock.Daemon(*FLAGS, cgroup=self.group) as daemon:
            self.assertFalse(stale.exists())
            loads(self, daemon, self.sample)

    def test_without_controllers_it_does_without_and_says_so(self):
        if self.controllers:
            self.skipTest("this host's cgroup2 has controllers")
        with airlock.Daemon(*FLAGS, cgroup=self.group) as daemon:
            loads(self, daemon, self.sample)
            states = layers(daemon)
            for name in ("memory-group", "pids-group"):
                self.assertNotEqual(states[name]["state"], "ok")
                self.assertIn("no controller is delegated", states[name]["evidence"])
                self.assertIn("Delegate=", states[name]["remedy"])
        self.assertEqual(self.left(), [])


class Users(Lodging):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("only root has users to give")

    def check(self, *flags):
        with airlock.Daemon("--worker-uids", f"{RANGE[0]}:{RANGE[1]}", *flags, *FLAGS) as daemon:
            loads(self, daemon, self.sample)
            self.assertEqual(layers(daemon)["own-user"]["state"], "ok")
            self.assertTrue(airlock.wait_until(lambda: len(airlock.workers(daemon.pid)) == 2, 20))
            users = [airlock.status(pid, "Uid") for pid in airlock.workers(daemon.pid)]
            self.assertEqual(len(set(users)), 2, users)
            self.assertEqual(airlock.status(airlock.spawner(daemon.pid), "Uid"), RANGE[0])
            for user in users:
                self.assertTrue(RANGE[0] < user < RANGE[0] + RANGE[1], user)

    def test_two_workers_are_two_users(self):
        self.check()

    def test_and_so_without_namespaces(self):
        self.check("--without-namespaces")

    def test_without_a_range_they_are_one_and_doctor_says_so(self):
        with airlock.Daemon(*FLAGS) as daemon:
            state = layers(daemon)["own-user"]
            self.assertNotEqual(state["state"], "ok")
            self.assertIn("--worker-uids", state["remedy"])
            self.assertEqual({airlock.status(pid, "Uid") for pid in airlock.workers(daemon.pid)}, {65534})

    def test_ranges_that_could_be_somebody_elses_are_refused(self):
        for text in ("0:64", "1000:64", "65472:64", "65536:63", "65537:64", "2147483584:64", "65536:131072", "65536", "x:64",
                     "1879048192:8"):
            with self.subTest(text), self.assertRaisesRegex(AssertionError, "--worker-uids"):
                airlock.Daemon("--worker-uids", text, "--max-loads", 2, wait=10)


if __name__ == "__main__":
    unittest.main(verbosity=2)
