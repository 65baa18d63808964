"""The command `airlock` of an installed wheel: the program that it carries."""
from __future__ import annotations

import os
import sys
from typing import List, NoReturn, Optional

from ._daemon import environment_of, find_program


def main(arguments: Optional[List[str]] = None) -> NoReturn:
    """Becomes the program."""
    arguments = sys.argv[1:] if arguments is None else arguments
    program = find_program("airlock")
    if program is None:
        print("airlock: the program is neither in this package nor in /usr/bin", file=sys.stderr)
        sys.exit(69)
    os.execve(program, ["airlock", *arguments], environment_of(program))  # noqa: S606
