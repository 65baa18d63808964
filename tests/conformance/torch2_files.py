"""Run by a Python that has torch 2.x: writes checkpoints of what torch 1.13 cannot save into a folder, and beside each what torch says of it.

usage: PYTHON torch2_files.py FOLDER
"""
import collections
import importlib
import io
import json
import pathlib
import sys
import warnings
import zipfile

import torch
import torch.package
from torch.export.pt2_archive._package import load_pt2, package_pt2

import describe

warnings.filterwarnings("ignore")
NEW_DTYPES = ["uint16", "uint32", "uint64", "complex32", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu",
              "float4_e2m1fn_x2", "bits8", "bits16", "bits1x8", "bits2x4", "bits4x2", "bcomplex32"]


def of_bytes(name):
    """A tensor of this dtype over bytes 0, 1, 2 ...: no dtype must be able to compute."""
    dtype = getattr(torch, name)
    tensor = torch.empty(4, 6, dtype=dtype)
    tensor.untyped_storage().copy_(torch.arange(24 * dtype.itemsize, dtype=torch.uint8).untyped_storage())
    return tensor


def dtypes():
    tensors = {name: of_bytes(name) for name in NEW_DTYPES if hasattr(torch, name)}
    return {"tensors": tensors, "views": {name: tensor[1:3, ::2] for name, tensor in tensors.items()}}


def sparse():
    torch.manual_seed(5)
    dense = (torch.rand(4, 6) > 0.5) * torch.randn(4, 6)
    batch = torch.stack([dense, dense.flip(1)])
    out = {"coo": dense.to_sparse(), "batched": torch.stack([dense, dense]).to_sparse_csr(), "hybrid": batch.permute(1, 2, 0).to_sparse(2)}
    out["uncoalesced"] = torch.sparse_coo_tensor(torch.tensor([[1, 0, 1]]), torch.ones(3), (2,))
    for layout in (torch.sparse_csr, torch.sparse_csc):
        out[str(layout)] = dense.to_sparse(layout=layout)
    for layout in (torch.sparse_bsr, torch.sparse_bsc):
        out[str(layout)] = dense.to_sparse(layout=layout, blocksize=(2, 3))
        out[f"{layout} dense"] = dense[:, :, None].expand(4, 6, 2).contiguous().to_sparse(layout=layout, blocksize=(2, 3), dense_dim=1)
    csr = dense.to_sparse_csr()
    out["int32"] = torch.sparse_csr_tensor(csr.crow_indices().int(), csr.col_indices().int(), csr.values(), csr.shape)
    out["nothing"] = torch.zeros(0, 3).to_sparse_csr()
    out["parameter"] = torch.nn.Parameter(dense.to_sparse_csr())
    out["frozen"] = torch.nn.Parameter(dense.to_sparse_csc(), requires_grad=False)
    return out


def with_attributes(tensor):
    tensor.tag, tensor.scale = "name", torch.full((2,), 0.5)
    return tensor


def attributes():
    quantised = torch.quantize_per_tensor(torch.randn(2, 2), 0.1, 1, torch.qint8)
    return {"tensor": with_attributes(torch.ones(3)), "parameter": with_attributes(torch.nn.Parameter(torch.ones(2))), "quantised": with_attributes(quantised),
            "sparse": with_attributes(torch.eye(2).to_sparse()), "meta": with_attributes(torch.empty(2, device="meta")),
            "buffer": torch.nn.Buffer(torch.ones(2)), "nested": with_attributes(torch.nested.nested_tensor([torch.ones(2)]))}


def nested():
    parts = [torch.randn(2, 3), torch.randn(4, 3)]
    return {"plain": torch.nested.nested_tensor(parts), "transposed": torch.nested.nested_tensor(parts).transpose(1, 2),
            "learns": torch.nested.nested_tensor(parts, requires_grad=True), "parameter": torch.nn.Parameter(torch.nested.nested_tensor(parts)),
            "with_nothing": torch.nested.nested_tensor([torch.zeros(0, 3), parts[0]])}


def bits():
    pair = torch.randn(3, 2, dtype=torch.complex64)
    # Of a tensor of its own: torch saves no storage that is viewed with two dtypes.
    return {"conjugate": pair.conj(), "negative": torch.randn(3, 2, dtype=torch.complex64).conj().imag, "both": torch._neg_view(pair.conj()), "plain": pair}


def packed():
    scales, zeros = torch.rand(4) + 0.1, torch.zeros(4)
    return {f"{dtype} {n}": torch.quantize_per_channel(torch.randn(4, n), scales, zeros, 0, dtype) for dtype in (torch.quint4x2, torch.quint2x4)
            for n in (1, 3, 8)}


class Written:
    """What a pickle shows of a tensor as an older torch wrote it: a call, and perhaps a state."""

    def __init__(self, *parts):
        self.parts = parts

    def __reduce__(self):
        return self.parts


def older():
    """Scales in lists (torch 1.3), tensors that get their storage by BUILD and sparse ones by class (before 0.4), size and strides as they were."""
    values = torch.randn(4, 6)
    quantised = torch.quantize_per_channel(values, torch.rand(4).double() + 0.1, torch.arange(4), 0, torch.qint8)
    hooks = collections.OrderedDict()
    lists = (torch.per_channel_affine, quantised.q_per_channel_scales().tolist(), quantised.q_per_channel_zero_points().tolist(), 0)
    indices = torch.tensor([[0, 3], [5, 1]])
    return {"lists": Written(torch._utils._rebuild_qtensor, (quantised._typed_storage(), 0, (4, 6), (6, 1), lists, False, hooks)),
            "built": Written(torch.FloatTensor, (), (values._typed_storage(), 2, (2, 3), (6, 1))), "empty": Written(torch.LongTensor, ()),
            "parameter": Written(torch.nn.Parameter, (values, False)),
            "sparse": Written(torch.sparse.FloatTensor, (indices, torch.ones(2), torch.Size([4, 6])))}


MAKERS = {"older": older, "dtypes": dtypes, "sparse": sparse, "attributes": attributes, "nested": nested, "bits": bits, "packed": packed,
          "untyped": lambda: {"tensor": torch.ones(2), "storage": torch.ones(3).untyped_storage()}}


class Net(torch.nn.Module):
    """Tied weights, a view, a buffer, one that is not saved, a constant, and what does not stand as torch would lay it out."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(3, 4)
        self.tied = self.linear
        self.register_buffer("steps", torch.arange(4))
        self.register_buffer("passing", torch.ones(2), persistent=False)
        self.part = torch.nn.Parameter(torch.arange(12.).reshape(3, 4)[1])
        self.turned = torch.nn.Parameter(torch.ones(3, 2, dtype=torch.bfloat16).t(), requires_grad=False)
        self.constant = torch.full((2,), 3.0)

    def forward(self, x, *, scale=None):
        y = self.tied(self.linear(x)[:, :3]) + self.steps + self.passing[0] + self.constant[1] + self.turned.float().sum() + self.part
        return y if scale is None else y * scale


def of_program(program):
    return {"state_dict": program.state_dict, "constants": program.constants, "example_inputs": program.example_inputs}


def exported(folder):
    """What torch.export writes, and what it wrote before 2.8."""
    program = torch.export.export(Net(), (torch.ones(2, 3),), {"scale": torch.ones(4)})
    torch.export.save(program, folder / "exported.pt2", extra_files={"note.txt": "by the author"})
    yield "exported", of_program(torch.export.load(folder / "exported.pt2"))
    small = torch.export.export(torch.nn.Linear(2, 2), (torch.ones(1, 2),))
    package_pt2(folder / "exported-two.pt2", exported_programs={"one": program, "two": small})
    loaded = load_pt2(folder / "exported-two.pt2").exported_programs
    yield "exported-two", {name: of_program(loaded[name]) for name in ("one", "two")}
    with zipfile.ZipFile(folder / "exported-old.pt2", "w") as archive:
        archive.writestr("serialized_exported_program.json", "{}")
        for name, value in of_program(program).items():
            buffer = io.BytesIO()
            torch.save(value, buffer)
            archive.writestr(f"serialized_{name}.pt", buffer.getvalue())
        archive.writestr("version", "8.5")
    yield "exported-old", of_program(program)


def packaged(folder):
    """What torch.package writes: weights, a module with its code, a TorchScript module."""
    tensor = torch.arange(6.)
    weights = {"a": tensor, "b": tensor[2:4], "half": torch.ones(2).half()}
    with torch.package.PackageExporter(folder / "package-weights.pt") as package:
        package.save_pickle("weights", "w.pkl", weights)
        package.save_pickle("more", "again", {"a": tensor})
        package.save_text("weights", "note.txt", "by the author")
    yield "package-weights", {"weights/w.pkl": weights, "more/again": {"a": tensor}}
    (folder / "airlock_net.py").write_text("import torch\n\n\nclass Net(torch.nn.Sequential):\n    pass\n")
    sys.path.append(str(folder))
    net = importlib.import_module("airlock_net").Net(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    with torch.package.PackageExporter(folder / "package-code.pt") as package:
        package.intern("airlock_net")
        package.extern("torch.**")
        package.save_pickle("model", "net.pkl", net)
    yield "package-code", {"model/net.pkl": {"state_dict()": net.state_dict()}}
    torch.package.package_exporter._gate_torchscript_serialization = False
    with torch.package.PackageExporter(folder / "package-script.pt") as package:
        package.extern("torch.**")
        package.save_pickle("model", "net.pkl", {"net": torch.jit.script(torch.nn.Sequential(*net))})
    yield "package-script", {"model/net.pkl": {"net": net.state_dict(keep_vars=True)}}


def main(folder):
    for name, maker in MAKERS.items():
        value = maker()
        saved = {}
        for form, options in (("zip", {}), ("legacy", {"_use_new_zipfile_serialization": False})):
            buffer = io.BytesIO()
            torch.save(value, buffer, **options)
            saved[form] = buffer.getvalue()
        # Written above by this very program: torch may read it. Of legacy streams with untyped storages it cannot: they hold the same.
        expected = json.dumps(describe.describe(torch.load(io.BytesIO(saved["zip"]), weights_only=True)))
        for form, data in saved.items():
            (folder / f"{name}-{form}.pt").write_bytes(data)
            (folder / f"{name}-{form}.json").write_text(expected)
    for name, value in [*exported(folder), *packaged(folder)]:
        (folder / f"{name}.json").write_text(json.dumps(describe.describe(value)))
    print(torch.__version__)


main(pathlib.Path(sys.argv[1]))
