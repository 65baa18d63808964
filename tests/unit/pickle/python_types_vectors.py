"""Prints python_types_vectors.inc: what CPython writes for objects of its own classes, in protocols 0 to 5.

usage: python3 python_types_vectors.py > python_types_vectors.inc        (CPython 3.11)

Each row: the object as an expression, and what the machine makes of it, as machine_fixture.cc shows it. Two classes that
CPython does not have stand in for Lightning's and OmegaConf's: pickle writes no more of a class than its name.
"""
import argparse, array, collections, datetime, decimal, enum, fractions, functools, pathlib, pickle, re, sys, traceback, types, typing, uuid


def stand_in(module, name, base=object):
    made = type(name, (base,), {"__module__": module})
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        sys.modules.setdefault(".".join(parts[:end]), types.ModuleType(parts[end - 1]))
    setattr(sys.modules[module], name, made)
    return made


AttributeDict = stand_in("lightning.fabric.utilities.data", "AttributeDict", dict)
AnyNode = stand_in("omegaconf.nodes", "AnyNode")
Subclass = {base: stand_in("mymod", base.__name__.title(), base) for base in (list, dict, set, int, tuple, str)}
Pair = collections.namedtuple("Pair", "a b", module="mymod")
sys.modules["mymod"].Pair = Pair


class Colour(enum.Enum):
    RED = 3


Colour.__module__ = "mymod"
sys.modules["mymod"].Colour = Colour


def having(made, **attributes):
    made.__dict__.update(attributes)
    return made


class Slotted:
    __slots__ = ("a",)


Slotted.__module__ = "mymod"
sys.modules["mymod"].Slotted = Slotted


def slotted():
    made = Slotted()
    made.a = 1
    return made


class Keyword:
    def __new__(cls, *, a):
        return object.__new__(cls)

    def __getnewargs_ex__(self):
        return (), {"a": 1}


Keyword.__module__ = "mymod"
sys.modules["mymod"].Keyword = Keyword


def noted(error):
    error.add_note("n")
    return error


FRAME = ("(None, {'filename': 'f.py', 'lineno': 3, 'end_lineno': None, 'colno': None, 'end_colno': None, 'name': 'g', '_line': 'x = 1', "
         "'locals': None})")

# name, expression, shown (or {first protocol: shown})
ROWS = [
    ("DateTime", "datetime.datetime(2020, 1, 2, 3, 4, 5, 600000)", "<datetime.datetime (2020, 1, 2, 3, 4, 5, 600000)>"),
    ("DateTimeFolded", "datetime.datetime(2020, 2, 29, fold=1, tzinfo=datetime.timezone.utc)",
     {0: "<datetime.datetime (2020, 2, 29, 0, 0, 0, 0, <datetime.timezone (<datetime.timedelta (0, 0, 0)>,)>)>",
      4: "<datetime.datetime (2020, 2, 29, 0, 0, 0, 0, <datetime.timezone (<datetime.timedelta (0, 0, 0)>,)>) **{'fold': 1}>"}),
    ("Date", "datetime.date(9999, 12, 31)", "<datetime.date (9999, 12, 31)>"),
    ("Time", "datetime.time(23, 59, 58, 999999)", "<datetime.time (23, 59, 58, 999999)>"),
    ("TimeFolded", "datetime.time(1, fold=1)", {0: "<datetime.time (1, 0, 0, 0)>", 4: "<datetime.time (1, 0, 0, 0) **{'fold': 1}>"}),
    ("TimeDelta", "datetime.timedelta(-1, 2, 3)", "<datetime.timedelta (-1, 2, 3)>"),
    ("TimeZone", "datetime.timezone(-datetime.timedelta(hours=5), 'EST')", "<datetime.timezone (<datetime.timedelta (-1, 68400, 0)>, 'EST')>"),
    ("Decimal", "decimal.Decimal('-1.5E+9')", "<decimal.Decimal ('-1.5E+9',)>"),
    ("DecimalNan", "decimal.Decimal('sNaN12')", "<decimal.Decimal ('sNaN12',)>"),
    ("DecimalInfinity", "decimal.Decimal('-Infinity')", "<decimal.Decimal ('-Infinity',)>"),
    ("Fraction", "fractions.Fraction(-1, 3)", "<fractions.Fraction (-1, 3)>"),
    ("Uuid", "uuid.UUID(int=5)", "<new uuid.UUID () state={'int': 5}>"),
    ("UuidLarge", "uuid.UUID(int=2**128 - 1, is_safe=uuid.SafeUUID.safe)",
     "<new uuid.UUID () state={'int': 0x00ffffffffffffffffffffffffffffffff, 'is_safe': 0}>"),
    ("Path", "pathlib.PurePosixPath('/a/b')", "<pathlib.PurePosixPath ('/', 'a', 'b')>"),
    ("PathWindows", "pathlib.PureWindowsPath('c:/x')", r"<pathlib.PureWindowsPath ('c:\', 'x')>"),
    ("PathPosix", "pathlib.Path('.')", "<pathlib.PosixPath ()>"),
    ("Namespace", "argparse.Namespace(lr=0.5, seed=1)", "<new argparse.Namespace () state={'lr': 0.5, 'seed': 1}>"),
    ("NamespaceEmpty", "argparse.Namespace()", "<new argparse.Namespace ()>"),
    ("SimpleNamespace", "types.SimpleNamespace(a=1)", "<types.SimpleNamespace () state={'a': 1}>"),
    ("DefaultDict", "collections.defaultdict(int, {1: 2})", "<collections.defaultdict (builtins.int,) pairs={1: 2}>"),
    ("DefaultDictNone", "collections.defaultdict(None, {1: 2, 3: 4})", "<collections.defaultdict () pairs={1: 2, 3: 4}>"),
    ("DefaultDictEmpty", "collections.defaultdict(list)", "<collections.defaultdict (builtins.list,)>"),
    ("Counter", "collections.Counter('aab')", "<collections.Counter () pairs={'a': 2, 'b': 1}>"),
    ("Deque", "collections.deque([1, 2])", "<collections.deque () items=[1, 2]>"),
    ("DequeBounded", "collections.deque([1, 2], 5)", "<collections.deque (5,) items=[1, 2]>"),
    ("DequeEmpty", "collections.deque()", "<collections.deque ()>"),
    ("Range", "range(3)", "<builtins.range (0, 3, 1)>"),
    ("Slice", "slice(1, None)", "<builtins.slice (1, None, None)>"),
    ("Ellipsis", "...", "builtins.Ellipsis"),
    ("TypeOfNone", "type(None)", "<builtins.type (None,)>"),
    ("TypeOfEllipsis", "type(...)", "<builtins.type (builtins.Ellipsis,)>"),
    ("Types", "[int, float, str, bool, list, object, ValueError]",
     "[builtins.int, builtins.float, builtins.str, builtins.bool, builtins.list, builtins.object, builtins.ValueError]"),
    ("Object", "object()", "<new builtins.object ()>"),
    ("Exception", "noted(ValueError('x'))", "<builtins.ValueError ('x',) state={'__notes__': ['n']}>"),
    ("FileNotFound", "OSError(2, 'no', 'f')",
     {0: "<builtins.OSError (2, 'no', 'f')>", 3: "<builtins.FileNotFoundError (2, 'no', 'f')>"}),
    ("ImportFailed", "ImportError('x', name='n')", "<builtins.ImportError ('x',) state={'name': 'n'}>"),
    ("Partial", "functools.partial(int, '7', base=8)", "<functools.partial (builtins.int, '7') **{'base': 8}>"),
    ("PartialAlone", "functools.partial(int)", "<functools.partial (builtins.int,)>"),
    ("PartialWithAttributes", "having(functools.partial(int), a=1)", "<functools.partial (builtins.int,) state={'a': 1}>"),
    ("Frames", "traceback.StackSummary.from_list([traceback.FrameSummary('f.py', 3, 'g', line='x = 1')])",
     {2: f"<new traceback.StackSummary () items=[<new traceback.FrameSummary () state={FRAME}>]>"}),
    ("Pattern", "re.compile('a', re.I)", "<re._compile ('a', 34)>"),
    ("Array", "array.array('h', [1, 2])",
     {0: "<array.array ('h', [1, 2])>", 3: "<array._array_reconstructor (array.array, 'h', 4, b'\\x01\\x00\\x02\\x00')>"}),
    ("TypingAny", "typing.Any", "typing.Any"),
    ("TypingDict", "typing.Dict[str, int]", "<_operator.getitem (typing.Dict, (builtins.str, builtins.int))>"),
    ("TypingOptional", "typing.Optional[int]", "<_operator.getitem (typing.Union, (builtins.int, <builtins.type (None,)>))>"),
    ("GenericAlias", "dict[str, int]", "<types.GenericAlias (builtins.dict, (builtins.str, builtins.int))>"),
    ("Union", "int | str",
     {0: "<functools.reduce (_operator.or_, (builtins.int, builtins.str))>", 3: "<_functools.reduce (_operator.or_, (builtins.int, builtins.str))>"}),
    ("UserDict", "collections.UserDict(a=1)", "<new collections.UserDict () state={'data': {'a': 1}}>"),
    ("AttributeDict", "AttributeDict(a=1)", "<new lightning.fabric.utilities.data.AttributeDict () pairs={'a': 1}>"),
    ("ConfigNode", "having(AnyNode(), _val=1)", "<new omegaconf.nodes.AnyNode () state={'_val': 1}>"),
    # Classes that nobody knows
    ("ListSubclass", "having(Subclass[list]([1]), x=1)", "<new mymod.List () state={'x': 1} items=[1]>"),
    ("DictSubclass", "having(Subclass[dict](a=1), y=2)", "<new mymod.Dict () state={'y': 2} pairs={'a': 1}>"),
    ("SetSubclass", "having(Subclass[set]([1]), z=1)", "<mymod.Set ([1],) state={'z': 1}>"),
    ("IntSubclass", "Subclass[int](5)", "<new mymod.Int (5,)>"),
    ("StrSubclass", "Subclass[str]('five')", "<new mymod.Str ('five',)>"),
    ("TupleSubclass", "Subclass[tuple]((1, 2))", "<new mymod.Tuple ((1, 2),)>"),
    ("NamedTuple", "Pair(1, 2)", {0: "<new mymod.Pair ((1, 2),)>", 2: "<new mymod.Pair (1, 2)>"}),
    ("EnumMember", "Colour.RED", "<mymod.Colour (3,)>"),
    ("Slotted", "slotted()", {2: "<new mymod.Slotted () state=(None, {'a': 1})>"}),
    ("Keyword", "Keyword(a=1)", {4: "<new mymod.Keyword () **{'a': 1}>"}),
    ("RecordKeys", "{Pair(1, 2): 3, Colour.RED: 4, pathlib.PurePosixPath('a'): 5}",
     {0: "{<new mymod.Pair ((1, 2),)>: 3, <mymod.Colour (3,)>: 4, <pathlib.PurePosixPath ('a',)>: 5}",
      2: "{<new mymod.Pair (1, 2)>: 3, <mymod.Colour (3,)>: 4, <pathlib.PurePosixPath ('a',)>: 5}"}),
]


def shown_at(shown, protocol):
    if isinstance(shown, str):
        return shown
    first = [start for start in shown if start <= protocol]
    return shown[max(first)] if first else None


def wrapped(text, width=108):
    return "\n".join(f'     "{text[at:at + width]}"' for at in range(0, len(text), width))


def main():
    print("// Made by python_types_vectors.py; do not edit.")
    for name, expression, shown in ROWS:
        written = eval(expression)
        for protocol in range(6):
            expected = shown_at(shown, protocol)
            if expected is not None:
                print(f'{{"{name}", {protocol},\n{wrapped(pickle.dumps(written, protocol).hex())},\n     R"({expected})"}},')


main()
