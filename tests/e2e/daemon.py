"""airlockd from start to end: readiness, exit codes, what it leaves behind."""
import contextlib
import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import samples


def airlockd(*flags, env=None, timeout=30):
    return subprocess.run([str(airlock.BIN / "airlockd"), *flags], capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, **(env or {})})


class Daemon(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.directory.name)
        self.sample = samples.stored(self.path / "sample.pt")

    def tearDown(self):
        self.directory.cleanup()

    def test_ends_with_0_on_sigterm_and_leaves_no_process_and_no_socket(self):
        with airlock.Daemon() as daemon:
            code, report = airlock.report("--address", daemon.address, "load", self.sample)
            self.assertEqual((code, report["verdict"]), (0, "clean"))
            family = list(airlock.descendants(daemon.pid))
            self.assertGreaterEqual(len(family), 2, "a spawner and a worker at least")
            self.assertEqual(daemon.stop(), 0)
            self.assertTrue(airlock.wait_until(lambda: not any(pathlib.Path(f"/proc/{p}").exists() for p in family), 10))
            self.assertFalse(daemon.socket.exists(), "the socket outlived the daemon")

    def test_ends_with_70_when_its_spawner_is_gone(self):
        with airlock.Daemon() as daemon:
            os.kill(airlock.spawner(daemon.pid), signal.SIGKILL)
            self.assertEqual(daemon.process.wait(30), 70)
            self.assertIn("spawner-gone", daemon.log.read_text())

    def test_a_burst_of_connections_leaves_no_deaf_daemon(self):
        with airlock.Daemon() as daemon, contextlib.ExitStack() as connections:
            resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (64, 64))
            for _ in range(100):
                connection = connections.enter_context(socket.socket(socket.AF_UNIX))
                with contextlib.suppress(OSError):  # the daemon may be gone by then
                    connection.connect(str(daemon.socket))
            self.assertEqual(daemon.process.wait(30), 70)
            self.assertIn("listener-gone", daemon.log.read_text())

    @unittest.skipIf(os.environ.get("BUILT_WITH_SANITIZER"), "a sanitizer's runtime needs what is denied")
    def test_every_thread_of_the_broker_is_confined_and_so_is_its_spawner(self):
        with airlock.Daemon() as daemon:
            code, report = airlock.report("--address", daemon.address, "load", self.sample)
            self.assertEqual((code, report["verdict"]), (0, "clean"))
            tasks = [str(task) for task in pathlib.Path(f"/proc/{daemon.pid}/task").iterdir()]
            self.assertGreater(len(tasks), 4)
            for task in tasks + [f"/proc/{airlock.spawner(daemon.pid)}"]:
                lines = pathlib.Path(task, "status").read_text().splitlines()
                self.assertIn("Seccomp:\t2", lines, task)
                self.assertIn("NoNewPrivs:\t1", lines, task)

    def test_ends_when_its_owner_does(self):
        with airlock.Daemon() as daemon:
            daemon.lifeline.close()
            self.assertEqual(daemon.process.wait(30), 0)

    def test_a_private_daemon_takes_the_directory_of_its_socket_with_it(self):
        """And none that holds something else; and not that of a daemon for all."""
        for private, other, stays in ((True, False, False), (True, True, True), (False, False, True)):
            with self.subTest(private=private, other=other):
                directory = pathlib.Path(tempfile.mkdtemp(prefix="airlock-", dir=self.path))
                if other:
                    (directory / "file").touch()
                ours, theirs = socket.socketpair()
                flags = ["--private-fd", str(theirs.fileno())] if private else []
                daemon = subprocess.Popen([str(airlock.BIN / "airlockd"), *flags, "--listen", f"unix:{directory}/s"], pass_fds=[theirs.fileno()],
                                          stderr=subprocess.DEVNULL)
                theirs.close()
                try:
                    self.assertTrue(airlock.wait_until((directory / "s").exists, 30))
                    if private:
                        ours.recv(6)  # so that its directory is a daemon's that served
                    ours.close()
                    if not private:
                        daemon.terminate()
                    self.assertEqual(daemon.wait(30), 0)
                finally:
                    daemon.kill()
                    daemon.wait()
                self.assertEqual(directory.exists(), stays)

    def test_a_command_that_is_killed_leaves_no_directory_behind(self):
        base = self.path / "base"
        base.mkdir()
        # More output than a pipe holds that nobody reads: it does not end by itself.
        command = subprocess.Popen([str(airlock.BIN / "airlock"), "inspect", *[str(self.sample)] * 1000], stdout=subprocess.PIPE,
                                   env={**os.environ, "XDG_RUNTIME_DIR": str(base)})
        try:
            self.assertTrue(airlock.wait_until(lambda: list(base.glob("airlock-*/airlockd.sock")), 30))
        finally:
            command.kill()
            command.wait()
            command.stdout.close()
        self.assertTrue(airlock.wait_until(lambda: not list(base.iterdir()), 30), list(base.iterdir()))

    def test_workers_die_with_a_daemon_that_is_killed(self):
        with airlock.Daemon() as daemon:
            family = list(airlock.descendants(daemon.pid))
            daemon.process.send_signal(signal.SIGKILL)
            daemon.process.wait(10)
            alive = lambda: [p for p in family if airlock.status(p, "PPid") is not None and not self.is_zombie(p)]
            self.assertTrue(airlock.wait_until(lambda: not alive(), 10), f"left behind: {alive()}")

    @staticmethod
    def is_zombie(pid):
        try:
            return ") Z " in pathlib.Path(f"/proc/{pid}/stat").read_text()
        except FileNotFoundError:
            return True

    def test_below_the_minimum_posture_it_refuses_to_start(self):
        done = airlockd("--listen", f"unix:{self.path}/s", "--without-namespaces", "--minimum-posture", "full")
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertIn("namespace", done.stderr)
        self.assertFalse((self.path / "s").exists())

    def test_without_namespaces_the_posture_is_at_most_nested_and_is_told(self):
        with airlock.Daemon("--without-namespaces") as daemon:
            code, report = airlock.report("--address", daemon.address, "load", self.sample)
            self.assertEqual((code, report["posture"]), (0, "nested"))

    def test_bad_usage_is_64(self):
        cases = [["--nonsense"], ["--listen", "nonsense:x"], ["--listen", "tcp:127.0.0.1"], ["--minimum-posture", "none"],
                 ["--limit", "nonsense=1"], ["--limit", "nodes=many"], ["--pool", "minus"], ["--socket-mode", "9"]]
        for flags in cases:
            with self.subTest(flags):
                done = airlockd("--listen", f"unix:{self.path}/s", *flags)
                self.assertEqual(done.returncode, 64, done.stderr)
                self.assertTrue(done.stderr.strip())

    def test_an_address_that_another_has_is_69(self):
        with airlock.Daemon() as daemon, socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            for flags, said in ((["--listen", daemon.address], "another daemon answers there"),
                                (["--insecure-loopback", "--listen", f"tcp:127.0.0.1:{port}"], f"cannot listen on 127.0.0.1:{port}")):
                with self.subTest(flags):
                    done = airlockd(*flags)
                    self.assertEqual(done.returncode, 69, done.stderr)
                    self.assertIn(said, done.stderr)
            self.assertTrue(daemon.socket.exists() and daemon.alive(), "it is let be")

    def test_a_folder_that_is_not_there_is_said_to_be_missing(self):
        folder = f"{self.path}/no/such"
        done = airlockd("--listen", f"unix:{folder}/s")
        self.assertEqual(done.returncode, 64, done.stderr)
        self.assertIn(f"{folder} does not exist", done.stderr)
        self.assertNotIn("Permission denied", done.stderr)

    def test_a_worker_program_that_is_not_there_is_no_reason_to_serve(self):
        done = airlockd("--listen", f"unix:{self.path}/s", "--worker", "/nowhere/airlock-worker")
        self.assertIn(done.returncode, (64, 70, 78), done.stderr)
        self.assertFalse((self.path / "s").exists())

    def test_flags_are_environment_variables_too(self):
        done = airlockd("--listen", f"unix:{self.path}/s", "--without-namespaces", env={"AIRLOCK_MINIMUM_POSTURE": "full"})
        self.assertEqual(done.returncode, 78, done.stderr)

    def test_a_limit_that_is_hit_is_a_verdict_of_its_own(self):
        with airlock.Daemon("--limit", "tensors=3") as daemon:
            code, report = airlock.report("--address", daemon.address, "inspect", self.sample)
            self.assertEqual((code, report["verdict"]), (2, "limit"), report)

    def test_the_socket_has_the_mode_that_was_asked_for(self):
        with airlock.Daemon("--socket-mode", "0600") as daemon:
            self.assertEqual(daemon.socket.stat().st_mode & 0o777, 0o600)


if __name__ == "__main__":
    unittest.main(verbosity=2)
