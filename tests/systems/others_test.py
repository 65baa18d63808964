"""One test for each of the other systems that load checkpoints: with the real library where it is small, else a file in its exact layout."""
import collections
import enum
import io
import json
import pathlib
import pickle
import random
import sys
import types
import unittest
import warnings
import zipfile

import system

system.need("torch", "numpy")
warnings.filterwarnings("ignore")
import numpy
import torch

import airlock


def library(name):
    """The library, or a skipped test."""
    try:
        return __import__(name, fromlist=["x"])
    except ImportError:
        raise unittest.SkipTest(f"this Python has no {name} (tests/systems/run.sh installs it)") from None


class StandIn:
    """Classes under a library's names, for as long as a file is written: so the file has that library's layout. Nobody can import them later."""

    def __init__(self, **modules):
        self.modules = {}
        for path, classes in modules.items():
            name = path.replace("__", ".")
            module = types.ModuleType(name)
            for class_name, (bases, body) in classes.items():
                made = types.new_class(class_name, bases, exec_body=lambda space, body=body: space.update(body))
                made.__module__, made.__qualname__ = name, class_name
                setattr(module, class_name, made)
            self.modules[name] = module

    def __getattr__(self, name):
        for module in self.__dict__["modules"].values():
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(name)

    def __enter__(self):
        for name, module in self.modules.items():
            parts = name.split(".")
            for cut in range(1, len(parts)):
                sys.modules.setdefault(".".join(parts[:cut]), types.ModuleType(".".join(parts[:cut])))
            sys.modules[name] = module
        return self

    def __exit__(self, *_):
        for name in self.modules:
            for known in [known for known in sys.modules if known == name or known.split(".")[0] == name.split(".")[0]]:
                if not getattr(sys.modules[known], "__file__", None):
                    sys.modules.pop(known)


class Others(system.Case):
    def test_lightning(self):
        """A checkpoint of Lightning's own Trainer with omegaconf in its hyperparameters: loaded by Lightning under patch()."""
        lightning, omegaconf = library("lightning"), library("omegaconf")

        class Net(lightning.LightningModule):
            def __init__(self, config, units=3):
                super().__init__()
                self.save_hyperparameters()
                self.layer = torch.nn.Linear(4, units)

            def training_step(self, batch, _):
                return self.layer(batch[0]).square().mean()

            def configure_optimizers(self):
                return torch.optim.Adam(self.parameters())

        globals()["Net"] = Net
        data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(8, 4)), batch_size=4)
        trainer = lightning.Trainer(max_epochs=1, default_root_dir=str(self.folder), logger=False, enable_progress_bar=False,
                                    enable_model_summary=False, accelerator="cpu")
        net = Net(omegaconf.OmegaConf.create({"lr": 0.1, "layers": [1, 2], "name": "${lr}"}))
        trainer.fit(net, data)
        path = self.folder / "net.ckpt"
        trainer.save_checkpoint(path)
        self.assertEqual(airlock.inspect(path).verdict, "clean")
        with airlock.patch():
            again = Net.load_from_checkpoint(path, config={"lr": 1}, map_location="cpu")
        system.same_tensors(self, net.state_dict(), again.state_dict())
        loaded = airlock.load(path, map_location="cpu")
        self.assertEqual(loaded["hyper_parameters"]["units"], 3)
        config = loaded["hyper_parameters"]["config"]
        self.assertEqual(config._content["lr"]._val, 0.1)
        trusted = ["omegaconf.dictconfig.DictConfig", "omegaconf.listconfig.ListConfig", "omegaconf.base.ContainerMetadata", "omegaconf.base.Metadata",
                   "omegaconf.nodes.AnyNode"]
        real = airlock.load(path, map_location="cpu", trusted=trusted)["hyper_parameters"]["config"]
        self.assertEqual(omegaconf.OmegaConf.to_container(real), {"lr": 0.1, "layers": [1, 2], "name": "${lr}"})
        system.same_tensors(self, net.state_dict(), airlock.load_file(path))

    def test_old_lightning_callbacks_keyed_by_class(self):
        """Stable Diffusion's .ckpt files: weights, and callbacks keyed by a class of Lightning's, with numpy's scalars."""
        stand_in = StandIn(pytorch_lightning__callbacks__model_checkpoint={"ModelCheckpoint": ((), {})})
        path = self.folder / "sd.ckpt"
        with stand_in:
            torch.save({"epoch": 6, "global_step": 470000, "pytorch-lightning_version": "1.4.2",
                        "state_dict": collections.OrderedDict([("model.diffusion_model.out.0.weight", torch.ones(2)), ("cond_stage_model.x", torch.zeros(1))]),
                        "callbacks": {stand_in.ModelCheckpoint: {"best_model_score": numpy.float64(0.25), "monitor": "val/loss"}}}, path)
        loaded = airlock.load(path)
        (key,) = loaded["callbacks"]
        self.assertEqual(str(key), "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint")
        self.assertEqual(loaded["callbacks"][key]["best_model_score"], 0.25)
        self.assertEqual(list(airlock.load_file(path)), ["model.diffusion_model.out.0.weight", "cond_stage_model.x"])
        self.convert(path, self.folder / "sd.safetensors")

    def test_transformers_training_args(self):
        class Names(str, enum.Enum):
            ADAMW = "adamw_torch"

        stand_in = StandIn(transformers__training_args={"TrainingArguments": ((), {})}, transformers__trainer_pt_utils={"AcceleratorConfig": ((), {})},
                           accelerate__state={"PartialState": ((), {})})
        Names.__module__, Names.__qualname__ = "transformers.training_args", "OptimizerNames"
        path = self.folder / "training_args.bin"
        with stand_in:
            sys.modules["transformers.training_args"].OptimizerNames = Names
            arguments = stand_in.TrainingArguments()
            vars(arguments).update(output_dir="out", learning_rate=5e-5, optim=Names.ADAMW, accelerator_config=stand_in.AcceleratorConfig(),
                                   distributed_state=stand_in.PartialState(), _n_gpu=1, device=torch.device("cpu"))
            torch.save(arguments, path)
        record = airlock.load(path)
        self.assertEqual((record.learning_rate, record.output_dir, record.device), (5e-5, "out", torch.device("cpu")))
        self.assertEqual(record.optim.record_args, ("adamw_torch",))
        self.assertEqual(set(airlock.unknown_types(path)), {"transformers.training_args.TrainingArguments", "transformers.training_args.OptimizerNames",
                                                            "transformers.trainer_pt_utils.AcceleratorConfig", "accelerate.state.PartialState"})

    def test_transformers_rng_state(self):
        state = {"python": random.getstate(), "numpy": numpy.random.get_state(), "cpu": torch.random.get_rng_state()}
        path = self.folder / "rng_state.pth"
        torch.save(state, path)
        self.assertEqual(airlock.inspect(path).verdict, "clean")
        got = airlock.load(path)
        random.setstate(got["python"])
        numpy.random.set_state(got["numpy"])
        torch.random.set_rng_state(got["cpu"])
        self.assertTrue((numpy.random.get_state()[1] == state["numpy"][1]).all())

    def test_transformers_shards(self):
        """An index, and shards that it names: each opened by itself, as transformers does."""
        index = {"metadata": {"total_size": 24}, "weight_map": {"a": "pytorch_model-00001-of-00002.bin", "b": "pytorch_model-00002-of-00002.bin"}}
        (self.folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
        for name, shard in index["weight_map"].items():
            torch.save({name: torch.full((3,), ord(name))}, self.folder / shard)
        with airlock.patch():
            state = {}
            for shard in sorted(set(index["weight_map"].values())):
                state.update(torch.load(self.folder / shard, map_location="cpu", weights_only=True, mmap=True))
        self.assertEqual({name: tensor[0].item() for name, tensor in state.items()}, {"a": 97, "b": 98})

    def test_whole_model_as_yolo_writes_it(self):
        """A pickled module of classes that nobody has here, half its weights tied: weights, names, yaml and train_args come out."""
        class_of = {"DetectionModel": ((torch.nn.Module,), {}), }
        stand_in = StandIn(ultralytics__nn__tasks=class_of, ultralytics__nn__modules__conv={"Conv": ((torch.nn.Module,), {})},
                           ultralytics__utils={"IterableSimpleNamespace": ((types.SimpleNamespace,), {})})
        path = self.folder / "yolo.pt"
        with stand_in:
            conv = stand_in.Conv()
            torch.nn.Module.__init__(conv)
            conv.conv, conv.bn, conv.act = torch.nn.Conv2d(3, 4, 3, bias=False), torch.nn.BatchNorm2d(4), torch.nn.SiLU()
            model = stand_in.DetectionModel()
            torch.nn.Module.__init__(model)
            model.model = torch.nn.Sequential(conv, torch.nn.Upsample(scale_factor=2))
            model.yaml, model.names, model.stride = {"nc": 80, "depth_multiple": 0.33}, {0: "person"}, torch.tensor([8.0, 16, 32])
            model.args = stand_in.IterableSimpleNamespace(box=7.5)
            model.half()
            want = model.state_dict()
            torch.save({"epoch": -1, "best_fitness": None, "model": None, "ema": model, "updates": 7, "optimizer": None,
                        "train_args": {"lr0": 0.01}, "date": "2024-01-01", "version": "8.1.0"}, path)
        loaded = airlock.load(path)
        system.same_tensors(self, want, airlock.state_dict(loaded, "ema"))
        self.assertEqual((loaded["ema"].yaml["nc"], loaded["ema"].names[0], loaded["train_args"]["lr0"], loaded["ema"].args.box),
                         (80, "person", 0.01, 7.5))
        self.assertEqual(loaded["ema"].model.record_class, "torch.nn.modules.container.Sequential")
        system.same_tensors(self, want, airlock.load_file(path, key="ema"))

    def test_detectron2_pickle(self):
        """Python 2's pickle of numpy arrays, protocol 2, text and bytes as one type."""
        array = numpy.arange(6, dtype=numpy.float32).reshape(2, 3)
        raw = b"".join(b"\\x%02x" % byte for byte in array.tobytes())
        data = (b"(dp0\nS'model'\np1\n(dp2\nS'backbone.fpn.weight'\np3\ncnumpy.core.multiarray\n_reconstruct\np4\n(cnumpy\nndarray\np5\n(I0\ntp6\n"
                b"S'b'\np7\ntp8\nRp9\n(I1\n(I2\nI3\ntp10\ncnumpy\ndtype\np11\n(S'f4'\np12\nI0\nI1\ntp13\nRp14\n(I3\nS'<'\np15\nNNNI-1\nI-1\nI0\ntp16\nbI00\n"
                b"S'" + raw + b"'\np17\ntp18\nbssS'__author__'\np19\nS'Detectron2 Model Zoo'\np20\ns.")
        path = self.folder / "model_final.pkl"
        path.write_bytes(data)
        self.assertTrue((pickle.loads(data, encoding="latin1")["model"]["backbone.fpn.weight"] == array).all())  # written by this test
        got = airlock.load(path)
        self.assertEqual(got["__author__"], "Detectron2 Model Zoo")
        self.assertTrue((got["model"]["backbone.fpn.weight"] == array).all())

    def test_whisper(self):
        """Loaded from an open file and from memory, with the arguments that whisper gives."""
        path = self.folder / "tiny.pt"
        torch.save({"dims": {"n_mels": 80, "n_vocab": 51865}, "model_state_dict": collections.OrderedDict(a=torch.ones(3, dtype=torch.float16))}, path)
        with airlock.patch(), open(path, "rb") as file:
            for source in (file, io.BytesIO(path.read_bytes())):
                loaded = torch.load(source, map_location="cpu", weights_only=True)
                self.assertEqual((loaded["dims"]["n_mels"], loaded["model_state_dict"]["a"].dtype), (80, torch.float16))
        self.assertEqual(list(airlock.load_file(path)), ["a"])

    def test_stable_baselines3(self):
        """An agent that the real library saves: opened as a whole, and its policy alone; loaded by the library under patch()."""
        sb3 = library("stable_baselines3")
        agent = sb3.PPO("MlpPolicy", "CartPole-v1", n_steps=8, batch_size=8, device="cpu")
        path = self.folder / "agent.zip"
        agent.save(path)
        self.assertEqual(airlock.inspect(path).format, "zip_of_checkpoints")
        policy = airlock.load(path, member="policy.pth", map_location="cpu")
        system.same_tensors(self, agent.policy.state_dict(), policy)
        with airlock.patch():
            again = sb3.PPO.load(path, device="cpu")
        system.same_tensors(self, agent.policy.state_dict(), again.policy.state_dict())
        hostile = self.folder / "hostile.zip"
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(hostile, "w") as new:
            for member in old.namelist():
                new.writestr(member, old.read(member))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
            buffer = io.BytesIO()
            torch.save({"x": system.Marker(self.mark)}, buffer)
            new.writestr("extra.pth", buffer.getvalue())
        self.assertEqual(airlock.inspect(hostile).verdict, "dangerous")


if __name__ == "__main__":
    print(f"torch {torch.__version__}, numpy {numpy.__version__}, {pathlib.Path(sys.executable)}")
    system.main()
