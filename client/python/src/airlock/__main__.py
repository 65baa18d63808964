"""The command line of the package: scripts with every torch.load of them sandboxed, and all that the program `airlock` does.

  python -m airlock run SCRIPT [ARGUMENT ...]     runs a script that cannot be edited
  python -m airlock inspect FILE                  and scan, load, convert, policy, metrics, doctor, version: the program `airlock`
"""
from __future__ import annotations

import argparse
import runpy
import sys
from typing import List, Optional

from . import __version__, _cli, patch

# What is not the program's.
_OURS = ("run", "-h", "--help", "--version")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m airlock", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run a script with every torch.load sandboxed")
    run.add_argument("--unknown", choices=("record", "error"), default="record", help="what becomes of objects of unknown types")
    run.add_argument("--trusted", action="append", default=[], metavar="CLASS", help="rebuild objects of this class; may be repeated")
    run.add_argument("--inert", action="store_true", help="load dangerous files too; what they would call stays an inert record")
    # Without a value: what follows it is the module's, however it looks; and `-mMODULE` is an error, not a module without its arguments.
    run.add_argument("-m", dest="module", action="store_true", help="run a module instead of a script")
    run.add_argument("rest", nargs=argparse.REMAINDER, metavar="SCRIPT ARGUMENT", help="the script or the module, and its arguments")
    return parser


def main(arguments: Optional[List[str]] = None) -> int:
    """The command line."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] not in _OURS:
        _cli.main(arguments)
    given = _parser().parse_args(arguments)
    program = given.rest[1:] if given.rest[:1] == ["--"] else given.rest
    if not program:
        print("python -m airlock run: no script", file=sys.stderr)
        return 64
    patch(unknown=given.unknown, trusted=given.trusted, inert=given.inert)
    sys.argv = program
    if given.module:
        runpy.run_module(program[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = _directory_of(program[0])
        runpy.run_path(program[0], run_name="__main__")
    return 0


def _directory_of(script: str) -> str:
    from os.path import abspath, dirname

    return dirname(abspath(script))


if __name__ == "__main__":
    sys.exit(main())
