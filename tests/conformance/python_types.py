"""Objects of Python's own classes: the metadata that Airlock shows is enough to make each of them again, whatever the protocol."""
import argparse
import array
import collections
import datetime
import decimal
import fractions
import functools
import importlib
import pathlib
import pickle
import random
import re
import sys
import tempfile
import traceback
import types
import uuid
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock

ZONE = datetime.timezone(datetime.timedelta(hours=-5), "EST")
VALUES = {
    "dates": [datetime.datetime(2020, 2, 29, 1, 2, 3, 4), datetime.datetime(2020, 2, 29, fold=1), datetime.datetime(1, 1, 1, tzinfo=ZONE), datetime.date(9999, 12, 31), datetime.time(23, 59, 59),
              datetime.timedelta(-1, 5), datetime.timezone.utc, datetime.datetime(2021, 5, 6, tzinfo=datetime.timezone.utc)],
    "numbers": [decimal.Decimal("-1.50E+9"), decimal.Decimal("Infinity"), fractions.Fraction(-1, 3), 1 + 2j, uuid.UUID(int=5), uuid.UUID(int=2**128 - 1),
                range(1, 10, 3), slice(None, 5), array.array("d", [1.5, 2.5]), array.array("q", [])],
    "paths": [pathlib.PurePosixPath("/a/b"), pathlib.Path("x"), pathlib.PureWindowsPath("c:/x")],
    "containers": [collections.defaultdict(int, {"a": 1}), collections.defaultdict(None, {1: 2}), collections.defaultdict(list), collections.Counter("aab"),
                   collections.deque([1, 2], 5), collections.deque(), {1, 2}, frozenset([3])],
    "namespaces": [argparse.Namespace(lr=0.5, layers=[1, 2]), argparse.Namespace(), types.SimpleNamespace(a=argparse.Namespace(b=1)), collections.UserDict(a=1)],
    "partials": [functools.partial(int, "77", base=8), functools.partial(max)],
    "errors": [ValueError("x", 1), OSError(2, "no such file"), KeyError("k")],
    "names": [print, int, float, str, bool, list, ValueError, type(None), ..., re.compile("a+", re.I)],
    "random": [random.Random(1)],
    "frames": [traceback.StackSummary.from_list([traceback.FrameSummary("f.py", 3, "g", line="x = 1")])],
    "bytes": [b"", b"\x00\xff" * 4, bytearray(b"ab"), bytearray()],
}


def report(daemon, value, protocol):
    with tempfile.NamedTemporaryFile(suffix=".pt") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(value, protocol))
            archive.writestr("archive/version", "3\n")
        file.flush()
        return airlock.report("--address", daemon.address, "inspect", file.name)


def named(name):
    """What the last dot of a name divides. Of these modules only: the test makes objects, and only such."""
    module, _, name = name.rpartition(".")
    assert module in ("builtins", "argparse", "array", "collections", "datetime", "decimal", "fractions", "functools", "pathlib", "random", "re", "traceback",
                      "types", "uuid"), module
    return getattr(importlib.import_module(module), name)


# What the metadata shows of a class in a form of its own.
FORMS = {
    "$tuple": lambda value, shown: tuple(value),
    "$set": lambda value, shown: set(value),
    "$frozenset": lambda value, shown: frozenset(value),
    "$dict": lambda value, shown: {key: item for key, item in value},
    "$complex": lambda value, shown: complex(*value),
    "$int": lambda value, shown: int(value, 16),
    "$symbol": lambda value, shown: named(value),
    "$bytes": lambda value, shown: bytes.fromhex(shown.get("hex", "")),
    "$bytearray": lambda value, shown: bytearray.fromhex(shown.get("hex", "")),
    "$namespace": lambda value, shown: argparse.Namespace(**value or {}),
    "$range": lambda value, shown: range(*value),
    "$slice": lambda value, shown: slice(*value),
    "$counter": lambda value, shown: collections.Counter(value),
    "$defaultdict": lambda value, shown: collections.defaultdict(remade(shown.get("factory")), value or {}),
    "$deque": lambda value, shown: collections.deque(value or (), shown.get("maxlen")),
    "$date": lambda value, shown: datetime.date.fromisoformat(value),
    "$datetime": lambda value, shown: datetime.datetime.fromisoformat(value).replace(tzinfo=remade(shown.get("tz"))),
    "$time": lambda value, shown: datetime.time.fromisoformat(value),
    "$timedelta": lambda value, shown: datetime.timedelta(*value),
    "$timezone": lambda value, shown: datetime.timezone(*value),
    "$decimal": lambda value, shown: decimal.Decimal(value),
    "$fraction": lambda value, shown: fractions.Fraction(*value),
    "$path": lambda value, shown: pathlib.PurePosixPath(value),
}


def remade(shown):
    """The object that the metadata shows."""
    if isinstance(shown, list):
        return [remade(item) for item in shown]
    if not isinstance(shown, dict):
        return shown
    kind = next((key for key in shown if key.startswith("$")), None)
    if kind is None:
        return {key: remade(item) for key, item in shown.items()}
    return record(shown) if kind == "$record" else FORMS[kind](remade(shown[kind]), shown)


def record(shown):
    cls, args, kwargs = named(shown["$record"]), remade(shown["args"]), remade(shown.get("kwargs", {}))
    if cls is collections.deque:
        args = ((), *args)  # of which the record has the length alone
    result = cls.__new__(cls, *args) if shown.get("new") else cls(*args, **kwargs)
    state = remade(shown.get("state"))
    if isinstance(result, random.Random):
        result.setstate(state)
    elif isinstance(state, tuple):
        for name, value in state[1].items():
            setattr(result, name, value)
    elif state is not None:
        for name, value in state.items():
            object.__setattr__(result, name, value)
    if "items" in shown:
        result.extend(remade(shown["items"]))
    if "pairs" in shown:
        result.update(remade(shown["pairs"]))
    return result


def plain(value):
    """Something that compares, where the class itself does not."""
    if isinstance(value, (list, traceback.StackSummary)):
        return [type(value), [plain(item) for item in value]]
    if isinstance(value, functools.partial):
        return [functools.partial, value.func, value.args, value.keywords]
    if isinstance(value, BaseException):
        return [type(value), value.args]
    if isinstance(value, random.Random):
        return value.getstate()
    if isinstance(value, datetime.datetime):
        return [value, value.tzinfo]
    if isinstance(value, traceback.FrameSummary):
        return [value.filename, value.lineno, value.name, value.line]
    if isinstance(value, (argparse.Namespace, types.SimpleNamespace)):
        return {name: plain(item) for name, item in vars(value).items()}
    if isinstance(value, pathlib.PurePath):
        return str(value)
    return [type(value), value, getattr(value, "default_factory", None), getattr(value, "maxlen", None)]


def check(daemon, name, value, protocol):
    code, answer = report(daemon, value, protocol)
    problems = [] if code == 0 else [f"exit {code}"]
    if answer.get("verdict") != "clean":
        problems.append(f"{answer.get('verdict')}: {answer.get('findings')} {[s['name'] for s in answer.get('symbols', []) if s['class'] != 'known']}")
    made = remade(answer["metadata"])
    if plain(value) != plain(made):
        problems.append(f"came out as {made!r}")
    print(f"{name} {value!r} in protocol {protocol}: {problems or 'ok'}"[:1000])
    return bool(problems)


def main():
    failed = 0
    with airlock.Daemon() as daemon:
        for name, values in VALUES.items():
            # Slots have no protocol below 2.
            for protocol in range(2 if name == "frames" else 0, pickle.HIGHEST_PROTOCOL + 1):
                failed += sum(check(daemon, name, value, protocol) for value in values)
    sys.exit(1 if failed else 0)


main()
