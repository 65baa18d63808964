"""What torch.load(weights_only=True) opens and Airlock does not: each row of the table in sandbox/tensors/README.md, by its name, with a file
that torch opens (where the version at hand does) and the answer that it gets here. A row without a test, or a test without a row, fails.

The files are written here, opcode by opcode, and hold nothing that runs. Torch opens them in a process of its own.
"""
import io
import json
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import torches
from payloads import PROTO, integer, sequence, symbol, tensor
from payloads import in_zip as zipped
from torch_zip import text

TABLE = airlock.ROOT / "sandbox" / "tensors" / "README.md"
HEADING = "## What torch loads and this does not"

LOAD = """
import json, sys, warnings
import torch
warnings.filterwarnings("ignore")
opened = {}
for path in sys.argv[1:]:
    try:
        torch.load(path, map_location="cpu", weights_only=True)
        opened[path] = True
    except Exception as error:
        opened[path] = False
print(json.dumps([int(torch.__version__.partition(".")[0]), opened]))
"""


def in_zip(stream):
    return zipped(stream, [("data/0", bytes(16)), ("data/1", bytes(8))])


def plain(opcodes):
    return in_zip(PROTO + opcodes + b".")


def call(module, name, *arguments):
    return symbol(module, name) + b"(" + b"".join(arguments) + b"tR"


def ordered(*pairs):
    return call("collections", "OrderedDict") + (b"(" + b"".join(pairs) + b"u" if pairs else b"")


def storage(kind="FloatStorage", numel=4, key=text("0")):
    return b"(" + text("storage") + symbol("torch", kind) + key + text("cpu") + integer(numel) + b"tQ"


def rebuilt(of=None, shape=(4,), stride=(1,), hooks=None):
    return call("torch._utils", "_rebuild_tensor_v2", of or storage(), integer(0), sequence(shape), sequence(stride), b"\x89", hooks or ordered())


TENSOR = rebuilt()
INDICES = rebuilt(storage("LongStorage", 2), (1, 2), (2, 1))
VALUES = rebuilt(storage(numel=2, key=text("1")), (2,))


def deflated_indices():
    """A sparse tensor whose indices are 33 MiB, deflated: of random columns, so that no limit of ratios ends it first."""
    count = 33 << 17
    draw = random.Random(1)
    low = draw.randbytes(count)
    data = bytearray(8 * count)
    data[0::8] = low
    size = sequence((256,))
    values = rebuilt(storage(numel=1, key=text("1")), (count,), (0,))
    sparse = call("torch._utils", "_rebuild_sparse_tensor", call("torch.serialization", "_get_layout", text("torch.sparse_coo")),
                  b"(" + rebuilt(storage("LongStorage", count), (1, count), (count, 1)) + values + size + b"t")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in (("data.pkl", PROTO + sparse + b"."), ("data/0", bytes(data)), ("data/1", struct.pack("<f", 1)), ("version", b"3\n")):
            archive.writestr(f"archive/{name}", content)
    return out.getvalue()


EITHER, ONLY_1, ONLY_2, NEITHER = {1, 2}, {1}, {2}, set()

# For each row of the table: [(the file, the torch versions that open it, verdict, finding or None)].
ROWS = {
    "allocates-from-a-number": [
        (plain(call("torch", "FloatTensor", integer(4))), EITHER, "unknown_types", "torch.allocates"),
        (plain(call("torch", "FloatTensor", integer(2), integer(2))), EITHER, "unknown_types", "torch.allocates"),
        (plain(call("torch.storage", "UntypedStorage", integer(4))), EITHER, "unknown_types", "torch.allocates"),
        (plain(call("torch", "FloatStorage", integer(4))), ONLY_1, "unknown_types", "torch.allocates"),
        (plain(call("builtins", "bytearray", integer(4))), ONLY_2, "unknown_types", "python.odd-arguments")],
    "state-on-a-complete-tensor": [
        (plain(TENSOR + b"(" + storage() + integer(0) + sequence((2,)) + sequence((1,)) + b"tb"), EITHER, "dangerous", "torch.state-on-tensor"),
        (plain(storage() + b"}" + text("dtype") + symbol("torch", "int8") + b"sb"), ONLY_2, "dangerous", "torch.state-on-tensor")],
    "filled-tensor": [(plain(TENSOR + integer(0) + integer(1) + b"s"), ONLY_1, "malformed", None)],
    "telling-attributes": [(plain(call("torch._utils", "_rebuild_parameter_with_state", TENSOR, b"\x89", ordered(), b"}" + text("requires_grad") + b"\x88s")), ONLY_2,
                            "unknown_types", "torch.odd-attributes")],
    "hooks": [(plain(rebuilt(hooks=ordered(integer(0), symbol("torch", "Size")))), EITHER, "unknown_types", "torch.backward-hooks")],
    "storage-of-two-kinds": [
        (plain(b"(" + TENSOR + rebuilt(storage("LongStorage", 2), (2,)) + b"t"), EITHER, "malformed", None),
        (plain(b"(" + TENSOR + rebuilt(storage(numel=2), (2,)) + b"t"), EITHER, "malformed", None)],
    "storage-of-another-size": [(plain(rebuilt(storage(numel=2), (2,))), ONLY_1, "malformed", None), (plain(rebuilt(storage(numel=8), (4,))), ONLY_1, "malformed", None)],
    "key-that-is-no-text": [(plain(rebuilt(storage(key=integer(0)))), EITHER, "malformed", None)],
    "expanded-without-end": [(plain(rebuilt(shape=(1 << 40,), stride=(0,))), EITHER, ("load --digests", "limit"), None)],
    "kept-as-records": [
        (plain(call("torch._utils", "_rebuild_device_tensor_from_cpu_tensor", TENSOR, symbol("torch", "float16"), text("cpu"), b"\x89")), ONLY_2, "unknown_types",
         "torch.kept-as-record"),
        # Torch writes it and does not read it again.
        (plain(call("torch._utils", "_rebuild_nested_tensor", VALUES, *[rebuilt(storage("LongStorage", 2), (), ())] * 2, rebuilt(storage("LongStorage", 2), (0,)))), NEITHER,
         "unknown_types", "torch.kept-as-record")],
    "sparse-without-a-size": [(plain(call("torch.sparse", "FloatTensor", INDICES, VALUES)), EITHER, "unknown_types", "torch.odd-arguments")],
    "rewritten-indices": [(deflated_indices(), EITHER, "unsupported", None)],
    "codec-but-latin1": [
        (plain(call("_codecs", "encode", text("x"), text("rot13"))), ONLY_2, "unknown_types", "python.odd-arguments"),
        (plain(call("_codecs", "encode", text("x"), text("utf-8"))), ONLY_2, "unknown_types", "python.odd-arguments")],
    "calls-that-nobody-writes": [
        (plain(call("builtins", "set", text("abc"))), ONLY_2, "unknown_types", "python.odd-arguments"),
        (plain(call("collections", "Counter", b"]")), ONLY_2, "unknown_types", "python.odd-arguments"),
        (plain(call("builtins", "complex", text("1+2j"))), ONLY_2, "unknown_types", "python.odd-arguments"),
        (plain(call("torch.nn.parameter", "Parameter")), EITHER, "unknown_types", "torch.odd-arguments"),
        (plain(call("torch", "FloatTensor", b"](G" + bytes(8) + b"e")), ONLY_2, "unknown_types", "torch.odd-arguments")],
    "arguments-in-a-list": [(plain(symbol("torch", "Size") + b"]R"), EITHER, "malformed", None)],
    "more-than-64-dimensions": [(plain(rebuilt(shape=(1,) * 65, stride=(1,) * 65)), EITHER, "limit", None)],
    "leftover-stack": [(plain(b"]]"), EITHER, "unknown_types", "pickle.leftover-stack")],
    "bytes-behind-the-pickle": [(in_zip(PROTO + b"].tail"), EITHER, "refused", None)],
    "protocol-of-tomorrow": [(in_zip(b"\x80\x06}."), EITHER, "malformed", None)],
    "archive-read-in-two-ways": [
        (zipped(tensor()) + b"tail", EITHER, "refused", None),
        (zipped(tensor(), [("data/0", bytes(16)), ("data.pkl", PROTO + b"}.")]), EITHER, "refused", None)],
}


def named_in_the_table():
    section = TABLE.read_text().partition(HEADING)[2].partition("\n## ")[0]
    return re.findall(r"^\| `([a-z0-9-]+)` \|", section, re.MULTILINE)


class Refusals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.daemon = cls.enterClassContext(airlock.Daemon())
        cls.paths = {}
        for row, cases in ROWS.items():
            for number, (data, *_) in enumerate(cases):
                cls.paths[row, number] = cls.directory / f"{row}-{number}.pt"
                cls.paths[row, number].write_bytes(data)
        cls.opened = list(filter(None, map(cls.by_torch, torches.interpreters())))
        print(f"opened by torch {[version for version, _ in cls.opened]}", flush=True)

    @classmethod
    def by_torch(cls, python):
        """(1 or 2, {path: whether it opened it}), or None where there is no torch."""
        done = subprocess.run([python, "-c", LOAD, *map(str, cls.paths.values())], capture_output=True, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def test_each_row_of_the_table_has_its_test_and_each_test_its_row(self):
        self.assertEqual(named_in_the_table(), list(ROWS))

    def check(self, row, number):
        _, versions, verdict, finding = ROWS[row][number]
        path = self.paths[row, number]
        command, verdict = verdict if isinstance(verdict, tuple) else ("inspect", verdict)
        _, report = airlock.report("--address", self.daemon.address, *command.split(), path)
        self.assertEqual(report["verdict"], verdict, report)
        if finding is not None:
            self.assertIn(finding, [f["id"] for f in report["findings"]])
        for version, opened in self.opened:
            self.assertEqual(opened[str(path)], version in versions, f"torch {version}")


def add_test(row):
    def test(self):
        for number in range(len(ROWS[row])):
            with self.subTest(number):
                self.check(row, number)
    setattr(Refusals, f"test_{row.replace('-', '_')}", test)


for row in ROWS:
    add_test(row)

if __name__ == "__main__":
    unittest.main(verbosity=1)
