"""The private daemon: started once, gone with its process however that ends, replaced when it dies, shared with no child by accident."""
import io
import multiprocessing
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
import unittest
import unittest.mock

import package
import airlock
from airlock import _client

DATA = pickle.dumps([1, 2])


def load():
    return airlock.load(io.BytesIO(DATA), framework="numpy")


def pid_of_daemon():
    return _client.client()._daemon._process.pid


def gone(pid, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        stat = pathlib.Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def child(queue):
    queue.put(load())


class Daemon(package.Folder):
    def test_one_for_all_loads_and_threads(self):
        load()
        pid = pid_of_daemon()
        wrong = []
        threads = [threading.Thread(target=lambda: load() == [1, 2] or wrong.append(1)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((wrong, pid_of_daemon()), ([], pid))

    def test_it_is_replaced_when_it_dies(self):
        load()
        pid = pid_of_daemon()
        os.kill(pid, signal.SIGKILL)
        self.assertTrue(gone(pid))
        self.assertEqual(load(), [1, 2])
        self.assertNotEqual(pid_of_daemon(), pid)

    def test_close_ends_it(self):
        load()
        pid = pid_of_daemon()
        directory = pathlib.Path(_client.client()._daemon._directory)
        airlock.close()
        self.assertTrue(gone(pid))
        self.assertFalse(directory.exists())
        self.assertEqual(load(), [1, 2])

    def test_forked_children_load_too(self):
        load()
        pid = pid_of_daemon()
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        children = [context.Process(target=child, args=(queue,)) for _ in range(3)]
        for one in children:
            one.start()
        self.assertEqual([queue.get(timeout=60) for _ in children], [[1, 2]] * 3)
        for one in children:
            one.join(60)
            self.assertEqual(one.exitcode, 0)
        self.assertEqual((load(), pid_of_daemon()), ([1, 2], pid))

    def test_it_ends_with_its_process_however_that_ends(self):
        program = textwrap.dedent("""
            import io, os, sys, time
            import package
            from airlock import _client
            import airlock
            airlock.load(io.BytesIO(b"N."), framework="numpy")
            daemon = _client.client()._daemon
            if os.fork() == 0:
                print(daemon._process.pid, daemon._directory, flush=True)
                time.sleep(60)  # a child that holds all that it inherited
            time.sleep(60)
        """)
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=pathlib.Path(__file__).parent,
                                   start_new_session=True)
        try:
            pid, directory = process.stdout.readline().split()
            self.assertTrue(os.path.isdir(directory))
            process.kill()
            process.wait()
            self.assertTrue(gone(pid))
            self.assertFalse(os.path.exists(directory))
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.stdout.close()

    def test_none_found_and_none_that_starts(self):
        airlock.close()
        for program in ("/nothing/airlockd", "/bin/false"):
            with unittest.mock.patch.dict(os.environ, AIRLOCK_DAEMON=program), self.assertRaises(airlock.DaemonError):
                load()
        with unittest.mock.patch.dict(os.environ, AIRLOCK_ADDRESS=f"unix:{self.folder}/nothing.sock"), \
                self.assertRaises(airlock.DaemonError) as caught:
            load()
        self.assertEqual(caught.exception.reason, "UNAVAILABLE")
        # All but the first only begin like an address of the loopback; the last is one number, and a host far away.
        for host in ("example.invalid", "127.example.invalid", "localhost.example.invalid", "1270.0.0.1", "1270000000"):
            with unittest.mock.patch.dict(os.environ, AIRLOCK_ADDRESS=f"dns:///{host}:1"), self.assertRaises(ValueError):
                load()

    def test_an_addressed_daemon(self):
        load()
        with unittest.mock.patch.dict(os.environ, AIRLOCK_ADDRESS=_client.client()._address):
            self.assertEqual(load(), [1, 2])
            self.assertFalse(_client.client().private)

    def test_walls_below_the_minimum_are_an_error_of_every_daemon(self):
        airlock.close()
        with unittest.mock.patch.dict(os.environ, AIRLOCK_WITHOUT_NAMESPACES="true"):
            load()
            address = _client.client()._address
            with unittest.mock.patch.dict(os.environ, AIRLOCK_ADDRESS=address):
                for minimum, enough in (("nested", True), ("full", False)):
                    with unittest.mock.patch.dict(os.environ, AIRLOCK_MINIMUM_POSTURE=minimum):
                        if enough:
                            self.assertEqual(load(), [1, 2])
                            continue
                        for call in (load, lambda: airlock.inspect(io.BytesIO(DATA))):
                            with self.assertRaisesRegex(airlock.DaemonError, "nested, below the minimum that was asked for: full"):
                                call()
                            # The daemon may be another one by the time that it answers.
                            with unittest.mock.patch.object(_client.Client, "_ask_posture"), \
                                    self.assertRaisesRegex(airlock.DaemonError, "nested, below the minimum that was asked for: full"):
                                call()
                with unittest.mock.patch.dict(os.environ, AIRLOCK_MINIMUM_POSTURE="most"), self.assertRaisesRegex(ValueError, "most"):
                    load()
            airlock.close()
            with unittest.mock.patch.dict(os.environ, AIRLOCK_MINIMUM_POSTURE="full"), self.assertRaisesRegex(airlock.DaemonError, "namespace"):
                load()

    def test_a_timeout_is_a_timeout(self):
        with self.assertRaises(TimeoutError) as caught:
            airlock.load(io.BytesIO(DATA), framework="numpy", timeout=0.000001)
        self.assertEqual(caught.exception.reason, "TIMEOUT", "the word that the command line has for it")


package.main()
