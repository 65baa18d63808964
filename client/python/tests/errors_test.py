"""What a refusal says: all names at once, where they are, and the command that yields the weights anyway."""
import io
import os
import pickle
import time

import package
import airlock


class Strange:
    def __init__(self, value):
        self.value = value


class Other(Strange):
    pass


class Hostile:
    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


MARKER = "airlock-test-marker-that-must-not-appear"


class Errors(package.Folder):
    def test_unknown_types_are_listed_at_once(self):
        path = self.write("a.pkl", pickle.dumps({"args": Strange([Other(1)]), "more": {"x": [Strange(2)]}}))
        with self.assertRaises(pickle.UnpicklingError) as caught:
            airlock.load(path, unknown="error", framework="numpy")
        self.assertIsInstance(caught.exception, airlock.UnknownTypesError)
        text = str(caught.exception)
        for expected in ("__main__.Strange", "__main__.Other", "args.value.0", "more.x.0", "airlock convert", str(path), "trusted="):
            self.assertIn(expected, text)
        self.assertEqual([str(symbol) for symbol in caught.exception.symbols], ["__main__.Strange", "__main__.Other"])
        self.assertEqual(airlock.unknown_types(path), ["__main__.Strange", "__main__.Other"])
        self.assertEqual(airlock.load(path, unknown="error", trusted=[Strange, Other])["args"].value[0].value, 1)

    def test_unknown_types_in_deep_places(self):
        """Paths grow with depth: none is made that nobody reads, and none is shown that is as long as the file."""
        levels = 100_000
        data = b"\x80\x02" + b"}X\x0a\x00\x00\x000123456789" * levels + b"cmine\nStrange\n)\x81" + b"s" * levels + b"."
        start = time.process_time()
        with self.assertRaises(airlock.UnknownTypesError) as caught:
            airlock.load(io.BytesIO(data), unknown="error", framework="numpy")
        self.assertLess(time.process_time() - start, 30)
        self.assertIn("mine.Strange: 1 use, at somewhere deep", str(caught.exception))
        self.assertLess(len(str(caught.exception)), 2000)

    def test_dangers_are_listed_at_once(self):
        os.environ.pop(MARKER, None)
        path = self.write("a.pkl", pickle.dumps([Hostile(os.system, f"touch {self.folder}/{MARKER}"), Hostile(eval, "1"), Strange(1)]))
        with self.assertRaises(airlock.DangerousError) as caught:
            airlock.load(path, framework="numpy")
        text = str(caught.exception)
        for expected in ("system", "eval", "would be called", "Nothing of it ran", "airlock convert --inert", "__main__.Strange"):
            self.assertIn(expected, text)
        self.assertEqual(len(caught.exception.symbols), 2)
        got = airlock.load(path, framework="numpy", inert=True)
        self.assertEqual(got[1].record_args, ("1",))
        self.assertFalse((self.folder / MARKER).exists())

    def test_each_kind_of_failure_has_its_class(self):
        import zipfile

        broken = pickle.dumps(list(range(1000)))[:-20]
        cases = [(b"", airlock.EmptyFileError), (b"", EOFError), (broken, airlock.MalformedError), (broken, RuntimeError),
                 (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", airlock.UnsupportedError),
                 (b"<!DOCTYPE html><html></html>", airlock.UnsupportedError), (b"7z\xbc\xaf\x27\x1c" + b"\0" * 60, airlock.UnsupportedError)]
        for data, kind in cases:
            with self.assertRaises(kind) as caught:
                airlock.load(io.BytesIO(data))
            self.assertIsInstance(caught.exception, pickle.UnpicklingError)
            self.assertTrue(caught.exception.reason)
        with self.assertRaises(airlock.LimitError) as limit:
            airlock.load(io.BytesIO(pickle.dumps(list(range(1000)))), limits={"nodes": 10})
        self.assertEqual(limit.exception.reason, "LIMIT_EXCEEDED")
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            for _ in range(2):
                file.writestr("archive/data.pkl", b"N.")
        with self.assertRaises(airlock.RefusedError):
            airlock.load(archive_at_start(archive))

    def test_text_of_a_file_is_escaped(self):
        data = b"\x80\x04\x8c\x08evil\x1b[2J\x8c\x01C\x93)\x81."
        with self.assertRaises(airlock.UnknownTypesError) as caught:
            airlock.load(io.BytesIO(data), unknown="error", framework="numpy")
        self.assertNotIn("\x1b", str(caught.exception))

    def test_inspect_answers_for_bad_files_too(self):
        dangerous = airlock.inspect(io.BytesIO(pickle.dumps(Hostile(os.system, "true"))))
        self.assertEqual((dangerous.verdict, dangerous.ok), ("dangerous", False))
        self.assertTrue(dangerous.dangerous and dangerous.dangerous[0].would_call)
        broken = airlock.inspect(io.BytesIO(b"\x80\x04]"))
        self.assertEqual((broken.verdict, bool(broken.reason)), ("malformed", True))
        clean = airlock.inspect(io.BytesIO(pickle.dumps({"a": [1]})))
        self.assertEqual((clean.verdict, clean.format, clean.tree), ("clean", "pickle", {"a": [1]}))

    def test_arguments(self):
        for wrong in ({"unknown": "ignore"}, {"framework": "jax"}):
            with self.assertRaises(ValueError):
                airlock.load(io.BytesIO(b"N."), **wrong)
        with self.assertRaises(ValueError):
            airlock.load(io.BytesIO(b"N."), limits={"no_such_limit": 1})
        # torch.load's own are taken, and mean nothing.
        self.assertIsNone(airlock.load(io.BytesIO(b"N."), weights_only=False, pickle_module=pickle, encoding="latin1", fix_imports=False))


def archive_at_start(archive):
    archive.seek(0)
    return archive


package.main()
