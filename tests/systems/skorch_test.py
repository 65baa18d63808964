"""Unmodified skorch: parameters in every form, checkpoints and their callbacks under patch(); pickled nets, old and new, as records."""
import io
import pathlib
import pickle
import warnings

import system

system.need("torch", "skorch")
warnings.filterwarnings("ignore")
import numpy
import skorch
import torch
from skorch.callbacks import Checkpoint, LoadInitState, TrainEndCheckpoint

import airlock

X = numpy.random.RandomState(0).rand(40, 6).astype("float32")
Y = numpy.random.RandomState(1).randint(0, 2, 40).astype("int64")


class Module(torch.nn.Module):
    def __init__(self, units=5):
        super().__init__()
        self.hidden = torch.nn.Linear(6, units)
        self.norm = torch.nn.BatchNorm1d(units)
        self.out = torch.nn.Linear(units, 2)

    def forward(self, x):
        return torch.softmax(self.out(self.norm(torch.relu(self.hidden(x)))), dim=-1)


class Criterion(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(2))

    def forward(self, predicted, target):
        return torch.nn.functional.nll_loss(torch.log(predicted + 1e-6) * self.weight, target)


def make(**more):
    torch.manual_seed(3)
    options = {"max_epochs": 2, "optimizer": torch.optim.Adam, "verbose": 0, "train_split": None, **more}
    return skorch.NeuralNetClassifier(Module, criterion=Criterion, **options)


class OldLayout(skorch.NeuralNetClassifier):
    """A net pickled as skorch before 1.2 did: its attributes are one torch.save stream."""

    def __getstate__(self):
        state = {key: value for key, value in self.__dict__.items() if key not in self.cuda_dependent_attributes_}
        buffer = io.BytesIO()
        torch.save({name: getattr(self, name) for name in self.cuda_dependent_attributes_}, buffer, _use_new_zipfile_serialization=False)
        state["__cuda_dependent_attributes__"] = buffer.getvalue()
        return state


class Parameters(system.Case):
    def setUp(self):
        super().setUp()
        self.net = make().fit(X, Y)
        self.names = {kind: str(self.folder / kind) for kind in ("f_params", "f_optimizer", "f_criterion", "f_history")}
        self.net.save_params(**self.names)

    def check(self, net):
        system.same_tensors(self, self.net.module_.state_dict(), net.module_.state_dict())
        system.same_tensors(self, self.net.criterion_.state_dict(), net.criterion_.state_dict())
        want, got = self.net.optimizer_.state_dict(), net.optimizer_.state_dict()
        self.assertEqual(want["param_groups"], got["param_groups"])
        for index in want["state"]:
            for key in want["state"][index]:
                self.assertTrue(torch.equal(want["state"][index][key], got["state"][index][key]))
        self.assertEqual(net.history[-1]["train_loss"], self.net.history[-1]["train_loss"])

    def test_paths(self):
        net = make().initialize()
        with airlock.patch():
            net.load_params(**self.names)
        self.check(net)

    def test_file_objects(self):
        net = make().initialize()
        files = {kind: open(name, "rb") for kind, name in self.names.items() if kind != "f_history"}
        with airlock.patch():
            net.load_params(f_history=self.names["f_history"], **files)
        for file in files.values():
            file.close()
        self.check(net)

    def test_bytes_in_memory(self):
        net = make().initialize()
        buffers = {kind: io.BytesIO(pathlib.Path(name).read_bytes()) for kind, name in self.names.items() if kind != "f_history"}
        with airlock.patch():
            net.load_params(f_history=self.names["f_history"], **buffers)
        self.check(net)

    def test_other_arguments_of_torch_load(self):
        net = make(torch_load_kwargs={"weights_only": False}).initialize()
        with airlock.patch():
            net.load_params(**self.names)
        self.check(net)

    def test_safetensors(self):
        weights = self.folder / "weights.safetensors"
        self.convert(self.names["f_params"], weights)
        net = make().initialize()
        net.load_params(f_params=str(weights), use_safetensors=True)  # no patch: skorch reads it natively
        system.same_tensors(self, self.net.module_.state_dict(), net.module_.state_dict())

    def test_hostile_parameters(self):
        path = self.folder / "hostile.pt"
        torch.save({**self.net.module_.state_dict(), "x": system.Marker(self.mark)}, path)
        for options in ({}, {"torch_load_kwargs": {"weights_only": False}}):
            with airlock.patch(), self.assertRaises(pickle.UnpicklingError):
                make(**options).initialize().load_params(f_params=str(path))


class Callbacks(system.Case):
    def test_checkpoint_and_load_init_state(self):
        with airlock.patch():
            checkpoint = Checkpoint(dirname=str(self.folder / "cp"), monitor=None, f_pickle="net.pkl")
            net = make(callbacks=[checkpoint]).fit(X, Y)
            again = make(callbacks=[LoadInitState(Checkpoint(dirname=str(self.folder / "cp"), monitor=None))], max_epochs=0).fit(X, Y)
        system.same_tensors(self, net.module_.state_dict(), again.module_.state_dict())
        self.assertEqual(len(again.history), 2)

    def test_nothing_to_load_yet(self):
        with airlock.patch():  # LoadInitState takes FileNotFoundError for "there is none"
            make(callbacks=[LoadInitState(Checkpoint(dirname=str(self.folder / "none"), monitor=None))], max_epochs=1).fit(X, Y)

    def test_train_end_checkpoint_and_load_best(self):
        with airlock.patch():
            end = TrainEndCheckpoint(dirname=str(self.folder / "end"))
            net = make(callbacks=[end]).fit(X, Y)
            again = make(callbacks=[end, LoadInitState(end)], max_epochs=0).fit(X, Y)
            best = Checkpoint(dirname=str(self.folder / "best"), monitor="train_loss_best", load_best=True)
            make(callbacks=[best]).fit(X, Y)
        system.same_tensors(self, net.module_.state_dict(), again.module_.state_dict())


class PickledNets(system.Case):
    """A pickled net is a program for pickle.load, which runs it. Here it is read: weights, optimizer, history."""

    def recover(self, net):
        path = self.folder / "net.pkl"
        path.write_bytes(pickle.dumps(net))
        report = airlock.inspect(path)
        self.assertNotEqual(report.verdict, "dangerous", report.findings)
        self.assertTrue(report.nested)
        record = airlock.load(path, map_location="cpu")
        self.assertIsInstance(record, airlock.Record)
        fresh = make().initialize()
        fresh.module_.load_state_dict(airlock.state_dict(record, "__cuda_dependent_attributes__.module_"))
        fresh.criterion_.load_state_dict(airlock.state_dict(record, "__cuda_dependent_attributes__.criterion_"))
        fresh.optimizer_.load_state_dict(airlock.state_dict(record, "__cuda_dependent_attributes__.optimizer_"))
        system.same_tensors(self, net.module_.state_dict(), fresh.module_.state_dict())
        system.same_tensors(self, net.criterion_.state_dict(), fresh.criterion_.state_dict())
        want, got = net.optimizer_.state_dict(), fresh.optimizer_.state_dict()
        self.assertEqual(want["param_groups"], got["param_groups"])
        for index in want["state"]:
            self.assertTrue(torch.equal(want["state"][index]["exp_avg"], got["state"][index]["exp_avg"]))
        self.assertEqual([row["train_loss"] for row in record.history_], [row["train_loss"] for row in net.history])
        self.assertEqual(record.max_epochs, 2)

    def test_new_layout(self):
        self.recover(make().fit(X, Y))

    def test_old_layout(self):
        torch.manual_seed(3)
        self.recover(OldLayout(Module, criterion=Criterion, max_epochs=2, optimizer=torch.optim.Adam, verbose=0, train_split=None).fit(X, Y))

    def test_a_command_two_levels_down(self):
        """The file itself says that its inner loads are to be unsafe, and hides a command in the inner stream. Nothing runs."""
        net = make(torch_load_kwargs={"weights_only": False}).initialize()
        net.module_.hidden.extra = system.Marker(self.mark)
        path = self.folder / "net.pkl"
        path.write_bytes(pickle.dumps(net))
        report = airlock.inspect(path)
        self.assertEqual(report.verdict, "dangerous")
        self.assertEqual([(symbol.name, symbol.level) for symbol in report.dangerous], [("system", 1)])
        self.assertIn("__cuda_dependent_attributes__", " ".join(nested.where for nested in report.nested))
        with self.assertRaises(airlock.DangerousError) as caught:
            airlock.load(path)
        self.assertIn("1 level of streams down", str(caught.exception))
        record = airlock.load(path, inert=True)
        self.assertEqual(list(airlock.state_dict(record, "__cuda_dependent_attributes__.module_")), list(net.module_.state_dict()))


if __name__ == "__main__":
    print(f"skorch {skorch.__version__}, torch {torch.__version__}")
    system.main()
