"""`airlock convert --split SRC DIR`: weights and training state apart. Of the wheel's command line, this is the part in Python."""
from __future__ import annotations

import argparse
import json
import sys
from typing import Any, Dict, List, NoReturn, Tuple, Type

from ._convert import convert
from ._errors import AirlockError, DaemonError, RefusedError, printable

# As of the program: the first that fits.
_EXIT_CODES: Tuple[Tuple[Type[Exception], int], ...] = ((DaemonError, 69), (RefusedError, 1), (AirlockError, 2), (KeyError, 2), (OSError, 66))
_USAGE = 64


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        print(f"airlock convert: {printable(message)}", file=sys.stderr)
        sys.exit(_USAGE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `convert`."""
    parser.add_argument("--split", action="store_true", required=True,
                        help="write a folder: weights, averaged weights, all other tensors, and all else as JSON")
    parser.add_argument("--key", default="auto", help="auto, or the path of the weights: state_dict, nets.0.ema")
    parser.add_argument("--strip", action="store_true", help="take module. and _orig_mod. off the names of the weights")
    parser.add_argument("--inert", action="store_true", help="take a dangerous file too: what it would call stays an inert record")
    parser.add_argument("--format", choices=("table", "json"), default="table", help="how to say what was written")
    parser.add_argument("source", metavar="SRC", help="checkpoint, or a folder that is one")
    parser.add_argument("folder", metavar="DIR", help="folder to write; files that are there are replaced")


def run(given: argparse.Namespace) -> int:
    """The command; its exit code."""
    try:
        made = convert(given.source, given.folder, key=given.key, split=True, strip=given.strip, inert=given.inert)
    except tuple(kind for kind, _ in _EXIT_CODES) as error:
        print(f"airlock: {_message(error)}", file=sys.stderr)
        return next(code for kind, code in _EXIT_CODES if isinstance(error, kind))
    print(json.dumps(_summary(given, made)) if given.format == "json" else _line(given.folder, made))
    return 0


def _message(error: Exception) -> str:
    if isinstance(error, AirlockError):
        return str(error)  # its names are escaped; its lines are meant
    return printable(str(error.args[0] if isinstance(error, KeyError) else error))


def _summary(given: argparse.Namespace, made: Dict[str, Any]) -> Dict[str, Any]:
    return {"schema_version": 1, "file": given.source, "destination": given.folder, **made}


def _line(folder: str, made: Dict[str, Any]) -> str:
    place = f" from {printable(made['key'])}" if made["key"] else ""
    tensors = f"{made['tensors']} tensor{'' if made['tensors'] == 1 else 's'}"
    return f"{printable(folder)}: {tensors}{place}; {', '.join(made['files'])}"


def main(arguments: List[str]) -> int:
    """The command line behind `airlock convert`."""
    parser = _Parser(prog="airlock convert", description=__doc__)
    add_arguments(parser)
    return run(parser.parse_args(arguments))
