"""Where bytes come from: paths under a root and nothing beyond it, uploads whole or not at all, with and without a daemon."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import samples


class Sources(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.directory.name)

    def tearDown(self):
        self.directory.cleanup()

    def test_every_shape_of_file_with_a_private_daemon_and_with_an_addressed_one(self):
        with airlock.Daemon() as daemon:
            for name, make in samples.ALL.items():
                path = make(self.path / name)
                for where in ([], ["--address", daemon.address]):
                    with self.subTest(name, where=where):
                        code, report = airlock.report(*where, "load", path, "--digests")
                        found = {t["name"]: t["sha256"] for t in report["tensors"]}
                        self.assertEqual(code, 0)
                        self.assertEqual(found, {t.name: t.sha256() for t in samples.tensors()})

    @unittest.skipIf(os.geteuid() != 0, "only root can make a file system that is soon full")
    def test_an_upload_that_the_spool_has_no_room_for_is_nobodys_fault(self):
        spool, path = self.path / "spool", self.path / "large.bin"
        spool.mkdir()
        path.write_bytes(bytes(2 << 20))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "airlock-test", str(spool)], check=True)
        try:
            with airlock.Daemon("--spool-dir", spool) as daemon:
                # Without it, nothing is handed in and all is sent.
                pathlib.Path(daemon.address.removeprefix("unix:") + ".fd").unlink()
                done = airlock.run("--address", daemon.address, "load", path)
                self.assertEqual(done.returncode, 69, done.stderr)
                self.assertIn("SPOOL_FULL", done.stderr)
                code, _ = airlock.report("--address", daemon.address, "load", samples.stored(self.path / "small.pt"))
                self.assertEqual(code, 0, "there is room again")
        finally:
            subprocess.run(["umount", "-l", str(spool)], check=True)

    def test_the_address_may_come_from_the_environment(self):
        path = samples.stored(self.path / "sample.pt")
        done = airlock.run("load", path, env={"AIRLOCK_ADDRESS": f"unix:{self.path}/nobody.sock"})
        self.assertEqual(done.returncode, 69, done.stderr)

    def test_a_hostile_file_is_shown_by_inspect_and_refused_by_load(self):
        path = samples.hostile(self.path / "hostile.pt")
        code, report = airlock.report("inspect", path)
        self.assertEqual((code, report["verdict"]), (1, "dangerous"), report)
        dangerous = [s["name"] for s in report["symbols"] if s["class"] == "dangerous"]
        self.assertTrue(any("os" in name and "system" in name for name in dangerous), report["symbols"])
        done = airlock.run("load", path)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertNotIn("marker", done.stdout)
        self.assertEqual(airlock.run("load", "--inert", path).returncode, 0)

    def test_a_hostile_file_that_breaks_off_is_dangerous_before_it_is_broken(self):
        path = samples.hostile(self.path / "cut.pt")
        path.write_bytes(path.read_bytes()[:-1])
        for command in (["inspect"], ["load"], ["load", "--inert"]):
            with self.subTest(command):
                code, report = airlock.report(*command, path)
                self.assertEqual((code, report["verdict"], report["reason"]), (1, "dangerous", "TRUNCATED"), report)
        done = airlock.run("convert", path, self.path / "out.safetensors")
        self.assertEqual(done.returncode, 1, done.stderr)
        whole, broken = samples.stored(self.path / "whole.pt"), self.path / "broken.pt"
        broken.write_bytes(whole.read_bytes()[:-1])
        self.assertEqual(airlock.run("inspect", broken, whole).returncode, 2)
        self.assertEqual(airlock.run("inspect", broken, path, whole).returncode, 1)

    def test_a_path_on_the_server_may_be_relative_here(self):
        path = samples.stored(self.path / "sample.pt")
        with airlock.Daemon("--root", self.path) as daemon:
            for name in (path, "sample.pt", "./sample.pt", f"../{self.path.name}/sample.pt"):
                with self.subTest(name):
                    code, report = airlock.report("--address", daemon.address, "--server-path", "load", name, cwd=self.path)
                    self.assertEqual((code, report["verdict"]), (0, "clean"), report)

    def test_no_process_outlives_the_command(self):
        path = samples.stored(self.path / "sample.pt")
        before = set(os.listdir("/proc"))
        self.assertEqual(airlock.run("load", path).returncode, 0)

        def left():
            names = {}
            for pid in set(os.listdir("/proc")) - before:
                try:
                    name = pathlib.Path(f"/proc/{pid}/comm").read_text()
                    parent = airlock.status(pid, "PPid")
                except (FileNotFoundError, ProcessLookupError):
                    continue
                if name.startswith("airlock") and parent == 1:
                    names[pid] = name
            return names

        self.assertTrue(airlock.wait_until(lambda: not left(), 10), left())


if __name__ == "__main__":
    unittest.main(verbosity=2)
