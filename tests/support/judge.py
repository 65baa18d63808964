"""What the tests of hostile files share: one daemon with tight limits, a verdict for bytes, and the forms that it reads."""
import os
import pathlib
import tempfile
import time
import unittest

import airlock
import payloads

# No hostile file may take more.
SECONDS = 2
MEMORY = 256 << 20
TIGHT = ("--limit", f"memory_bytes={MEMORY}", "--limit", f"cpu_seconds={SECONDS}")


class DaemonTest(unittest.TestCase):
    """One daemon and a directory for files; fails in the end where a file has ended the broker."""

    @classmethod
    def flags(cls):
        """The daemon's."""
        return ()

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.daemon = airlock.Daemon(*cls.flags())

    @classmethod
    def tearDownClass(cls):
        alive = cls.daemon.alive()
        cls.daemon.__exit__()
        cls.directory.cleanup()
        assert alive, "the broker died"


class Judge(DaemonTest):
    """`self.expect(bytes, verdict, ...)`: what the file must be called, within the time and the memory that any file may take."""

    judged = 0

    @classmethod
    def flags(cls):
        return TIGHT

    @classmethod
    def tearDownClass(cls):
        print(f"{cls.__name__}: {cls.judged} files judged", flush=True)
        super().tearDownClass()

    def judge(self, data, command="inspect", suffix=""):
        path = pathlib.Path(self.directory.name, f"file{suffix}")
        path.write_bytes(data)
        start = time.monotonic()
        code, report = airlock.report("--address", self.daemon.address, command, path)
        seconds = time.monotonic() - start
        type(self).judged += 1
        # The worker's processor time is bounded by the limit. What all of it takes is a matter of who else is busy.
        if os.getloadavg()[0] < os.cpu_count():
            self.assertLessEqual(seconds, SECONDS, f"{len(data)} bytes took too long")
        return code, report

    def expect(self, data, *verdicts, suffix=""):
        code, report = self.judge(data, suffix=suffix)
        seen = {key: report.get(key) for key in ("verdict", "reason", "message", "findings")}
        self.assertIn(report["verdict"], verdicts, seen)
        exits = {"clean": 0, "unknown_types": 0, "dangerous": 1, "refused": 1}
        self.assertEqual(code, exits.get(report["verdict"], 2), seen)
        return report

    def forms(self):
        """The forms that this Airlock reads, and says which it does not."""
        read = {}
        for form, write in payloads.FORMS.items():
            if self.judge(write(payloads.PROTO + b"}."))[1]["verdict"] == "clean":
                read[form] = write
            else:
                print(f"SKIPPED: {form} files are not read", flush=True)
        self.assertLessEqual({"zip", "legacy", "tar"}, set(read))
        return read


def table(rows):
    """Fails on two rows of one name, of which one would not be tested."""
    names = [row[0] for row in rows]
    assert len(names) == len(set(names)), [n for n in names if names.count(n) > 1]
    return rows
