"""`airlock convert --split`, the command of the wheel: it writes what airlock.convert(split=True) writes."""
import collections
import contextlib
import io
import json
import os
import subprocess
import sys
import unittest.mock

import package
import airlock
from airlock import _cli

if not package.HAS_TORCH:
    package.skip("this Python has no torch (apt-get install python3-torch)")
import torch


class Hostile:
    def __reduce__(self):
        return os.system, ("false",)


class Split(package.Folder):
    def run_command(self, *arguments):
        """The command of the wheel, in this process."""
        with unittest.mock.patch.object(sys, "argv", ["airlock", *map(str, arguments)]), self.assertRaises(SystemExit) as ended, \
                contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
            _cli.main()
        return subprocess.CompletedProcess(arguments, ended.exception.code, out.getvalue(), err.getvalue())

    def run_program(self, *arguments):
        """A command in a process of its own."""
        environment = {**os.environ, "PYTHONPATH": package.PACKAGE}
        return subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, env=environment)

    def training(self):
        weights = collections.OrderedDict([("module.w", torch.ones(3)), ("module.b", torch.zeros(1))])
        weights._metadata = {"": {"version": 1}}
        path = self.folder / "last.pth.tar"
        torch.save({"epoch": 3, "state_dict": weights, "state_dict_ema": {name: tensor * 2 for name, tensor in weights.items()},
                    "optimizer": {"state": {0: {"exp_avg": torch.ones(3), "betas": (0.9, 0.999)}}}, "x": {"w": torch.ones(2)}}, path)
        return path

    def contents(self, folder):
        return {name: (folder / name).read_bytes() for name in sorted(os.listdir(folder))}

    def test_the_same_files(self):
        source = self.training()
        for number, (arguments, options) in enumerate((((), {}), (("--strip",), {"strip": True}), (("--key", "x"), {"key": "x"}))):
            wanted = self.folder / f"wanted-{number}"
            summary = airlock.convert(source, wanted, split=True, **options)
            self.assertEqual(self.contents(wanted).keys(), set(summary["files"]))
            got = self.folder / f"got-{number}"
            done = self.run_command("convert", "--split", *arguments, source, got)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertRegex(done.stdout, rf": {summary['tensors']} tensor{'' if summary['tensors'] == 1 else 's'}\b")
            self.assertEqual(self.contents(got), self.contents(wanted))
            self.assertEqual(airlock.load_training_state(got)["epoch"], 3)
        done = self.run_program("-m", "airlock", "convert", "--split", source, self.folder / "module")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.contents(self.folder / "module"), self.contents(self.folder / "wanted-0"))

    def test_json(self):
        source = self.training()
        done = self.run_command("convert", "--format", "json", source, self.folder / "out", "--split")
        said = json.loads(done.stdout)
        self.assertEqual(said, {"schema_version": 1, "file": str(source), "destination": str(self.folder / "out"), "key": "state_dict", "tensors": 2,
                                "bytes": (self.folder / "out" / "weights.safetensors").stat().st_size, "files": said["files"]})
        self.assertEqual(sorted(said["files"]), sorted(os.listdir(self.folder / "out")))

    def test_what_cannot_be_has_the_exit_code_of_its_kind(self):
        hostile, broken = self.folder / "hostile.pt", self.write("broken.pt", b"\x80\x02]")
        torch.save({"state_dict": {"w": torch.ones(1)}, "x": Hostile()}, hostile)
        source = self.training()
        for path, more, code in ((hostile, (), 1), (broken, (), 2), (self.folder / "nothing", (), 66), (source, ("--key", "nothing"), 2),
                                 (self.folder / "line\nbreak", (), 66), (source, ("--nothing",), 64)):
            done = self.run_command("convert", "--split", *more, path, self.folder / "out")
            self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
            self.assertIn("airlock", done.stderr)
            self.assertNotIn("Traceback", done.stderr)
            self.assertNotIn("line\nbreak", done.stderr)
            self.assertFalse((self.folder / "out").exists())
        self.assertEqual(self.run_command("convert", "--split", "--inert", hostile, self.folder / "out").returncode, 0)
        with unittest.mock.patch.dict(os.environ, AIRLOCK_ADDRESS=f"unix:{self.folder}/nothing.sock"):
            self.assertEqual(self.run_command("convert", "--split", source, self.folder / "other").returncode, 69)

    def test_everything_else_is_the_programs(self):
        """Of the command line of the wheel, only what is asked for with --split is done in Python."""
        source = self.training()
        command = ("-c", "from airlock._cli import main; main()")
        done = self.run_program(*command, "convert", source, self.folder / "w.safetensors")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(airlock.load(self.folder / "w.safetensors")), 2)
        self.assertEqual(self.run_program(*command, "inspect", "--split").returncode, 64)

    def test_the_module_is_the_command_line_too(self):
        source = self.training()
        done = self.run_program("-m", "airlock", "inspect", "--format", "json", source)
        self.assertEqual((done.returncode, json.loads(done.stdout)["verdict"]), (0, "clean"), done.stderr)
        self.assertEqual(self.run_program("-m", "airlock", "convert", source, self.folder / "w.safetensors").returncode, 0)
        self.assertEqual(len(airlock.load(self.folder / "w.safetensors")), 2)
        self.assertEqual(self.run_program("-m", "airlock", "nothing").returncode, 64)
        self.assertIn("--format", self.run_program("-m", "airlock", "inspect", "--help").stdout)
        text = self.run_program("-m", "airlock", "--help").stdout
        for word in ("run SCRIPT", "convert --split SRC DIR", "inspect", "doctor"):
            self.assertIn(word, text)


package.main()
