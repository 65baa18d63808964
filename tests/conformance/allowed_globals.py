"""Every name that weights_only=True allows is known here, in every version of torch that there is: naming it is clean, and another
name of the same modules stays unknown.

With /usr/bin/python3's torch and that of each interpreter in $AIRLOCK_TORCH_PYTHONS.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import torches
from payloads import PROTO, in_zip, symbol

NAMES = """
import json
import torch
import torch._weights_only_unpickler as unpickler
names = set(unpickler._get_allowed_globals())
user = getattr(torch.serialization, "get_safe_globals", list)()
names |= {f"{thing.__module__}.{thing.__qualname__}" for thing in user if hasattr(thing, "__qualname__")}
print(json.dumps([torch.__version__, sorted(names)]))
"""


def allowed(python):
    done = subprocess.run([python, "-c", NAMES], capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else None


class AllowedGlobals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.allowed = list(filter(None, map(allowed, torches.interpreters())))
        if not cls.allowed:
            airlock.skip("no interpreter has torch (apt-get install python3-torch)")
        cls.daemon = cls.enterClassContext(airlock.Daemon())
        cls.directory = cls.enterClassContext(tempfile.TemporaryDirectory())

    def classes(self, names):
        """{name: class} of a list that names them all, and the verdict."""
        path = pathlib.Path(self.directory, "names.pt")
        opcodes = b"".join(symbol(*name.rsplit(".", 1)) for name in names)
        path.write_bytes(in_zip(PROTO + b"](" + opcodes + b"e."))
        _, report = airlock.report("--address", self.daemon.address, "inspect", path)
        return {s["name"]: s["class"] for s in report["symbols"]}, report["verdict"]

    def test_each_is_known(self):
        for version, names in self.allowed:
            with self.subTest(torch=version):
                self.assertGreater(len(names), 25)
                classes, verdict = self.classes(names)
                print(f"torch {version}: {len(names)} names", flush=True)
                self.assertEqual({name: its_class for name, its_class in classes.items() if its_class != "known"}, {})
                self.assertEqual(verdict, "clean")

    def test_control_another_name_of_the_same_modules_is_not(self):
        classes, verdict = self.classes(["torch.NoSuchThing", "torch._utils._rebuild_everything", "collections.NoSuchThing"])
        self.assertEqual((set(classes.values()), verdict), ({"unknown"}, "unknown_types"))


if __name__ == "__main__":
    unittest.main(verbosity=1)
