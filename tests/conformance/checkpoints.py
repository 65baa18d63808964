"""Fresh checkpoints by this machine's torch: {name: (object, torch.save options)}, and rewrites that torch itself does not make."""
import collections
import io
import struct
import zipfile

import torch

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64", "complex128"]
ZIP = {}
LEGACY = {"_use_new_zipfile_serialization": False}


def filled(dtype, *shape):
    """Values that use every byte of an element, not only small integers."""
    torch.manual_seed(len(shape) * 7 + sum(shape))
    real = torch.randn(*shape) * 100
    if dtype.is_complex:
        return torch.complex(real.double(), torch.randn(*shape).double()).to(dtype)
    return (real > 0) if dtype == torch.bool else real.to(dtype)


def of_every_dtype():
    return {name: filled(getattr(torch, name), 3, 5) for name in DTYPES}


def views():
    base = torch.arange(60, dtype=torch.float32)
    grid = base.reshape(6, 10)
    return {
        "base": base, "grid": grid, "tail": base[17:], "transposed": grid.t(), "column": grid[:, 3], "every_third": base[::3],
        "window": grid[1:4, 2:9:2], "same_again": base, "expanded": torch.arange(4.0)[:, None].expand(4, 6),
        "all_strides_zero": torch.tensor(2.5).expand(3, 3), "unfolded": base.unfold(0, 8, 4),
        "permuted": torch.randn(2, 3, 4).permute(2, 0, 1), "channels_last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    }


def shapes():
    return {
        "scalar": torch.tensor(3.25), "scalar_int": torch.tensor(-7), "empty": torch.empty(0), "empty_middle": torch.empty(3, 0, 5),
        "one": torch.ones(1), "many_dims": torch.randn(*[1, 2] * 5), "empty_view": torch.arange(10)[4:4],
        "scalar_view": torch.arange(10)[6],
    }


def gradients():
    return {
        "parameter": torch.nn.Parameter(torch.randn(4, 3)), "frozen": torch.nn.Parameter(torch.randn(4), requires_grad=False),
        "leaf": torch.randn(5, requires_grad=True), "integers": torch.nn.Parameter(torch.arange(3), requires_grad=False),
        "list": [torch.nn.Parameter(torch.randn(2))] * 2,
    }


def nested():
    shared = [torch.ones(2), torch.zeros(2)]
    inner = {"deep": [{"deeper": (torch.randn(2, 2), {"deepest": torch.arange(3)})}], "shared": shared}
    cycle = {"tensor": torch.ones(3)}
    cycle["self"] = cycle
    return {
        "epoch": 12, "loss": 0.25, "name": "r\u00e9seau \U0001f600", "nothing": None, "flags": [True, False], "size": torch.Size([1, 2]),
        "inner": inner, "shared_again": shared, 7: torch.full((2,), 7.0), (1, "key"): torch.tensor(1), -2.5: torch.tensor(2),
        "huge": 1 << 200, "bytes": b"\0\xff", "cycle": cycle, "dtype": torch.bfloat16, "ordered": collections.OrderedDict(b=torch.ones(1), a=torch.zeros(1)),
        "set": {1, 2}, "complex": 1 + 2j, "empties": [{}, [], (), ""],
    }


def deep():
    value = torch.ones(1)
    for _ in range(400):
        value = [value]
    return value


def bits():
    pair = torch.randn(3, 2, dtype=torch.complex64)
    return {"conjugate": pair.conj(), "negative": torch.randn(3, 2, dtype=torch.complex64).conj().imag, "plain": pair}


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.features = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU())
        self.memory = torch.nn.LSTM(8, 16, num_layers=2, bidirectional=True)
        self.words = torch.nn.Embedding(11, 8)
        self.attention = torch.nn.TransformerEncoderLayer(16, 4)
        self.head = torch.nn.Linear(16, 11)
        self.tied = self.head.weight

    def forward(self, x):
        return self.head(torch.nn.functional.relu(x))


def training():
    torch.manual_seed(3)
    net = Net()
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, amsgrad=True)
    momentum = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for optimizer in (adam, momentum):
        net(torch.randn(5, 16)).sum().backward()
        optimizer.step()
    schedule = torch.optim.lr_scheduler.StepLR(adam, 10)
    return {"epoch": 3, "model": net.state_dict(), "adam": adam.state_dict(), "sgd": momentum.state_dict(), "schedule": schedule.state_dict(),
            "half": {k: v.half() if v.is_floating_point() else v for k, v in net.state_dict().items()}, "rng": torch.get_rng_state()}


def quantised():
    values = torch.randn(4, 6)
    scales, zeros = torch.rand(4).double() + 0.1, torch.zeros(4).long()
    return {"qint8": torch.quantize_per_tensor(values, 0.05, 3, torch.qint8), "quint8": torch.quantize_per_tensor(values, 0.05, 3, torch.quint8),
            "qint32": torch.quantize_per_tensor(values, 0.05, 3, torch.qint32), "channels": torch.quantize_per_channel(values, scales, zeros, 0, torch.qint8)}


def sparse():
    dense = torch.tensor([[0.0, 1.5, 0, 0], [0, 0, 0, -2.0], [3.0, 0, 4.5, 0]])
    twice = torch.sparse_coo_tensor(torch.tensor([[1, 1, 0], [2, 2, 3]]), torch.tensor([1.0, 2.0, 3.0]), (2, 5))
    blocks = torch.sparse_coo_tensor(torch.tensor([[4, 0]]), torch.arange(6, dtype=torch.float64).reshape(2, 3), (5, 3))
    csr = dense.to_sparse_csr()
    narrow = torch.sparse_csr_tensor(csr.crow_indices().int(), csr.col_indices().int(), csr.values(), (3, 4))
    return {
        "coo": dense.to_sparse(), "uncoalesced": twice, "hybrid": blocks, "nothing": torch.zeros(2, 2).to_sparse(),
        "numbers": dense.long().to_sparse(), "many": (torch.rand(300, 200) > 0.5).float().to_sparse(), "parameter": torch.nn.Parameter(dense.to_sparse()),
        "transposed_indices": torch.sparse_coo_tensor(torch.tensor([[0, 2], [1, 0]]).t(), torch.ones(2), (3, 4)),
        "csr": csr, "csr_int32": narrow, "csr_of_nothing": torch.zeros(3, 2).to_sparse_csr(), "list": [csr, csr],
    }


def without_data():
    empty = torch.empty(2, 3, device="meta")
    return {"plain": empty, "transposed": empty.t(), "scalar": torch.empty((), device="meta", dtype=torch.int64), "first": torch.ones(2),
            "parameter": torch.nn.Parameter(empty), "frozen": torch.nn.Parameter(empty, requires_grad=False), "huge": torch.empty(1 << 40, device="meta")}


def values():
    names = [*DTYPES, "qint8", "quint8", "qint32"]
    layouts = [torch.strided, torch.sparse_coo, torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc]
    return {"dtypes": [getattr(torch, name) for name in names], "layouts": layouts, "sizes": [torch.Size([]), torch.Size([2, 3]), torch.Size([0])],
            "devices": [torch.device("cpu"), torch.device("cuda"), torch.device("cuda", 1), torch.device("meta")],
            "schemes": [torch.per_tensor_affine, torch.per_channel_affine], "tensor": torch.ones(1)}


def packed():
    scales, zeros = torch.rand(4) + 0.1, torch.zeros(4)
    return {str(n): torch.quantize_per_channel(torch.randn(4, n), scales, zeros, 0, torch.quint4x2) for n in (1, 2, 7, 8)}


MAKERS = {
    "dtypes": of_every_dtype, "views": views, "shapes": shapes, "gradients": gradients, "nested": nested, "deep": deep, "bits": bits,
    "training": training, "quantised": quantised, "packed": packed, "sparse": sparse, "without_data": without_data, "values": values, "state_dict": lambda: Net().state_dict(), "bare": lambda: torch.randn(3, 4),
    "list": lambda: [torch.ones(1), (torch.zeros(2), [torch.ones(3)])], "empty_dict": dict, "number": lambda: 42,
    "storages": lambda: {"typed": torch.arange(5.0), "typed_int": torch.arange(5)},
}


def plain():
    """(name, bytes) of every object in both formats at protocol 2, and three of them at the other protocols."""
    for name, maker in MAKERS.items():
        for form, options in (("zip", ZIP), ("legacy", LEGACY)):
            yield f"{name}-{form}", saved(maker(), options)
            if name in ("nested", "views", "training"):
                for protocol in (1, 3, 4, 5):
                    yield f"{name}-{form}-protocol{protocol}", saved(maker(), {**options, "pickle_protocol": protocol})


def saved(value, options):
    out = io.BytesIO()
    torch.save(value, out, **options)
    return out.getvalue()


def rewritten(data, change, method=zipfile.ZIP_STORED, more=()):
    """The zip `data` written anew by Python's zipfile, each member passed through `change(name, bytes)`."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", method) as target:
        root = source.namelist()[0].partition("/")[0]
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name), change(name, source.read(name)), compress_type=method)
        for name, content in more:
            target.writestr(zipfile.ZipInfo(f"{root}/{name}"), content, compress_type=method)
    return out.getvalue()


def deflated(data):
    return rewritten(data, lambda name, content: content, zipfile.ZIP_DEFLATED)


def swapped(content, width):
    return b"".join(content[i:i + width][::-1] for i in range(0, len(content), width))


def big_endian(dtype):
    """(little-endian original, the same as a big-endian machine would write it) of one tensor of `dtype`."""
    width = struct.calcsize({1: "b", 2: "h", 4: "i", 8: "q"}[component_size(dtype)])
    data = saved({"weight": filled(dtype, 6, 7)}, ZIP)
    change = lambda name, content: swapped(content, width) if "/data/" in name else content
    return data, rewritten(data, change, more=[("byteorder", b"big")])


def component_size(dtype):
    size = torch.empty(0, dtype=dtype).element_size()
    return size // 2 if dtype.is_complex else size
