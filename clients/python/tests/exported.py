"""What `lathe export --to pytorch` writes, as classes."""

import functools
import itertools
import subprocess

import torch

_places = itertools.count()


def class_of(source):
    """The optimizer or module that a file defines; the file needs torch alone."""
    assert "lathe." not in source.split('"""', 2)[2], "it needs nothing of ours"
    names = {"__name__": f"exported_{next(_places)}"}
    exec(compile(source, names["__name__"], "exec"), names)
    found = [value for value in names.values() if isinstance(value, type)
             and issubclass(value, (torch.optim.Optimizer, torch.nn.Module))]
    assert len(found) == 1
    return found[0]


@functools.lru_cache(maxsize=None)
def export(bin_folder, program, to="pytorch"):
    """What the command prints for a file or a known program."""
    done = subprocess.run([str(bin_folder / "lathe"), "export", str(program), "--to", to],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@functools.lru_cache(maxsize=None)
def exported(bin_folder, program):
    return class_of(export(bin_folder, program))


class Recorded(torch.nn.Parameter):
    """A parameter that remembers its update, which would else be lost in its rounding."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    def sub_(self, update):
        self.update = update
        return self


class At(float):
    """A count of steps that the next step finds to be this one."""

    def __add__(self, _):
        return float(self)
