"""A private airlockd: started for this process, kept warm while it lives, gone with it.

It holds one end of a socket pair and ends when the other closes, however this process ends. The wheel carries the programs;
elsewhere $AIRLOCK_DAEMON or /usr/libexec/airlock has them.
"""
from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, Dict, List, Optional

from ._errors import DaemonError, printable

_HERE = Path(__file__).resolve().parent
_READY = b"ready\n"
_START_SECONDS = 30.0
_END_SECONDS = 3.0
_MAX_DIRECTORY = 80  # a unix socket's path has at most 107 bytes
_BELOW_MINIMUM = 78  # airlockd's exit code where walls are missing

# What would make the daemon serve others, or speak to the caller's service manager.
_NOT_FOR_DAEMON = (
    "AIRLOCK_LISTEN", "AIRLOCK_ROOT", "AIRLOCK_CONFIG", "AIRLOCK_TLS_", "AIRLOCK_INSECURE_", "AIRLOCK_SOCKET_MODE", "AIRLOCK_PRIVATE_FD",
    "NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_", "LD_PRELOAD",
)


def find_program(name: str) -> Optional[Path]:
    """`airlockd` or `airlock`: that of $AIRLOCK_DAEMON's folder, that of the wheel, or the installed one."""
    named = os.environ.get("AIRLOCK_DAEMON")
    folders = [Path(named).parent] if named else []
    folders += [_HERE / "bin", Path("/usr/libexec/airlock"), Path("/usr/bin")]
    if named and name == "airlockd":
        return Path(named)
    for folder in folders:
        if os.access(folder / name, os.X_OK):
            return folder / name
    return None


def environment_of(program: Path) -> Dict[str, str]:
    """The environment for a program: without what is for other daemons, with the libraries that the wheel carries for it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_FOR_DAEMON)}
    libraries = program.parent / "lib"
    if libraries.is_dir():
        environment["LD_LIBRARY_PATH"] = str(libraries)
    return environment


def _socket_directory() -> str:
    for base in (os.environ.get("XDG_RUNTIME_DIR"), os.environ.get("TMPDIR"), "/tmp"):
        if not base or not base.startswith("/") or len(base) > _MAX_DIRECTORY:
            continue
        with contextlib.suppress(OSError):
            return tempfile.mkdtemp(prefix="airlock-", dir=base)  # 0700
    raise DaemonError("no directory for a private daemon's socket", reason="NO_WORKER")


class PrivateDaemon:
    """A running daemon. `address` is where it listens."""

    def __init__(self, arguments: Optional[List[str]] = None) -> None:
        program = find_program("airlockd")
        if program is None:
            raise DaemonError("airlockd was found neither in this package nor in /usr/libexec/airlock; set AIRLOCK_DAEMON",
                              reason="NO_WORKER")
        self._owner = os.getpid()
        self._directory = _socket_directory()
        self.address = f"unix:{self._directory}/airlockd.sock"
        self._log: IO[bytes] = tempfile.TemporaryFile(prefix="airlockd-log")
        self._keep_alive, theirs = socket.socketpair()
        try:
            self._process = self._spawn(program, theirs, arguments or [])
        except OSError as error:
            self._keep_alive.close()
            self._log.close()
            self._remove_directory()
            raise DaemonError(f"cannot start {program}: {error.strerror}", reason="NO_WORKER") from error
        finally:
            theirs.close()
        self._await_ready()

    def _spawn(self, program: Path, theirs: socket.socket, arguments: List[str]) -> subprocess.Popen[bytes]:
        fd = theirs.fileno()
        command = [str(program), "--private-fd", str(fd), "--listen", self.address, "--root", "/", "--log-level", "warn", *arguments]
        # A session of its own: Ctrl-C is for the caller, who then ends the daemon.
        return subprocess.Popen(command, pass_fds=(fd,), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._log,
                                env=environment_of(program), start_new_session=True)

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        heard = b""
        while len(heard) < len(_READY):
            self._keep_alive.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                more = self._keep_alive.recv(len(_READY) - len(heard))
            except socket.timeout:
                more = b""
            if not more:
                raise self._died()
            heard += more
        self._keep_alive.settimeout(None)

    def _died(self) -> DaemonError:
        self._keep_alive.close()
        code = self._reap()
        self._log.seek(0)
        words = self._log.read()[-4096:].decode("utf-8", "replace").strip().rpartition("\n")[2]
        self._log.close()
        self._remove_directory()
        what = "this machine cannot raise the walls" if code == _BELOW_MINIMUM else "the private daemon ended before it served"
        return DaemonError(f"{what}: {printable(words)}" if words else what, reason="NO_WORKER")

    def _reap(self) -> Optional[int]:
        try:
            return self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            return self._process.wait()

    def _remove_directory(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def alive(self) -> bool:
        """Whether it can still be spoken to. In a forked child: as far as one can tell."""
        return os.getpid() != self._owner or self._process.poll() is None

    def forget(self) -> None:
        """In a forked child: the daemon is the parent's, and must end with the parent."""
        self._keep_alive.close()
        self._log.close()

    def close(self) -> None:
        """Ends it, unless it is a parent's."""
        if os.getpid() != self._owner:
            return
        self._keep_alive.close()
        self._reap()
        self._log.close()
        self._remove_directory()
