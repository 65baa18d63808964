"""`airlock convert` writes a safetensors file that holds each tensor of the checkpoint, bit for bit."""
import hashlib
import json
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
import checkpoints
import describe

NAMES = {"BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64", "F16": "float16",
         "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
SAVED = {k: v for k, v in checkpoints.of_every_dtype().items() if not k.startswith("complex")}


def read(path):
    """{name: (dtype, shape, sha256)} of a safetensors file; every byte of the data belongs to exactly one tensor."""
    data = path.read_bytes()
    size, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    body, found, reached = data[8 + size:], {}, 0
    for name, row in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = row["data_offsets"]
        assert begin == reached, f"{name} begins at {begin}, the one before it ends at {reached}"
        found[name] = (NAMES[row["dtype"]], row["shape"], hashlib.sha256(body[begin:end]).hexdigest())
        reached = end
    assert reached == len(body), f"{len(body) - reached} bytes belong to no tensor"
    return found


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        source, target = pathlib.Path(directory, "in.pt"), pathlib.Path(directory, "out.safetensors")
        objects = {"dtypes": SAVED, "views": checkpoints.views(), "shapes": checkpoints.shapes(), "state_dict": checkpoints.Net().state_dict()}
        for name, value in objects.items():
            for form, options in (("zip", checkpoints.ZIP), ("legacy", checkpoints.LEGACY)):
                source.write_bytes(checkpoints.saved(value, options))
                done = airlock.run("convert", source, target)
                expected = {t["name"]: (t["dtype"], t["shape"], t["sha256"]) for t in describe.describe(torch.load(source))}
                found = read(target) if done.returncode == 0 else {}
                wrong = sorted(k for k in expected.keys() | found.keys() if expected.get(k) != found.get(k))
                print(f"{name}-{form}: exit {done.returncode}, {len(found)} tensors, wrong: {wrong[:5]} {done.stderr.strip()}")
                failed += bool(wrong)
                target.unlink(missing_ok=True)
        failed += quiet_about_what_is_left_out(source, target)
    sys.exit(1 if failed else 0)


def quiet_about_what_is_left_out(source, target):
    """A module that packs its weights, and one that does not: of the first the file cannot have all, and that is said."""
    plain = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
    packed = torch.nn.Sequential(torch.ao.quantization.quantize_dynamic(plain, {torch.nn.Linear}), torch.nn.Linear(2, 2))
    wrong = False
    for module, told in ((plain, False), (packed, True)):
        torch.save(module, source)
        done = airlock.run("convert", source, target)
        wrong = wrong or done.returncode != 0 or ("only code could give" in done.stderr) != told
        print(f"{'packed' if told else 'plain'} module: exit {done.returncode}: {done.stderr.strip()}")
    return wrong


main()
