"""The package never unpickles, evaluates or executes anything, nor lets another library do it."""
import ast
import pathlib
import unittest

import package
import airlock

SOURCES = sorted(pathlib.Path(airlock.__file__).parent.glob("*.py"))
FORBIDDEN_MODULES = {"pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "imp", "code", "codeop"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "load_module", "exec_module"}
# module.function, as it would be called.
FORBIDDEN_ATTRIBUTES = {"torch.load", "torch.jit.load", "torch.package", "torch.hub", "np.load", "numpy.load", "pickle.loads", "pickle.load",
                        "torch.serialization.load", "subprocess.call", "os.system", "os.popen"}
# What runs a script is there to run it; what imports, imports what the caller has named.
ALLOWED = {("_trusted.py", "importlib"), ("__main__.py", "runpy")}


def name_of(node):
    """`a.b.c` as text; empty for what is no plain name."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def offences(path, tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                if top in FORBIDDEN_MODULES or (top in ("importlib", "runpy") and (path.name, top) not in ALLOWED):
                    yield f"import {alias.name}"
        elif isinstance(node, ast.ImportFrom) and node.module:
            top = node.module.split(".")[0]
            if top in FORBIDDEN_MODULES and [alias.name for alias in node.names] != ["UnpicklingError"]:
                yield f"from {node.module} import ..."
            if top in ("importlib", "runpy") and (path.name, top) not in ALLOWED:
                yield f"from {node.module} import ..."
        elif isinstance(node, ast.Call):
            name = name_of(node.func)
            if name in FORBIDDEN_CALLS or name in FORBIDDEN_ATTRIBUTES:
                yield f"{name}()"
            if any(keyword.arg in ("allow_pickle", "shell") for keyword in node.keywords):
                yield f"{name}(allow_pickle or shell)"


class Code(unittest.TestCase):
    def test_nothing_unpickles_or_executes(self):
        self.assertGreater(len(SOURCES), 10)
        found = [f"{path.name}: {offence}" for path in SOURCES for offence in offences(path, ast.parse(path.read_text()))]
        self.assertEqual(found, [])

    def test_the_rule_finds_what_it_forbids(self):
        for text in ("import pickle", "from pickle import loads", "x = eval('1')", "import torch\ntorch.load(f)", "np.load(f, allow_pickle=True)",
                     "import marshal", "exec(code)", "import importlib"):
            self.assertTrue(list(offences(pathlib.Path("x.py"), ast.parse(text))), text)

    def test_every_public_name_is_documented(self):
        for name in airlock.__all__:
            self.assertTrue(getattr(airlock, name).__doc__, name)


package.main()
