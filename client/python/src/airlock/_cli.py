"""The command `airlock` of an installed wheel: the program that it carries, and `convert --split`, which is this package's."""
from __future__ import annotations

import os
import sys
from typing import NoReturn

from ._daemon import environment_of, find_program


def main() -> NoReturn:
    """Becomes the program, but for what the program has not."""
    if sys.argv[1:2] == ["convert"] and "--split" in sys.argv:
        from ._split_command import main as split

        sys.exit(split(sys.argv[2:]))
    program = find_program("airlock")
    if program is None:
        print("airlock: the program is neither in this package nor in /usr/bin", file=sys.stderr)
        sys.exit(69)
    os.execve(program, ["airlock", *sys.argv[1:]], environment_of(program))  # noqa: S606
