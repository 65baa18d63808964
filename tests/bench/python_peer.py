"""What a user would pick instead of Airlock, in the Python that runs this: one round for each line on stdin, as round_loop.h.

usage: python_peer.py KIND FILE [TENSOR | OUTPUT]

torch        torch.load(weights_only=True)
torch_mmap   the same with mmap=True (torch 2.1 and later); of TENSOR alone every byte is read
safetensors  safetensors.torch.load_file
pickle       pickle.load, the C one, of a file that is nothing but a pickle
worker       torch.load in another Python, started beforehand, that sends the tensors back by shared memory
isolated     one file, then the end: torch.load, all bytes to OUTPUT for others to map. What one would put into a sandbox
unpickle     one file, then the end: the pickle in a zip checkpoint, by Python's own unpickler with stubs for torch
"""
import json
import pickle
import sys
import time
import zipfile

WORD = 8


def sum_of_words(tensor):
    """All bytes as 64-bit words: as SumOfWords of round_loop.h."""
    import numpy
    data = tensor.detach().contiguous().view(-1).numpy().view(numpy.uint8)
    whole = len(data) // WORD * WORD
    total = int(data[:whole].view(numpy.uint64).sum(dtype=numpy.uint64))
    return total + int.from_bytes(data[whole:].tobytes(), "little")


def touched(start, tensors):
    loaded = time.perf_counter() - start
    total = sum(map(sum_of_words, tensors)) % (1 << 64)
    return {"mapped": loaded, "touched": time.perf_counter() - start, "sum": total}


def torch_round(path, **more):
    import torch

    def one():
        start = time.perf_counter()
        return touched(start, torch.load(path, weights_only=True, **more).values())
    return one


def torch_mmap_round(path, chosen=None):
    if chosen is None:
        return torch_round(path, mmap=True)
    import torch

    def one():
        start = time.perf_counter()
        return touched(start, [torch.load(path, weights_only=True, mmap=True)[chosen]])
    return one


def safetensors_round(path):
    import safetensors.torch

    def one():
        start = time.perf_counter()
        return touched(start, safetensors.torch.load_file(path).values())
    return one


def pickle_round(path):
    def one():
        start = time.perf_counter()
        with open(path, "rb") as file:
            value = pickle.load(file)
        seconds = time.perf_counter() - start
        del value
        return {"mapped": seconds, "touched": seconds}
    return one


def serve(connection):
    import torch
    while True:
        connection.send(torch.load(connection.recv(), weights_only=True))


def worker_round(path):
    import torch
    import torch.multiprocessing
    context = torch.multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    context.Process(target=serve, args=(theirs,), daemon=True).start()

    def one():
        start = time.perf_counter()
        ours.send(path)
        return touched(start, ours.recv().values())
    return one


def isolated(path, output):
    import torch
    with open(output, "wb") as file:
        for tensor in torch.load(path, weights_only=True).values():
            file.write(tensor.contiguous().view(-1).numpy())


class Stub(pickle.Unpickler):
    def find_class(self, module, name):
        return lambda *_: None

    def persistent_load(self, pid):
        return pid


def unpickle(path):
    with zipfile.ZipFile(path) as archive:
        member = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        with archive.open(member) as file:
            Stub(file).load()


ROUNDS = {"torch": torch_round, "torch_mmap": torch_mmap_round, "safetensors": safetensors_round,
          "pickle": pickle_round, "worker": worker_round}


def main(kind, *arguments):
    if kind == "isolated":
        return isolated(*arguments)
    if kind == "unpickle":
        return unpickle(*arguments)
    one = ROUNDS[kind](*arguments)
    for _ in sys.stdin:
        print(json.dumps(one()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
