"""Builds C++ into libraries with the system's compiler, and keeps them.

They lie in a directory that is the user's alone, under names with two hashes: that of what they were
made of (text, compiler, flags, processor), and that of their own bytes, which is compared before
they are loaded. A library appears under its name whole, by a rename, so that several processes may
build it at once.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import json
import os
import platform
import shlex
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from lathe.errors import CompileError

# Values keep every bit: no contraction to fused operations, no new order of sums. Comparisons may
# be made in advance, and functions need not set errno.
FLAGS = ("-std=c++17", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fPIC",
         "-shared", "-fvisibility-inlines-hidden")
_NATIVE = {"x86_64": "-march=native", "AMD64": "-march=native", "aarch64": "-mcpu=native",
           "arm64": "-mcpu=native"}
_TOLD = 4000  # characters of what a compiler says

_loaded: Dict[str, ctypes.CDLL] = {}


def compiler() -> List[str]:
    """The command: $CXX, with its arguments, or the first of c++, g++ and clang++ that there is."""
    named = shlex.split(os.environ.get("CXX", ""))
    for command in [named] if named else [["c++"], ["g++"], ["clang++"]]:
        path = shutil.which(command[0])
        if path:
            return [path, *command[1:]]
    wanted = f"$CXX is {named[0]}, which is no program" if named else (
        "none of c++, g++ and clang++ is in $PATH, and $CXX names no other")
    raise CompileError(f"compiled=True needs a C++ compiler: {wanted}")


def cache_directory() -> Path:
    """$XDG_CACHE_HOME/lathe or ~/.cache/lathe, made if need be. CompileError unless it is the
    user's, and others cannot write to it."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    directory = Path(base if os.path.isabs(base) else os.path.expanduser("~/.cache")) / "lathe"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = os.lstat(directory)
    except OSError as error:
        raise CompileError(f"{directory}, where compiled programs are kept, cannot be made: "
                           f"{error.strerror}; set XDG_CACHE_HOME to another directory") from error
    problem = _problem_of(found)
    if problem:
        raise CompileError(f"{directory}, where compiled programs are kept, {problem}; it has to be "
                           "a directory of yours that nobody else can write to (chmod 700)")
    return directory


def _problem_of(found: os.stat_result) -> str:
    if not stat.S_ISDIR(found.st_mode):
        return "is no directory"
    if found.st_uid != os.geteuid():
        return f"belongs to another user (uid {found.st_uid})"
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"can be written by others (mode {stat.S_IMODE(found.st_mode):04o})"
    return ""


@functools.lru_cache(maxsize=None)
def _version(command: Tuple[str, ...]) -> str:
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, check=False)
    return done.stdout


@functools.lru_cache(maxsize=None)
def _processor() -> str:
    """What native code depends on."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            lines = [line for line in file if line.startswith(("model name", "flags", "Features"))]
    except OSError:
        lines = []
    return "".join(sorted(set(lines))) or f"{platform.machine()} {platform.processor()}"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _key(source: str, command: Sequence[str], flags: Sequence[str]) -> str:
    made_of = [source, list(command), _version(tuple(command)), list(flags), _processor()]
    return _digest(json.dumps(made_of).encode())


def load(source: str, flags: Sequence[str] = FLAGS) -> ctypes.CDLL:
    """The library of this text, which is built if no whole one is kept. CompileError."""
    if os.name != "posix":
        raise CompileError(f"compiled=True works on Unix systems, not on {platform.system()}")
    command = compiler()
    key = _key(source, command, flags)
    if key not in _loaded:
        directory = cache_directory()
        path = _kept(directory, key) or _build(directory, key, source, command, flags)
        try:
            _loaded[key] = ctypes.CDLL(str(path))
        except OSError as error:
            raise CompileError(f"{path} cannot be loaded: {error}") from error
    return _loaded[key]


def _kept(directory: Path, key: str) -> Optional[Path]:
    """A library whose bytes are those that its name tells; others are removed."""
    for path in sorted(directory.glob(f"{key}-*.so")):
        try:
            if path.name == _name(key, path.read_bytes()):
                return path
            path.unlink()
        except OSError:
            pass  # another process has removed it, or will
    return None


def _name(key: str, data: bytes) -> str:
    return f"{key}-{_digest(data)}.so"


def _build(directory: Path, key: str, source: str, command: Sequence[str],
           flags: Sequence[str]) -> Path:
    try:
        handle, partial = tempfile.mkstemp(prefix="partial-", dir=directory)
        os.close(handle)
    except OSError as error:
        raise CompileError(f"{directory}, where compiled programs are kept: {error.strerror}") from (
            error)
    try:
        _compile([*command, *flags], source, partial)
        path = directory / _name(key, Path(partial).read_bytes())
        os.chmod(partial, 0o700)
        os.replace(partial, path)
        return path
    finally:
        if os.path.exists(partial):
            os.unlink(partial)


def _compile(command: Sequence[str], source: str, output: str) -> None:
    """For this very processor where the compiler can, which is tried first."""
    native = _NATIVE.get(platform.machine())
    told = ""
    attempts: List[List[str]] = [[native], []] if native else [[]]
    for flags in attempts:
        try:
            done = subprocess.run([*command, *flags, "-x", "c++", "-", "-o", output], input=source,
                                  capture_output=True, text=True, errors="replace", check=False)
        except OSError as error:
            raise CompileError(f"{command[0]} cannot be run: {error.strerror}") from error
        if done.returncode == 0 and os.path.getsize(output):
            return
        told = (done.stderr or done.stdout).strip()[-_TOLD:]
    raise CompileError(f"{shlex.join(command)} fails:\n{told or 'it says nothing'}")
