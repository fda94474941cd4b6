"""Where compiled programs are kept, and what goes wrong there."""

import os
import stat
import subprocess
import sys

import pytest
import torch

import lathe
from lathe import _library

SCRIPT = """
import torch, lathe
p = torch.nn.Parameter(torch.ones(5))
p.grad = torch.ones(5)
lathe.load_optimizer("sgd", [p], lr=0.5, compiled=True).step()
assert p.tolist() == [0.5] * 5
"""


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """A directory of the test's own, and nothing loaded yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(_library, "_loaded", {})
    return tmp_path / "cache" / "lathe"


def step():
    p = torch.nn.Parameter(torch.ones(5))
    p.grad = torch.ones(5)
    lathe.load_optimizer("sgd", [p], lr=0.5, compiled=True).step()
    assert p.tolist() == [0.5] * 5


def only_library(cache):
    names = os.listdir(cache)
    assert len(names) == 1 and names[0].endswith(".so"), names
    return cache / names[0]


def wrapper(tmp_path, body):
    """A compiler that is a script."""
    path = tmp_path / "cxx"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o700)
    return str(path)


def test_it_is_built_once_and_kept_in_private(cache, monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", wrapper(tmp_path, f'echo x >> {tmp_path}/calls; exec c++ "$@"'))
    step()
    assert stat.S_IMODE(os.stat(cache).st_mode) == 0o700
    library = only_library(cache)
    built = (tmp_path / "calls").read_text().count("x")
    _library._loaded.clear()
    step()
    assert only_library(cache) == library
    assert (tmp_path / "calls").read_text().count("x") == built


@pytest.mark.parametrize("damage", [lambda data: data[:len(data) // 2], lambda data: b"",
                                    lambda data: data[:-9] + b"x" + data[-8:]])
def test_a_damaged_library_is_built_again(cache, damage):
    # In processes of their own: a library that is loaded must not be written over.
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)
    library = only_library(cache)
    whole = library.read_bytes()
    library.write_bytes(damage(whole))
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)
    assert only_library(cache).read_bytes() == whole


def test_another_compiler_and_other_flags_make_another_library(cache, monkeypatch, tmp_path):
    step()
    monkeypatch.setenv("CXX", wrapper(tmp_path, 'exec c++ "$@"'))
    step()
    assert len(os.listdir(cache)) == 2
    monkeypatch.setenv("CXX", f"{tmp_path}/cxx -DX=1")
    step()
    assert len(os.listdir(cache)) == 3
    monkeypatch.setattr(_library, "_processor", lambda: "another")
    step()
    assert len(os.listdir(cache)) == 4


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
def test_a_directory_that_others_can_write_to_is_refused(cache, mode):
    cache.mkdir(parents=True)
    cache.chmod(mode)
    with pytest.raises(lathe.CompileError, match=f"{cache}.* can be written by others .*{mode:04o}"):
        step()
    assert os.listdir(cache) == []


def test_a_directory_of_another_user_is_refused(cache, monkeypatch):
    cache.mkdir(parents=True, mode=0o700)
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    with pytest.raises(lathe.CompileError, match=f"belongs to another user .uid {uid}"):
        step()
    assert os.listdir(cache) == []


def test_a_link_and_a_file_are_no_directory(cache, tmp_path):
    cache.parent.mkdir()
    (tmp_path / "other").mkdir(mode=0o700)
    cache.symlink_to(tmp_path / "other")
    with pytest.raises(lathe.CompileError, match="is no directory"):
        step()
    cache.unlink()
    cache.write_text("")
    with pytest.raises(lathe.CompileError, match="cannot be made: File exists"):
        step()


def test_without_a_compiler(cache, monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(lathe.CompileError, match=r"\$CXX is no-such-compiler, which is no program"):
        step()
    monkeypatch.delenv("CXX")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(lathe.CompileError, match=r"needs a C\+\+ compiler: none of c\+\+"):
        step()


@pytest.mark.parametrize("body", ["echo out of luck >&2; exit 1", "echo out of luck; exit 0"])
def test_what_a_failing_compiler_says_is_told(cache, monkeypatch, tmp_path, body):
    monkeypatch.setenv("CXX", wrapper(tmp_path, body))
    with pytest.raises(lathe.CompileError, match="out of luck"):
        step()
    assert os.listdir(cache) == []


def test_a_compiler_without_native_code_will_do(cache, monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", wrapper(
        tmp_path, 'for a in "$@"; do case $a in -m*=native) exit 1;; esac; done; exec c++ "$@"'))
    step()


def test_what_no_library_is_cannot_be_loaded(cache, monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", wrapper(
        tmp_path, 'for a in "$@"; do last=$a; done; case $last in /*) echo text > "$last";; esac'))
    with pytest.raises(lathe.CompileError, match="cannot be loaded"):
        step()


def test_several_processes_build_at_once(cache, tmp_path):
    # The compiler waits until both have begun.
    cxx = wrapper(tmp_path, f'case $* in *-o*) touch {tmp_path}/began-$$; while [ "$(ls {tmp_path} | '
                  'grep -c began-)" -lt 2 ]; do :; done;; esac; exec c++ "$@"')
    environment = {**os.environ, "CXX": cxx}
    processes = [subprocess.Popen([sys.executable, "-c", SCRIPT], env=environment) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    only_library(cache)


def test_names_of_a_program_are_not_in_its_text():
    from lathe._cpp_source import source_of
    from lathe._layout import Layout
    from lathe._stages import Stages
    program = lathe.parse("lathe 1 optimizer zebra\ninput g[P,R,C]\nhyper quokka = 0.3125\n"
                          "state ocelot[P,R,C] = 0\nnext ocelot = g\nupdate = mul(g, quokka)\n")
    text = source_of([Layout(Stages(program))], ["float", "double"])
    assert not any(word in text for word in ("zebra", "quokka", "ocelot", (0.3125).hex()))
