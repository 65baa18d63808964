"""What tests and the bench write without torch (tests/support/torch_zip.py) is what torch.save writes: data.pkl byte by byte, and the storages,
which older versions write in another order. Each torch that there is."""
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import torches

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock
import torch_zip

# Tensors in a file, elements of each: batches of a dict, memos and numbers of each width.
SHAPES = [(1, 3), (2, 300), (37, 64), (999, 5), (1000, 5), (1001, 70_000), (2500, 1)]

SAVE = """
import sys, torch
for line in sys.stdin:
    path, tensors, count = line.split()
    torch.save({f"layer{i}.weight": torch.zeros(int(count)) for i in range(int(tensors))}, path)
"""


def members(path):
    """{name within the archive: bytes} of pickle and storages."""
    with zipfile.ZipFile(path) as archive:
        found = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    return {name: data for name, data in found.items() if name == "data.pkl" or name.startswith("data/")}


def differs(directory, tensors, count):
    ours, theirs = directory / f"ours-{tensors}.pt", directory / f"theirs-{tensors}.pt"
    torch_zip.write(ours, [torch_zip.Tensor(f"layer{i}.weight", count) for i in range(tensors)])
    return members(ours) != members(theirs)


def main():
    found = [(python, version) for python in torches.interpreters() if (version := torches.torch_of(python))]
    if not found:
        airlock.skip("no interpreter has torch (apt-get install python3-torch)")
    wrong = []
    for python, version in found:
        with tempfile.TemporaryDirectory() as name:
            directory = pathlib.Path(name)
            lines = "".join(f"{directory}/theirs-{tensors}.pt {tensors} {count}\n" for tensors, count in SHAPES)
            subprocess.run([python, "-c", SAVE], input=lines, text=True, check=True)
            wrong += [(version, shape) for shape in SHAPES if differs(directory, *shape)]
    for version, (tensors, count) in wrong:
        print(f"torch {version} writes {tensors} tensors of {count} elements in another way")
    print(f"{len(SHAPES)} files by {len(found)} torches, {len(wrong)} otherwise")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
