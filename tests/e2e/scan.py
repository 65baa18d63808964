"""`airlock scan`: directories, the four ways to print, exit codes, and one daemon for all files."""
import bz2
import gzip
import io
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest
import zipfile
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import dcp_folder
import samples
import torch_zip


def unknown(path):
    """An object of a class that nobody knows."""
    with open(path, "wb") as file:
        writer = torch_zip.Writer(file)
        writer.bytes("data.pkl", b"\x80\x02cmy.module\nThing\n)\x81.")
        writer.bytes("version", b"3\n")
        writer.finish()
    return path


def stranger(path):
    """A member that the checkpoint does not refer to."""
    with open(path, "wb") as file:
        writer = torch_zip.Writer(file)
        writer.bytes("data.pkl", b"\x80\x02}.")
        writer.bytes("other.pkl", b"\x80\x02cos\nsystem\n.")
        writer.bytes("version", b"3\n")
        writer.finish()
    return path


class ScanTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.directory.name)
        (self.path / "sub" / "deep").mkdir(parents=True)
        samples.stored(self.path / "a.pt")
        samples.deflated(self.path / "sub" / "b.pt")
        samples.legacy(self.path / "sub" / "deep" / "no.extension")
        samples.safetensors(self.path / "z.safetensors")
        (self.path / "README.md").write_text("# Weights\n")
        (self.path / "sub" / "__init__.py").write_bytes(b"")
        os.symlink("a.pt", self.path / "link.pt")
        os.symlink(self.path, self.path / "sub" / "ring")
        os.mkfifo(self.path / "fifo")

    def tearDown(self):
        self.directory.cleanup()

    def scan(self, *args, **more):
        """(exit code, {file: object}, summary)"""
        done = airlock.run("scan", "--format", "jsonl", *args, **more)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, {os.path.relpath(o["file"], self.path): o for o in lines[:-1]}, lines[-1]["summary"]

    def test_a_tree_of_good_files_is_clean(self):
        code, files, summary = self.scan(self.path)
        self.assertEqual(code, 0, files)
        self.assertEqual(list(files), ["a.pt", "sub/b.pt", "sub/deep/no.extension", "z.safetensors"])
        self.assertEqual({o["verdict"] for o in files.values()}, {"clean"})
        self.assertEqual([o["format"] for o in files.values()], ["torch_zip", "torch_zip", "torch_legacy", "safetensors"])
        self.assertEqual(summary, {"files": 4, "clean": 4, "unsafe": 0, "undetermined": 0, "error": 0, "let_pass": 0, "with_code": 0, "skipped": 2,
                                   "links": 2, "others": 1, "histories": 0, "left": 0, "exit_code": 0})

    def test_a_project_folder_is_no_flood(self):
        """What was looked into and is none is skipped; what may be one, or was not looked into, is not."""
        def archive(**members):
            data = io.BytesIO()
            with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
                for name, text in members.items():
                    file.writestr(name.replace("__", "."), text)
            return data.getvalue()
        pickle = b"cos\nsystem\n(S'id'\ntR."
        path = self.write("project", {
            "vocab.txt.gz": gzip.compress(b"the words\n" * 100), "object": zlib.compress(b"blob 5\0hello"), "log.bz2": bz2.compress(b"text"),
            "a.docx": archive(**{"[Content_Types]__xml": "<Types/>"}), "a.whl": archive(module__py="import os\n")})
        for name in (".git", ".hg", ".svn"):
            self.write(f"project/{name}", {"pack": samples.hostile(self.path / "sub" / "evil").read_bytes()})
        code, files, summary = self.scan(path)
        self.assertEqual((code, files, summary["skipped"], summary["histories"]), (0, {}, 5, 3))
        self.assertIn("5 skipped that are no checkpoints; 3 folders of version control left out", airlock.run("scan", path).stdout)
        self.assertEqual(self.scan(path / "vocab.txt.gz")[0], 2, "what is named is answered")
        self.assertEqual(self.scan(path / ".git")[0], 1)
        stay = self.write("stay", {
            "a.gz": gzip.compress((self.path / "a.pt").read_bytes()), "b.gz": gzip.compress(b"the words\n" * 100)[:15], "c.docx": archive(
                **{"[Content_Types]__xml": "<Types/>", "x": pickle}), "d.data": b"\x89HDF\r\n\x1a\n", "e.pt": gzip.compress(b"words"), "f.zip": archive(a="b"),
            "g.whl": archive(**{"inner": archive(a="b"), "module__py": "x"}), "h.gz": gzip.compress(gzip.compress(pickle)), "i.gz": gzip.compress(b"words"), "j.md": b"# Words\n"})
        for name in ("i.gz", "j.md"):
            with zipfile.ZipFile(stay / name, "a") as file:  # an archive behind data, as torch.jit.load finds it
                file.writestr("code", "x")
        code, files, _ = self.scan(stay)
        self.assertEqual((code, len(files), {o["status"] for o in files.values()}), (2, 10, {"undetermined"}), files)

    def write(self, folder, files):
        path = self.path / folder
        path.mkdir()
        for name, data in files.items():
            (path / name).write_bytes(data)
        return path

    def test_a_distributed_checkpoint_is_one_thing(self):
        path = self.write("dcp", dcp_folder.sharded())
        code, files, summary = self.scan(path)
        self.assertEqual((code, list(files), files["dcp"]["format"], summary["files"]), (0, ["dcp"], "torch_dcp", 1), files)
        # What nobody refers to nobody has looked at, whatever is allowed.
        samples.hostile(path / "__2_0.distcp")
        code, files, _ = self.scan("--allow-unknown", path)
        self.assertEqual((code, files["dcp"]["status"]), (2, "undetermined"))
        samples.hostile(path / "other.pt")
        self.assertEqual(self.scan(path)[0], 1)

    def test_shards_are_looked_at_one_by_one_and_as_their_index_has_them(self):
        samples.safetensors(self.path / "sub" / "m-1.safetensors")
        names = json.dumps({"weight_map": {f"layer{i}.weight": "m-1.safetensors" for i in range(4)}})
        (self.path / "sub" / "m.safetensors.index.json").write_text(names)
        code, files, _ = self.scan(self.path / "sub")
        self.assertEqual(code, 0, files)
        self.assertEqual(files["sub/m.safetensors.index.json"]["format"], "sharded")
        self.assertEqual(files["sub/m-1.safetensors"]["format"], "safetensors")
        (self.path / "sub" / "m.safetensors.index.json").write_text(names.replace("m-1", "../m-1"))
        code, files, _ = self.scan(self.path / "sub")
        self.assertEqual((code, files["sub/m.safetensors.index.json"]["status"]), (1, "unsafe"))

    def test_the_worst_file_decides(self):
        unknown(self.path / "unknown.pt")
        code, files, _ = self.scan(self.path)
        self.assertEqual((code, files["unknown.pt"]["status"], files["unknown.pt"]["verdict"]), (2, "undetermined", "unknown_types"))
        self.assertEqual(files["unknown.pt"]["symbols"][0]["name"], "my.module.Thing")
        self.assertRegex(airlock.run("scan", self.path).stdout, r"4 clean, 1 undetermined; .*\n1 file undetermined .*--allow-unknown")
        code, files, summary = self.scan("--allow-unknown", self.path)
        self.assertEqual((code, files["unknown.pt"]["verdict"], summary["clean"], summary["let_pass"]), (0, "unknown_types", 5, 1))
        table = airlock.run("scan", "--allow-unknown", self.path).stdout
        self.assertIn("5 files scanned: 4 clean, 1 of unknown types let pass; 2 skipped", table)
        self.assertNotIn("--allow-unknown", table)
        samples.hostile(self.path / "sub" / "evil")
        code, files, summary = self.scan("--allow-unknown", self.path)
        self.assertEqual((code, files["sub/evil"]["status"], summary["unsafe"]), (1, "unsafe", 1))
        self.assertEqual([f["id"] for f in files["sub/evil"]["findings"]], ["pickle.dangerous-symbol"])

    def test_what_cannot_be_decided_is_not_clean(self):
        cut = self.path / "cut.pt"
        cut.write_bytes((self.path / "a.pt").read_bytes()[:500])
        stranger(self.path / "stranger.pt")
        (self.path / "note.pt").write_text("not a checkpoint\n")
        code, files, summary = self.scan("--allow-unknown", self.path)
        self.assertEqual((code, summary["undetermined"], summary["skipped"]), (2, 3, 2), files)
        self.assertEqual(files["cut.pt"]["reason"], "TRUNCATED")
        self.assertEqual(files["stranger.pt"]["verdict"], "unknown_types")
        self.assertIn("other.pkl", files["stranger.pt"]["message"])
        self.assertNotIn("--allow-unknown", airlock.run("scan", self.path / "stranger.pt", self.path / "cut.pt").stdout, "it would not help")
        self.assertEqual(files["note.pt"]["reason"], "NOT_A_CHECKPOINT")

    def test_word_and_exit_code_tell_one_story(self):
        """A clean pickle beside a member that nothing refers to."""
        with open(self.path / "more.pt", "wb") as file:
            writer = torch_zip.Writer(file)
            writer.bytes("data.pkl", b"\x80\x02}.")
            writer.bytes("other", b"whatever it is")
            writer.bytes("version", b"3\n")
            writer.finish()
        done = airlock.run("scan", self.path / "more.pt")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertRegex(done.stdout, r"^undetermined +\S+: it holds what nothing .* refers to .*other")
        self.assertNotIn("clean", done.stdout)

    def test_where_nothing_is_scanned_it_says_so(self):
        (self.path / "none").mkdir()
        for folder, skipped in (("none", ""), ("text", "; 1 skipped")):
            (self.path / "text").mkdir(exist_ok=True)
            (self.path / "text" / "README.md").write_text("# Nothing\n")
            done = airlock.run("scan", self.path / folder)
            self.assertEqual(done.returncode, 0)
            self.assertTrue(done.stdout.startswith("0 files scanned" + skipped), done.stdout)
            self.assertIn("nothing was scanned", done.stderr)
        self.assertEqual(airlock.run("scan", self.path / "a.pt").stderr, "")

    def test_code_that_a_loader_would_run_is_told_beside_clean(self):
        path = self.path / "script.pt"
        with open(path, "wb") as file:
            writer = torch_zip.Writer(file)
            writer.bytes("data.pkl", b"\x80\x02c__torch__\nNet\n)\x81}b.")
            writer.bytes("constants.pkl", b"\x80\x02).")
            writer.bytes("code/__torch__.py", b"class Net(Module):\n  pass\n")
            writer.bytes("version", b"3\n")
            writer.finish()
        code, files, summary = self.scan("--allow-unknown", path)
        self.assertEqual((code, files["script.pt"]["format"], summary["with_code"]), (0, "torchscript", 1), files)
        self.assertIn("torch.jit.load would run", files["script.pt"]["code"])
        table = airlock.run("scan", "--allow-unknown", path, self.path / "a.pt")
        self.assertIn("torch.jit.load would run", table.stdout)
        self.assertIn("1 holds code", table.stdout)

    def test_what_is_named_is_answered(self):
        code, files, _ = self.scan(self.path / "README.md", self.path / "link.pt")
        self.assertEqual((code, files["README.md"]["reason"], files["link.pt"]["status"]), (2, "NOT_A_CHECKPOINT", "clean"))
        code, files, summary = self.scan(self.path / "none", self.path / "a.pt")
        self.assertEqual((code, files["none"]["status"], files["a.pt"]["status"], summary["error"]), (66, "error", "clean", 1))
        self.assertEqual(self.scan(self.path / "fifo")[0], 2)

    def test_json_is_one_object_and_the_table_is_for_people(self):
        samples.hostile(self.path / "evil\n\x1b[31m.pt")
        code, whole = airlock.report("scan", self.path)
        self.assertEqual((code, whole["schema_version"], len(whole["files"]), whole["summary"]["exit_code"]), (1, 1, 5, 1))
        table = airlock.run("scan", self.path)
        self.assertEqual(table.returncode, 1)
        self.assertIn("os.system is called", table.stdout)
        self.assertIn("5 files scanned: 4 clean, 1 unsafe; 2 skipped", table.stdout)
        self.assertNotIn("\x1b", table.stdout)

    def test_sarif_names_each_finding_and_its_place(self):
        samples.hostile(self.path / "evil name.pt")
        unknown(self.path / "unknown.pt")
        done = airlock.run("scan", "--format", "sarif", self.path)
        self.assertEqual(done.returncode, 1)
        log = json.loads(done.stdout)
        self.assertEqual(log["version"], "2.1.0")
        run, = log["runs"]
        self.assertEqual(run["tool"]["driver"]["name"], "airlock")
        results = {r["ruleId"]: r for r in run["results"]}
        self.assertEqual(set(results), {"pickle.dangerous-symbol", "unknown-type"})
        place = results["pickle.dangerous-symbol"]["locations"][0]["physicalLocation"]
        self.assertTrue(place["artifactLocation"]["uri"].endswith("/evil%20name.pt"), place)
        self.assertGreater(place["region"]["byteOffset"], 0)
        self.assertEqual(results["pickle.dangerous-symbol"]["level"], "error")
        self.assertEqual(results["unknown-type"]["level"], "warning")
        rules = {rule["id"]: rule["shortDescription"]["text"] for rule in run["tool"]["driver"]["rules"]}
        self.assertEqual(set(rules), set(results), "the rules that results use, and no others")
        self.assertTrue(all(rules.values()), rules)
        self.assertEqual(airlock.run("inspect", "--format", "sarif", self.path / "a.pt").returncode, 64)

    def test_one_daemon_answers_for_all(self):
        with airlock.Daemon() as daemon:
            self.assertEqual(self.scan("--address", daemon.address, self.path)[0], 0)
        with airlock.Daemon("--root", self.path) as daemon:
            code, files, _ = self.scan("--address", daemon.address, "--server-path", self.path / "a.pt", self.path)
            self.assertEqual((code, files["a.pt"]["status"]), (2, "clean"), "a directory of the daemon's is a set, and not walked")
            self.assertEqual(files["."]["reason"], "UNSUPPORTED_FEATURE")
        code, files, summary = self.scan("--address", "unix:/nowhere.sock", self.path / "a.pt")
        self.assertEqual((code, summary["error"]), (69, 1), files)

    def test_a_signal_ends_it_at_once(self):
        many = self.path / "many"
        many.mkdir()
        for i in range(2000):
            os.link(self.path / "a.pt", many / f"{i:04}.pt")
        for command, number in (("scan", signal.SIGINT), ("inspect", signal.SIGTERM)):
            with self.subTest(command):
                what = [many] if command == "scan" else sorted(many.iterdir())
                process = subprocess.Popen([airlock.BIN / "airlock", command, "--format", "jsonl", *what], stdout=subprocess.PIPE,
                                           stderr=subprocess.PIPE, text=True)
                first = process.stdout.readline()
                process.send_signal(number)
                rest, said = process.stdout.read(), process.stderr.read()
                process.wait(60)
                process.stdout.close()
                process.stderr.close()
                lines = [json.loads(line) for line in [first, *rest.splitlines()]]
                self.assertEqual(process.returncode, -number)
                left = int(re.fullmatch(r"airlock: interrupted: (\d+) files not looked at\n", said)[1])
                answered = sum("file" in line for line in lines)
                self.assertEqual(left + answered, 2000)
                self.assertEqual({line["verdict"] for line in lines if "file" in line}, {"clean"})
                if command == "scan":
                    self.assertEqual((lines[-1]["summary"]["left"], lines[-1]["summary"]["exit_code"]), (left, 70))

    def test_no_path_is_a_usage_error(self):
        self.assertEqual(airlock.run("scan").returncode, 64)


if __name__ == "__main__":
    unittest.main(verbosity=2)
