"""Unmodified timm over training checkpoints: under patch(), and without it from what `airlock convert` writes.

A small model is trained for two epochs with optimizer, scaler, EMA and Namespace args, and saved by timm's own CheckpointSaver.
"""
import argparse
import pathlib
import shutil
import unittest
import warnings

import system

system.need("torch", "timm")
warnings.filterwarnings("ignore")
import timm
import timm.models
import timm.utils
import torch
from timm.models import _helpers

import airlock

MODEL = "test_resnet"
OLD_TORCH = not hasattr(torch.serialization, "safe_globals")


class Custom:
    def __init__(self):
        self.depth = 3


def make(**more):
    torch.manual_seed(1)
    return timm.create_model(MODEL, num_classes=4, **more)


def args(**more):
    return argparse.Namespace(model=MODEL, lr=0.01, amp=True, model_kwargs={"drop": 0.1}, mean=(0.5, 0.4, 0.3), resume=None, **more)


class Scaler:
    """timm's NativeScaler needs CUDA; this has its one key and the state that it keeps."""

    state_dict_key = "amp_scaler"

    def __init__(self):
        self.state = {"scale": 65536.0, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 2000, "_growth_tracker": 7}

    def state_dict(self):
        return dict(self.state)

    def load_state_dict(self, state):
        self.state = dict(state)


def train(folder, arguments=None):
    """Two epochs; the model, its average, its optimizer, and the folder of checkpoints."""
    model = make()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    ema = timm.utils.ModelEmaV2(model, decay=0.5)
    saver = timm.utils.CheckpointSaver(model, optimizer, args=arguments or args(), model_ema=ema, amp_scaler=Scaler(), checkpoint_dir=str(folder),
                                       recovery_dir=str(folder), decreasing=False)
    for epoch in range(2):
        model.train()
        loss = model(torch.randn(2, 3, 64, 64)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        ema.update(model)
        saver.save_checkpoint(epoch + 6, metric=float(epoch))
    return model, ema, optimizer


class Timm(system.Case):
    def setUp(self):
        super().setUp()
        self.model, self.ema, self.optimizer = train(self.folder)
        self.last = self.folder / "last.pth.tar"
        self.best = self.folder / "model_best.pth.tar"

    def same(self, want, model):
        system.same_tensors(self, want.state_dict(), model.state_dict())

    def same_optimizer(self, optimizer):
        self.assertEqual(optimizer.state_dict()["param_groups"], self.optimizer.state_dict()["param_groups"])
        for index, state in self.optimizer.state_dict()["state"].items():
            for name, value in state.items():
                self.assertTrue(torch.equal(value, optimizer.state_dict()["state"][index][name]), (index, name))

    def test_resume(self):
        model, scaler = make(), Scaler()
        scaler.state = {}
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.5)
        with airlock.patch():
            epoch = timm.models.resume_checkpoint(model, str(self.last), optimizer, scaler, log_info=False)
        self.assertEqual(epoch, 8)
        self.same(self.model, model)
        self.assertEqual(scaler.state, Scaler().state)
        self.same_optimizer(optimizer)

    def test_load_checkpoint_and_average(self):
        for use_ema, want in ((True, self.ema.module), (False, self.model)):
            model = make()
            with airlock.patch():
                timm.models.load_checkpoint(model, str(self.last), use_ema=use_ema)
            self.same(want, model)

    def test_create_model(self):
        with airlock.patch():
            model = timm.create_model(MODEL, num_classes=4, checkpoint_path=str(self.best))
            exported = timm.create_model(MODEL, num_classes=4, checkpoint_path=str(self.best), exportable=True)
        self.same(self.ema.module, model)
        exported.eval()
        traced = torch.jit.trace(exported, torch.randn(1, 3, 64, 64))  # what an ONNX export starts with
        self.assertEqual(tuple(traced(torch.randn(1, 3, 64, 64)).shape), (1, 4))

    def test_average_of_checkpoints(self):
        """The steps of timm's avg_checkpoints.py, which is a script beside the package."""
        names = sorted(self.folder.glob("checkpoint-*.pth.tar"))
        self.assertEqual(len(names), 2)
        with airlock.patch():
            metrics = [_helpers._torch_load(str(name))["metric"] for name in names]
            states = [timm.models.load_state_dict(str(name), use_ema=True) for name in names]
        self.assertEqual(metrics, [0.0, 1.0])
        average = {name: sum(state[name].double() for state in states) / len(states) for name in states[0]}
        timm.create_model(MODEL, num_classes=4).load_state_dict({name: value.to(states[0][name].dtype) for name, value in average.items()})

    def test_clean_checkpoint(self):
        """The steps of timm's clean_checkpoint.py: weights without the wrappers' prefixes, in the order of the file."""
        wrapped = self.folder / "wrapped.pth.tar"
        torch.save({"state_dict": {f"module.{name}": value for name, value in self.model.state_dict().items()}, "args": args()}, wrapped)
        with airlock.patch():
            cleaned = timm.models.load_state_dict(str(wrapped), use_ema=False)
        system.same_tensors(self, dict(self.model.state_dict()), dict(cleaned))
        system.same_tensors(self, dict(self.model.state_dict()), airlock.load_file(wrapped, strip=True))

    def test_without_patch_from_weights_and_training_state_apart(self):
        """`airlock convert --split`, then timm alone: it reads safetensors, and what is resumed is plain data."""
        if not _helpers._has_safetensors:
            self.skipTest("this Python has no safetensors")
        apart = self.folder / "apart"
        self.convert("--split", self.last, apart)
        for name, want in (("weights.safetensors", self.model), ("weights_ema.safetensors", self.ema.module)):
            model = make()
            timm.models.load_checkpoint(model, str(apart / name))
            self.same(want, model)
            self.same(want, timm.create_model(MODEL, num_classes=4, checkpoint_path=str(apart / name)))
        state = airlock.load_training_state(apart)
        self.assertEqual((state["epoch"], state["args"], state["amp_scaler"]), (7, args(), Scaler().state))
        optimizer = torch.optim.AdamW(make().parameters(), lr=0.5)
        optimizer.load_state_dict(state["optimizer"])
        self.same_optimizer(optimizer)

    def test_as_timm_tests_its_own_loading(self):
        """Namespace args load; a class of one's own is refused where timm is told to, and loads inert where it is not."""
        path = self.folder / "custom.pth.tar"
        torch.save({"state_dict": self.model.state_dict(), "args": args(custom=Custom())}, path)
        with airlock.patch():
            loaded = _helpers._torch_load(str(self.last))
            self.assertEqual(loaded["args"], args())
            self.assertIs(type(loaded["args"]), argparse.Namespace)
            model = make()
            timm.models.load_checkpoint(model, str(path), use_ema=False)
            self.same(self.model, model)
            self.assertEqual(_helpers._torch_load(str(path), weights_only=False)["args"].custom.depth, 3)
        with airlock.patch(unknown="error"), self.assertRaises(RuntimeError):
            timm.models.load_checkpoint(make(), str(path), use_ema=False)
        self.assertEqual(airlock.unknown_types(path), ["__main__.Custom"])

    def test_a_hostile_file_is_refused(self):
        path = self.folder / "hostile.pth.tar"
        torch.save({"state_dict": self.model.state_dict(), "args": args(evil=system.Marker(self.mark))}, path)
        for weights_only in (True, False):
            with airlock.patch(), self.assertRaises((RuntimeError, airlock.DangerousError)):
                timm.models.load_checkpoint(make(), str(path), use_ema=False, weights_only=weights_only)
        report = airlock.inspect(path)
        self.assertEqual(report.verdict, "dangerous")
        self.convert("--inert", path, self.folder / "weights.safetensors")

    def test_resume_with_the_new_training_task(self):
        try:
            from timm.task import _helpers as task_helpers
        except ImportError:
            self.skipTest("this timm has no training tasks")
        with airlock.patch():
            loaded = task_helpers._load_train_checkpoint(str(self.last))
        self.assertEqual((loaded["epoch"], loaded["version"], loaded["metric"]), (7, 2, 1.0))

    def test_hub_files(self):
        """A pretrained file in torch.hub's cache, in the legacy format that old ones have."""
        cache = self.folder / "hub" / "checkpoints"
        cache.mkdir(parents=True)
        torch.save(self.model.state_dict(), cache / "net.pth", _use_new_zipfile_serialization=False)
        with airlock.patch():
            state = torch.hub.load_state_dict_from_url("https://localhost/net.pth", model_dir=str(cache), map_location="cpu")
        system.same_tensors(self, dict(self.model.state_dict()), dict(state))

    @unittest.skipUnless(OLD_TORCH, "the running torch is a new one")
    def test_old_torch_without_us_cannot(self):
        with self.assertRaises(RuntimeError):
            timm.models.resume_checkpoint(make(), str(self.last), log_info=False)


if __name__ == "__main__":
    print(f"timm {timm.__version__}, torch {torch.__version__}")
    system.main()
