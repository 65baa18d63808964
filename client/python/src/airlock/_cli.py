"""The command `airlock` of an installed wheel: the program that it carries, and `convert --split`, which is this package's."""
from __future__ import annotations

import os
import sys
from typing import List, NoReturn, Optional

from ._daemon import environment_of, find_program


def main(arguments: Optional[List[str]] = None) -> NoReturn:
    """Becomes the program, but for what the program has not."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["convert"] and "--split" in arguments:
        from ._split_command import main as split

        sys.exit(split(arguments[1:]))
    program = find_program("airlock")
    if program is None:
        print("airlock: the program is neither in this package nor in /usr/bin", file=sys.stderr)
        sys.exit(69)
    os.execve(program, ["airlock", *arguments], environment_of(program))  # noqa: S606
