"""Builds the wheel: the package, the protocol's messages, and the programs of a build tree with the libraries that they need.

    pip wheel client/python --no-deps      # after cmake --build build; $AIRLOCK_BIN names another folder of programs
    AIRLOCK_PURE=1 pip wheel ...           # without programs: for machines that have airlockd in /usr/libexec/airlock

The programs are linked to shared libraries of the machine that builds them. All but glibc's own travel in airlock/bin/lib, and
the package starts the programs with LD_LIBRARY_PATH there; so the wheel runs wherever glibc is as new as the builder's.
"""
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # before setuptools 70.1
    from wheel.bdist_wheel import bdist_wheel

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BIN = pathlib.Path(os.environ.get("AIRLOCK_BIN", ROOT / "build" / "bin"))
PURE = os.environ.get("AIRLOCK_PURE") == "1"
PROGRAMS = ("airlockd", "airlock-worker", "airlock")
# What comes with the dynamic linker, and must not come from elsewhere.
GLIBC = re.compile(r"(ld-linux.*|linux-vdso|lib(c|m|dl|rt|pthread|resolv|util|nsl|anl))\.so.*")


def protoc():
    """The compiler: the system's, else that of grpcio-tools."""
    found = shutil.which("protoc")
    return [found] if found else [sys.executable, "-m", "grpc_tools.protoc"]


def libraries_of(program):
    """The shared libraries of a program, those of these too: name and path."""
    said = subprocess.run(["ldd", str(program)], check=False, capture_output=True, text=True).stdout
    found = re.findall(r"^\s*(\S+) => (/\S+)", said, re.MULTILINE)
    return {name: pathlib.Path(path) for name, path in found if not GLIBC.fullmatch(name)}


def copyright_of(library):
    """The file with the terms of a library's Debian package, if it is of one."""
    if not shutil.which("dpkg-query"):
        return None
    found = subprocess.run(["dpkg-query", "-S", str(library.resolve())], check=False, capture_output=True, text=True)
    package = found.stdout.split(":")[0] if found.returncode == 0 else ""
    path = pathlib.Path("/usr/share/doc", package, "copyright")
    return (package, path) if package and path.exists() else None


class Build(build_py):
    """The package's files, and what is made of the rest of the repository."""

    def run(self):
        super().run()
        target = pathlib.Path(self.build_lib)
        files = sorted(str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto" / "airlock" / "v1").glob("*.proto"))
        subprocess.run([*protoc(), "-I", str(ROOT / "proto"), f"--python_out={target}", f"--pyi_out={target}", *files], check=True)
        if not PURE:
            self.copy_programs(target / "airlock" / "bin")

    def copy_programs(self, target):
        (target / "lib" / "licenses").mkdir(parents=True, exist_ok=True)
        libraries = {}
        for name in PROGRAMS:
            if not (BIN / name).exists():
                raise SystemExit(f"{BIN / name} is not there: build it first (cmake --build build), or set AIRLOCK_BIN, or AIRLOCK_PURE=1")
            shutil.copy2(BIN / name, target / name)
            subprocess.run(["strip", str(target / name)], check=True)
            libraries.update(libraries_of(BIN / name))
        for name, path in libraries.items():
            shutil.copy2(path, target / "lib" / name)
            terms = copyright_of(path)
            if terms:
                shutil.copy2(terms[1], target / "lib" / "licenses" / terms[0])


class Wheel(bdist_wheel):
    """Of this platform, for every Python 3: the programs are not of Python's."""

    def finalize_options(self):
        super().finalize_options()
        self.root_is_pure = PURE

    def get_tag(self):
        if PURE:
            return "py3", "none", "any"
        glibc = platform.libc_ver()[1].replace(".", "_")
        return "py3", "none", f"manylinux_{glibc}_{platform.machine()}"


class Programs(Distribution):
    """Not pure, unless asked to be."""

    def has_ext_modules(self):
        return not PURE


setup(
    cmdclass={"build_py": Build, "bdist_wheel": Wheel},
    distclass=Programs,
    packages=["airlock"],
    package_dir={"": "src"},
    package_data={"airlock": ["py.typed"]},
)
