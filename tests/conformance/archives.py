"""Archives that torch reads by other ways than its zip: what this machine's torch makes of them, Airlock does too."""
import collections
import io
import pathlib
import struct
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock

try:
    import torch
except ImportError:
    airlock.skip("/usr/bin/python3 has no torch (apt-get install python3-torch)")
import compare
import describe
import torch_tar
from torch_tar import Reference, Storage, Tensor

KINDS = {"Float": "f", "Double": "d", "Long": "q", "Int": "i", "Short": "h", "Char": "b", "Byte": "B"}


def tars():
    for kind, code in KINDS.items():
        data = struct.pack(f"<12{code}", *range(12))
        storage = Storage(101, kind, 12, data, views=[(102, 4, 8), (103, 6, 4)])
        tensors = [Tensor(201, 101, kind, (3, 4), (4, 1)), Tensor(202, 101, kind, (4, 3), (1, 4)), Tensor(203, 102, kind, (2, 2), (2, 1), 3),
                   Tensor(204, 103, kind, (4,), (1,)), Tensor(205, 101, kind, (2, 0), (1, 1))]
        named = collections.OrderedDict((f"layer.{t.key}", Reference(t.key)) for t in tensors)
        tree = {"state_dict": named, "epoch": 3, "again": [Reference(201), (Reference(204), "text", None, 2.5, True)]}
        yield f"tar-{kind}", torch_tar.checkpoint(tree, [storage], tensors)
    two = [Storage(1, "Float", 4, bytes(16)), Storage(2, "Half", 2, b"\0\x3c\0\x40"), Storage(3, "Float", 0, b"")]
    yield "tar-bare-tensor", torch_tar.checkpoint(Reference(9), two, [Tensor(9, 2, "Half", (2,), (1,))])
    yield "tar-no-tensors", torch_tar.checkpoint({"lr": 0.1, "names": ["a", "b"]}, [], [])


def check_tars(tally, daemon, directory):
    for name, data in tars():
        path = pathlib.Path(directory, f"{name}.pth")
        path.write_bytes(data)
        # Written above by this very program: the one place where torch may unpickle. It wants a file for tar.
        with open(path, "rb") as file:
            expected = describe.describe(torch.load(file))
        code, answer = airlock.report("--address", daemon.address, "load", path, "--digests")
        if answer["format"] != "torch_tar" or answer["verdict"] != "clean":
            tally.failed.append(name)
            print(f"{name}: {answer['format']}, {answer['verdict']}, {answer['symbols']}, {answer['findings']}")
        tally.check(name, code, answer, expected)


def main():
    print(f"torch {torch.__version__}")
    tally = compare.Tally()
    with airlock.Daemon() as daemon, tempfile.TemporaryDirectory() as directory:
        check_tars(tally, daemon, directory)
    tally.finish()


main()
