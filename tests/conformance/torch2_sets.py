"""Run by a Python that has torch 2.x: writes sets of files, distributed checkpoints and sharded ones, each into a folder of its own, and beside
each (NAME.json) what torch says of it.

usage: PYTHON torch2_sets.py FOLDER
"""
import json
import os
import pathlib
import pickle
import struct
import sys
import tempfile
import warnings

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
import torch.multiprocessing as mp
from torch.distributed.checkpoint.filesystem import _StorageInfo
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save
from torch.distributed.checkpoint.metadata import (BytesStorageMetadata, ChunkStorageMetadata, Metadata, MetadataIndex, StorageMeta,
                                                   TensorProperties, TensorStorageMetadata)

import describe

warnings.filterwarnings("ignore")
DTYPES = [torch.float32, torch.bfloat16, torch.float16, torch.float64, torch.int64, torch.uint8, torch.bool, torch.complex64, torch.float8_e4m3fn]


def numbers(*shape, dtype=torch.float32, first=0):
    count = 1
    for size in shape:
        count *= size
    return (torch.arange(first, first + count) % 97).reshape(shape).to(dtype)


def nested():
    tied = numbers(4, 3)
    return {"model": {f"layer.{i}": numbers(3, 4, dtype=dtype, first=i) for i, dtype in enumerate(DTYPES)}, "tied": [tied, {"again": tied}],
            "optimizer": {"state": {0: {"exp_avg": numbers(3, 4), "step": torch.tensor(7.0)}}, "param_groups": [{"lr": 0.1, "params": [0, 1]}, {}]},
            "epoch": 3, "name": "r\u00e9sum\u00e9", "nothing": None, "empty": {}, "scalar": torch.tensor(2.5), "view": numbers(8, 8)[2:5, ::2],
            "transposed": numbers(5, 6).t(), "none": torch.zeros(0, 3), "parameter": torch.nn.Parameter(numbers(2, 2))}


def expect(folder, name):
    """What torch itself makes of a distributed checkpoint: with its own converter, read back with its own loader."""
    with tempfile.TemporaryDirectory() as directory:
        whole = os.path.join(directory, "whole.pt")
        dcp_to_torch_save(folder / name, whole)
        root = torch.load(whole, weights_only=False)  # written here, a moment ago
    tensors = describe.describe(root)
    for tensor in tensors:
        # Torch copies into a fresh tensor; a tensor that stands in one piece is the bytes of the file, in the order in which they were saved.
        del tensor["strides"]
    (folder / f"{name}.json").write_text(json.dumps(tensors))


def single(folder):
    dcp.save(nested(), checkpoint_id=folder / "dcp-single", no_dist=True)
    expect(folder, "dcp-single")


def rank_saves(rank, world, rendezvous, checkpoint):
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor
    dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=world)
    mesh = init_device_mesh("cpu", (world,))
    whole = {"rows": (numbers(7, 5), Shard(0)), "columns": (numbers(6, 9, dtype=torch.bfloat16), Shard(1)), "copies": (numbers(3, 3), Replicate()),
             "inner": (numbers(4, 3, 5, 2, dtype=torch.float64), Shard(2)), "one": (numbers(1, 4), Shard(0)), "large": (numbers(700, 600), Shard(1))}
    state = {name: distribute_tensor(tensor, mesh, [placement]) for name, (tensor, placement) in whole.items()}
    dcp.save({"model": state, "step": 5, "plain": numbers(2, 2)}, checkpoint_id=checkpoint)
    dist.destroy_process_group()


def ranks(folder):
    with tempfile.TemporaryDirectory() as directory:
        mp.spawn(rank_saves, (2, os.path.join(directory, "rendezvous"), folder / "dcp-ranks"), nprocs=2)
    expect(folder, "dcp-ranks")


def boxes(size):
    """A tensor of three dimensions in eight boxes of different sizes."""
    cuts = [[(0, size[d] // 3), (size[d] // 3, size[d] - size[d] // 3)] for d in range(3)]
    return [[cuts[d][(i >> d) & 1] for d in range(3)] for i in range(8)]


def by_hand(folder):
    """A layout that no two processes make: boxes in all dimensions, in several files, in any order."""
    checkpoint = folder / "dcp-boxes"
    checkpoint.mkdir()
    metadata = Metadata({}, {"weights.cube": ("weights", "cube"), "config": ("config",)}, {}, StorageMeta(), "1.0.0")
    files = {f"__{i}_0.distcp": b"" for i in range(3)}

    def put(index, value):
        name = f"__{len(metadata.storage_data) % 3}_0.distcp"
        with tempfile.TemporaryFile() as file:
            torch.save(value, file)
            file.seek(0)
            item = file.read()
        metadata.storage_data[index] = _StorageInfo(name, len(files[name]), len(item))
        files[name] += item

    for fqn, tensor in (("weights.cube", numbers(7, 8, 10, dtype=torch.int16)), ("flat", numbers(9, 6, 4, dtype=torch.complex128))):
        chunks = []
        for box in boxes(tensor.shape):
            offsets, sizes = torch.Size(start for start, _ in box), torch.Size(length for _, length in box)
            chunks.append(ChunkStorageMetadata(offsets, sizes))
            put(MetadataIndex(fqn, offsets), tensor[tuple(slice(s, s + n) for s, n in box)].clone())
        metadata.state_dict_metadata[fqn] = TensorStorageMetadata(TensorProperties(tensor.dtype), tensor.size(), chunks[::-1])
    metadata.state_dict_metadata["config"] = BytesStorageMetadata()
    put(MetadataIndex("config"), {"a": [1, 2.5, "three"], "tensor": numbers(3)})
    for name, data in files.items():
        (checkpoint / name).write_bytes(data)
    (checkpoint / ".metadata").write_bytes(pickle.dumps(metadata))
    expect(folder, "dcp-boxes")


NAMES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.int64: "I64", torch.uint8: "U8", torch.float64: "F64"}


def safetensors(tensors):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in tensors.items():
        raw = describe.row_major_bytes(tensor)
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def sharded(folder):
    """As transformers saves: a map of names to shards, sorted; reading it is to look each name up in its shard."""
    state = {f"model.layers.{i}.weight": numbers(3, i + 1, dtype=list(NAMES)[i % len(NAMES)], first=i) for i in range(12)}
    shards = {}
    for i, name in enumerate(state):
        shards.setdefault(i % 3, []).append(name)
    for kind, ending, write in (("safetensors", "safetensors", None), ("bin", "bin", torch.save)):
        where = folder / f"sharded-{kind}"
        where.mkdir()
        stem = "model" if kind == "safetensors" else "pytorch_model"
        weight_map = {}
        for number, names in shards.items():
            file = f"{stem}-{number + 1:05}-of-{len(shards):05}.{ending}"
            part = {name: state[name] for name in names}
            if write:
                write(part, where / file)
            else:
                (where / file).write_bytes(safetensors(part))
            weight_map |= {name: file for name in names}
        index = {"metadata": {"total_size": 1234}, "weight_map": dict(sorted(weight_map.items()))}
        (where / f"{stem}.{ending}.index.json").write_text(json.dumps(index, indent=2) + "\n")
        (where / "config.json").write_text('{"model_type": "llama"}')
        ordered = {name: state[name] for name in sorted(state)}
        (folder / f"sharded-{kind}.json").write_text(json.dumps(describe.describe(ordered)))


def main():
    folder = pathlib.Path(sys.argv[1])
    for write in (single, ranks, by_hand, sharded):
        write(folder)
    print(torch.__version__)


if __name__ == "__main__":
    main()
