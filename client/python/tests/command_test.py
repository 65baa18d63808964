"""The command lines that the wheel brings: `airlock` and `python -m airlock` are the program that it carries."""
import json
import os
import subprocess
import sys

import package
import airlock

if not package.HAS_TORCH:
    package.skip("this Python has no torch (apt-get install python3-torch)")
import torch

SCRIPT = ("-c", "from airlock._cli import main; main()")  # what the wheel's `airlock` does
MODULE = ("-m", "airlock")


class Command(package.Folder):
    def setUp(self):
        super().setUp()
        self.source = self.folder / "last.pth.tar"
        torch.save({"epoch": 3, "state_dict": {"w": torch.ones(3), "b": torch.zeros(1)}}, self.source)

    def run_python(self, *arguments):
        environment = {**os.environ, "PYTHONPATH": package.PACKAGE}
        return subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, env=environment)

    def test_both_are_the_program(self):
        for number, command in enumerate((SCRIPT, MODULE)):
            done = self.run_python(*command, "inspect", "--format", "json", self.source)
            self.assertEqual((done.returncode, json.loads(done.stdout)["verdict"]), (0, "clean"), done.stderr)
            weights = self.folder / f"{number}.safetensors"
            self.assertEqual(self.run_python(*command, "convert", self.source, weights).returncode, 0)
            self.assertEqual(list(airlock.load(weights)), ["w", "b"])
            folder = self.folder / str(number)
            self.assertEqual(self.run_python(*command, "convert", "--split", self.source, folder).returncode, 0)
            self.assertEqual(airlock.load_training_state(folder)["epoch"], 3)
            self.assertEqual(self.run_python(*command, "nothing").returncode, 64)
            self.assertIn("--split", self.run_python(*command, "convert", "--help").stdout)

    def test_help_of_the_module_names_both_halves(self):
        text = self.run_python(*MODULE, "--help").stdout
        for word in ("run SCRIPT", "convert", "inspect", "doctor"):
            self.assertIn(word, text)

    def test_arguments_of_what_is_run_are_its_own(self):
        """Also those that `run` has itself."""
        program = self.write("shown.py", b"import sys, torch; print(sys.argv, sorted(torch.load(sys.argv[-1])))")
        own = ["--flag", "-m", "--inert", str(self.source)]
        for form in (["--inert", str(program)], ["--", str(program)], ["--inert", "-m", "shown"]):
            done = subprocess.run([sys.executable, *MODULE, "run", *form, *own], capture_output=True, text=True, cwd=self.folder,
                                  env={**os.environ, "PYTHONPATH": package.PACKAGE})
            self.assertEqual(done.stdout, f"{[str(program), *own]} ['epoch', 'state_dict']\n", done.stderr)
        self.assertEqual(self.run_python(*MODULE, "run").returncode, 64)
        # Nothing is run without its arguments.
        done = subprocess.run([sys.executable, *MODULE, "run", "-mshown", str(self.source)], capture_output=True, text=True, cwd=self.folder,
                              env={**os.environ, "PYTHONPATH": package.PACKAGE})
        self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)

    def test_without_a_program_it_says_so(self):
        code = "import airlock._cli as c; c.find_program = lambda name: None; c.main(['version'])"
        done = self.run_python("-c", code)
        self.assertEqual((done.returncode, done.stdout), (69, ""))
        self.assertIn("the program is neither", done.stderr)


package.main()
