"""patch(): every torch.load of the process, whoever holds it; weights_only=False stays sandboxed; the environment only makes it stricter."""
import io
import os
import pickle
import subprocess
import sys
import unittest
import unittest.mock
import warnings

import package
from package import saved
import airlock

if not package.HAS_TORCH:
    package.skip("this Python has no torch (apt-get install python3-torch)")
import torch
from torch import load as held_load

CODE = torch.load.__code__


class Strange:
    pass


class Hostile:
    def __reduce__(self):
        return os.system, ("touch airlock-test-marker-that-must-not-appear",)


HOSTILE = saved({"w": torch.ones(2), "h": Hostile()})
STRANGE = saved({"w": torch.ones(2), "s": Strange()})


class Patch(package.Folder):
    def test_whoever_holds_the_function(self):
        with airlock.patch():
            for function in (torch.load, held_load, torch.serialization.load):
                for more in ({}, {"weights_only": False}, {"weights_only": True}, {"foo": "bar"}, {"encoding": "latin1"}):
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        with self.assertRaises(airlock.DangerousError):
                            function(io.BytesIO(HOSTILE), **more)
        self.assertIs(torch.load.__code__, CODE)
        self.assertFalse(os.path.exists("airlock-test-marker-that-must-not-appear"))

    def test_loads_inside_others(self):
        tensor = pickle.dumps(torch.arange(3))  # its storage is a stream that torch.storage._load_from_bytes loads
        hostile = torch.storage._load_from_bytes
        with airlock.patch(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.assertEqual(pickle.loads(tensor).tolist(), [0, 1, 2])  # made two lines ago
            with self.assertRaises(airlock.DangerousError):
                hostile(HOSTILE)

    def test_torch_hub(self):
        (self.folder / "checkpoints").mkdir()
        (self.folder / "checkpoints" / "net.pth").write_bytes(HOSTILE)
        with airlock.patch(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with self.assertRaises(airlock.DangerousError):
                torch.hub.load_state_dict_from_url("https://localhost/net.pth", model_dir=str(self.folder / "checkpoints"))

    def test_weights_only_false_warns_once_a_site(self):
        with airlock.patch(), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(3):
                torch.load(io.BytesIO(saved([1])), weights_only=False)
            torch.load(io.BytesIO(saved([1])), weights_only=False)
        told = [warning for warning in caught if warning.category is airlock.UnsafeLoadWarning]
        self.assertEqual(len(told), 2)
        self.assertIn("patch_test.py", str(told[0].message))
        self.assertEqual(told[0].filename, __file__)

    def test_unknown_types(self):
        with airlock.patch(), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            got = torch.load(io.BytesIO(STRANGE))
        self.assertIsInstance(got["s"], airlock.Record)
        self.assertIn("__main__.Strange", str(caught[-1].message))
        with airlock.patch(unknown="error"), self.assertRaises(pickle.UnpicklingError):
            torch.load(io.BytesIO(STRANGE))
        with airlock.patch(trusted=[Strange]):
            self.assertIsInstance(torch.load(io.BytesIO(STRANGE))["s"], Strange)

    @unittest.skipUnless(hasattr(torch.serialization, "safe_globals"), "this torch has no safe_globals")
    def test_what_the_program_trusts(self):
        with airlock.patch(unknown="error"), torch.serialization.safe_globals([Strange]):
            self.assertIsInstance(torch.load(io.BytesIO(STRANGE), weights_only=True)["s"], Strange)

    def test_environment(self):
        def with_environment(**variables):
            return unittest.mock.patch.dict(os.environ, variables)

        with airlock.patch(), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with with_environment(TORCH_FORCE_WEIGHTS_ONLY_LOAD="1"), self.assertRaises(airlock.UnknownTypesError):
                torch.load(io.BytesIO(STRANGE), weights_only=False)
            with with_environment(TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD="1"):
                with self.assertRaises(airlock.DangerousError):
                    torch.load(io.BytesIO(HOSTILE))
            with with_environment(TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD="1", TORCH_FORCE_WEIGHTS_ONLY_LOAD="yes"), self.assertRaises(RuntimeError):
                torch.load(io.BytesIO(STRANGE))
        self.assertTrue(any("FORCE_NO" in str(warning.message) for warning in caught))

    def test_as_torch_refuses(self):
        with airlock.patch():
            with self.assertRaises(RuntimeError):
                torch.load(io.BytesIO(STRANGE), weights_only=True, pickle_module=pickle)
            with self.assertRaises(ValueError):
                torch.load(io.BytesIO(STRANGE), mmap=True)
            with self.assertRaises(FileNotFoundError):
                torch.load("/nothing/here.pt")

    def test_patches_nest(self):
        outer = airlock.patch()
        with airlock.patch(unknown="error"), self.assertRaises(airlock.UnknownTypesError):
            torch.load(io.BytesIO(STRANGE))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.load(io.BytesIO(STRANGE))
        outer.undo()
        outer.undo()
        self.assertIs(torch.load.__code__, CODE)

    def test_run(self):
        (self.folder / "script.py").write_text(
            "import sys, helper, torch\nassert __name__ == '__main__' and sys.argv[1:] == ['--flag', 'x']\n"
            "try:\n    torch.load('hostile.pt', weights_only=False)\nexcept Exception as error:\n    print(type(error).__name__)\n")
        (self.folder / "helper.py").write_text("")
        self.write("hostile.pt", HOSTILE)
        done = subprocess.run([sys.executable, "-m", "airlock", "run", str(self.folder / "script.py"), "--flag", "x"], capture_output=True, text=True,
                              cwd=self.folder, env={**os.environ, "PYTHONPATH": package.PACKAGE})
        self.assertEqual((done.returncode, done.stdout), (0, "DangerousError\n"), done.stderr)
        self.assertEqual([path.name for path in self.folder.glob("airlock-test-marker*")], [])


package.main()
