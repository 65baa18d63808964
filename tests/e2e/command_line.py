"""What `airlock` says to whoever types: lost output, wrong words, hints, and what was done."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import samples
import torch_zip


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.directory.name)
        self.sample = samples.stored(self.path / "a.pt")

    def tearDown(self):
        self.directory.cleanup()

    def commands(self):
        target = self.path / "out.safetensors"
        return [["inspect", self.sample], ["inspect", "--format", "json", self.sample], ["scan", self.sample], ["scan", "--format", "sarif", self.sample],
                ["load", self.sample], ["convert", self.sample, target], ["policy"], ["doctor"], ["version"], ["--version"], ["--help"]]

    def run_into(self, stdout, *command):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AIRLOCK_")}
        done = subprocess.run([str(airlock.BIN / "airlock"), *map(str, command)], stdout=stdout, stderr=subprocess.PIPE, text=True,
                              timeout=120, env=environment)
        return done.returncode, done.stderr

    def test_output_that_is_lost_is_no_success(self):
        for command in self.commands():
            with self.subTest(command), open("/dev/full", "w") as full:
                code, said = self.run_into(full, *command)
                self.assertEqual((code, said), (70, "airlock: cannot write to standard output: No space left on device\n"))
        samples.hostile(self.path / "evil.pt")
        with open("/dev/full", "w") as full:
            self.assertEqual(self.run_into(full, "scan", self.path / "evil.pt")[0], 1, "danger hides nothing")

    def test_a_reader_that_went_away_is_no_failure(self):
        for command in (["inspect", self.sample], ["scan", "--format", "json", self.sample], ["policy"]):
            with self.subTest(command):
                read, write = os.pipe()
                os.close(read)
                try:
                    self.assertEqual(self.run_into(write, *command), (0, ""))
                finally:
                    os.close(write)

    def test_a_closed_output_is_not_the_next_file_that_is_opened(self):
        target = self.path / "out.safetensors"
        done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", str(airlock.BIN / "airlock"), "convert", str(self.sample), str(target)],
                              stderr=subprocess.PIPE, text=True, timeout=120)
        self.assertEqual(done.returncode, 70, done.stderr)
        self.assertIn("Bad file descriptor", done.stderr)
        self.assertEqual(airlock.run("load", target).returncode, 0)

    def test_wrong_words_are_named(self):
        cases = [(["foo"], "'foo' is no command", "inspect, scan"), (["--nope"], "--nope", "airlock --help"), ([], "a command is missing", "inspect, scan"),
                 (["inspect", "--timeout", "abc", self.sample], "--timeout: 'abc'", "seconds"), (["inspect", "--nope", "x"], "--nope", "airlock inspect --help"),
                 (["inspect", "--timeout=-1", self.sample], "--timeout: '-1'", "seconds"), (["inspect"], "FILE", "airlock inspect --help")]
        for command, *words in cases:
            with self.subTest(command):
                done = airlock.run(*command)
                self.assertEqual((done.returncode, done.stdout), (64, ""))
                for word in words:
                    self.assertIn(word, done.stderr)
        self.assertEqual(airlock.run("inspect", "\x1b[31m", "--\x1b").stderr.count("\x1b"), 0)
        self.assertRegex(airlock.run("--version").stdout, r"^airlock \d+\.\d+\.\d+\n$")

    def test_help_of_a_command_has_the_options_of_all(self):
        for name in ("inspect", "scan", "load", "convert", "doctor"):
            text = airlock.run(name, "--help").stdout
            for option in ("--address", "--format", "--timeout", "--color", "--minimum-posture"):
                self.assertIn(option, text, name)
            self.assertNotIn("\n\n\n", text)

    def test_verify_says_what_it_compared(self):
        plain = samples.safetensors(self.path / "z.safetensors")
        self.assertIn("verified: the bytes of 4 tensors", airlock.run("load", "--verify", self.sample).stdout)
        self.assertIn("verified: the bytes of 1 tensor ", airlock.run("load", "--verify", "--select", "layer1*", self.sample).stdout)
        self.assertIn("not verified", airlock.run("load", "--verify", plain).stdout)
        for source, said in ((self.sample, ""), (plain, "no CRC-32 of them: 4 of 4 storages")):
            for command in (["convert"], ["convert", "--split"]):
                done = airlock.run(*command, "--verify", source, self.path / f"{len(said)}{len(command)}")
                self.assertEqual((done.returncode, said in done.stderr, "verified" in done.stderr), (0, True, bool(said)), done.stderr)
        # What was not chosen is not there to be verified.
        done = airlock.run("convert", "--verify", "--select", "layer1*", plain, self.path / "chosen")
        self.assertIn("no CRC-32 of them: 1 of 1 storage\n", done.stderr)
        self.assertNotIn("verified", airlock.run("load", self.sample).stdout)
        self.assertEqual(airlock.report("load", "--verify", self.sample)[1]["verified"], {"compared": 4, "without_crc32": 0})
        self.assertEqual(airlock.report("load", "--verify", plain)[1]["verified"], {"compared": 0, "without_crc32": 4})
        empty = self.path / "empty.pt"
        torch_zip.write(empty, [torch_zip.Tensor("nothing", 0), torch_zip.Tensor("something", 4)])
        self.assertEqual(airlock.report("load", "--verify", empty)[1]["verified"], {"compared": 2, "without_crc32": 0})

    def test_a_selection_says_how_many_of_how_many(self):
        for command in ("inspect", "load"):
            table = airlock.run(command, "--select", "layer[12]*", "--select", "layer1*", "--select", "layer2*", self.sample).stdout
            self.assertIn("2 of 4 tensors chosen, 512 B in 2 storages", table)

    def test_a_member_is_not_said_to_be_as_large_as_its_archive(self):
        with zipfile.ZipFile(self.path / "both.zip", "w") as file:
            file.writestr("one.pkl", b"\x80\x02}.")
        table = airlock.run("inspect", f"{self.path}/both.zip!one.pkl").stdout
        self.assertIn("one.pkl: pickle, in a file of ", table)
        self.assertNotIn("in a file of", airlock.run("inspect", self.sample).stdout)

    def test_a_folder_of_several_names_them_and_says_how(self):
        samples.legacy(self.path / "b.pt")
        said = airlock.run("inspect", self.path).stderr
        for word in ("FOLDER!NAME", "'a.pt'", "'b.pt'"):
            self.assertIn(word, said)
        self.assertEqual(airlock.run("inspect", f"{self.path}!b.pt").returncode, 0)

    def test_a_path_beneath_no_root_has_a_hint(self):
        (self.path / "root").mkdir()
        with airlock.Daemon("--root", self.path / "root") as daemon:
            done = airlock.run("--address", daemon.address, "--server-path", "inspect", self.sample)
        self.assertEqual(done.returncode, 66)
        self.assertIn("--root", done.stderr)

    def test_doctor_names_what_is_missing_beyond_the_minimum(self):
        done = airlock.run("doctor")
        layers = json.loads(airlock.run("doctor", "--json").stdout)["layers"]
        missing = ", ".join(layer["name"] for layer in layers if layer["state"] != "ok")
        self.assertEqual(done.returncode, 0, done.stdout)
        last = done.stdout.splitlines()[-1]
        self.assertTrue(last.endswith("missing beyond it: " + missing) if missing else last == "all is well", last)
        for remedy in {layer["remedy"] for layer in layers if layer["state"] != "ok"}:
            self.assertIn(remedy, done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
