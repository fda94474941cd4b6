"""A user's own model as something to search with: a TorchScript file for `lathe data add`."""

from __future__ import annotations

import os
import pathlib
import tempfile
from typing import Any, List, Tuple, Union

import torch
from torch import Tensor, nn

from lathe.errors import ModelError

# Exports nothing as types see it.
jit: Any = torch.jit

# What the file says that it is given.
_EXAMPLE_FILE = "lathe_example"
_MOST_OUTPUTS = 65536
# Batch norm needs two examples in training; the last batch of a split may have any number.
_TRAINING_SIZES, _EVALUATION_SIZES = (2, 3), (1, 2, 3)


def export_model(module: nn.Module, example: Tensor, path: Union[str, "os.PathLike[str]"],
                 trace: bool = False) -> pathlib.Path:
    """Writes a module so that `lathe data add NAME --format torchscript PATH` registers it, and a
    job can name it: `task: {torchscript: {name: NAME}}`.

        lathe.export_model(net, torch.zeros(1, 1, 28, 28), "net.pt")
        lathe.export_model(model, torch.zeros(1, 64, dtype=torch.long), "language.pt")

    `example` is a batch of inputs, examples first: float32 [batch, features] or [batch, channels,
    height, width], for which the module returns float32 [batch, classes]; or int64 tokens
    [batch, context], for which it returns float32 [batch, context, vocabulary], one prediction at
    each place. Parameters that require gradients are trained, in the order of
    `named_parameters()`; they and all others are float32.

    The module is compiled by torch.jit.script. `trace=True` takes torch.jit.trace instead, for
    modules that script cannot compile: what it records is what the module did with one example in
    evaluation mode, so dropout and batch norm would behave as in evaluation also when it is trained;
    a module that does something else in training is refused.

    The module itself is left as it is. The file is written whole or not at all. Returns its path.
    ModelError says what the module or the example has that cannot be used; TypeError and ValueError
    are for arguments of the wrong kind.
    """
    _check_example(module, example)
    _check_parameters(module)
    was_training = {name: part.training for name, part in module.named_modules()}
    try:
        compiled = _trace(module, example) if trace else _script(module)
        target = pathlib.Path(path)
        with tempfile.TemporaryDirectory(prefix=".lathe-", dir=target.parent) as folder:
            written = pathlib.Path(folder) / "model.pt"
            # Beside the target, so that it can take its place in one step.
            jit.save(compiled, str(written), _extra_files={_EXAMPLE_FILE: _text(example)})
            _check_file(module, written, example)
            os.replace(written, target)
    finally:
        for name, part in module.named_modules():
            part.training = was_training[name]
    return target


def _check_example(module: nn.Module, example: Tensor) -> None:
    if not isinstance(module, nn.Module):
        raise TypeError(f"module is a {type(module).__name__}; allowed: a torch.nn.Module")
    if not isinstance(example, Tensor):
        raise TypeError(f"example is a {type(example).__name__}; allowed: a tensor of inputs")
    if example.dtype not in (torch.float32, torch.int64):
        raise ModelError(f"example is {_name(example.dtype)}; allowed: float32, or int64 for tokens")
    shape = tuple(example.shape)
    tokens = example.dtype == torch.int64
    if len(shape) not in ((2,) if tokens else (2, 4)) or 0 in shape:
        raise ModelError(
            f"example has the shape {list(shape)}; allowed: [batch, context] for int64 tokens, "
            "[batch, features] or [batch, channels, height, width] for float32")


def _check_parameters(module: nn.Module) -> None:
    named = list(module.named_parameters())
    for name, parameter in named:
        if isinstance(parameter, nn.parameter.UninitializedParameter):
            raise ModelError(f"parameter {name} has no shape yet; run the module once before")
        if parameter.dtype != torch.float32:
            raise ModelError(f"parameter {name} is {_name(parameter.dtype)}; allowed: float32")
        if parameter.device.type != "cpu":
            raise ModelError(f"parameter {name} is on {parameter.device}; allowed: cpu, as after "
                             "module.cpu()")
        if not torch.isfinite(parameter).all():
            raise ModelError(f"parameter {name} has numbers that are not finite")
    if not any(parameter.requires_grad for _, parameter in named):
        raise ModelError("the module has no parameters that require gradients: nothing to train")


def _script(module: nn.Module) -> nn.Module:
    try:
        compiled: nn.Module = jit.script(module)
        return compiled
    except Exception as error:  # noqa: BLE001: whatever the compiler raises
        raise ModelError(
            f"torch.jit.script cannot compile the module: {error}\nChange what it points at, or "
            "use trace=True if the module does the same in training as in evaluation") from error


def _trace(module: nn.Module, example: Tensor) -> nn.Module:
    for name, part in module.named_modules():
        if isinstance(part, (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._NormBase)):
            raise ModelError(
                f"{name or 'the module'} is a {type(part).__name__}, which does something else in "
                "training than in evaluation, and a trace keeps only one of them; use trace=False, "
                "which compiles the module by torch.jit.script")
    module.eval()
    try:
        traced: nn.Module = jit.trace(module, example, check_trace=False)
    except Exception as error:  # noqa: BLE001: whatever the module raises
        raise ModelError(f"torch.jit.trace cannot run the module: {error}") from error
    return traced


def _check_file(module: nn.Module, path: pathlib.Path, example: Tensor) -> None:
    """What the file gives is what the module gives, for batches of every size."""
    saved = jit.load(str(path))
    _check_names(module, saved)
    outputs = _check_output(_run(saved.eval(), example, "in evaluation mode"), example).shape[-1]
    buffers = [(part, name, value, value.clone()) for part in module.modules()
               for name, value in part.named_buffers(recurse=False)]
    try:
        for training, sizes in ((False, _EVALUATION_SIZES), (True, _TRAINING_SIZES)):
            module.train(training)
            saved.train(training)
            mode = "in training mode" if training else "in evaluation mode"
            for size in sizes:
                batch = _batch(example, size)
                got = _check_output(_run(saved, batch, mode), batch)
                _check_same(got, _run(module, batch, mode), size, mode)
                if got.shape[-1] != outputs:
                    raise ModelError(f"the module returns {got.shape[-1]} numbers each for {size} "
                                     f"examples and {outputs} for {len(example)}")
    finally:
        for part, name, value, kept in buffers:
            setattr(part, name, value.copy_(kept))


def _check_names(module: nn.Module, saved: nn.Module) -> None:
    names, kept = _trained(module), _trained(saved)
    if names != kept:
        raise ModelError(f"the file would train {kept}, the module has {names}")


def _trained(module: nn.Module) -> List[str]:
    return [name for name, value in module.named_parameters() if value.requires_grad]


def _batch(example: Tensor, size: int) -> Tensor:
    """As many examples, repeated if need be."""
    index = torch.arange(size) % len(example)
    return example[index].clone()


def _run(module: nn.Module, batch: Tensor, mode: str) -> object:
    # Both sides draw the same random numbers, whoever else draws from the generator.
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(1)
        # As it stands: what is optimized may round otherwise.
        with jit.optimized_execution(False):
            try:
                return module(batch)
            except Exception as error:  # noqa: BLE001: whatever the module raises
                what = str(error).strip().splitlines() or [type(error).__name__]
                raise ModelError(f"the module fails {mode} on {list(batch.shape)}: {what[-1]}") \
                    from error


def _check_output(output: object, batch: Tensor) -> Tensor:
    if not isinstance(output, Tensor):
        raise ModelError(f"the module returns a {type(output).__name__}; allowed: one tensor")
    if output.dtype != torch.float32:
        raise ModelError(f"the module returns {_name(output.dtype)}; allowed: float32")
    places: Tuple[int, ...] = tuple(batch.shape) if batch.dtype == torch.int64 else (len(batch),)
    if tuple(output.shape[:-1]) != places:
        allowed = ", ".join([*map(str, places), "outputs"])
        raise ModelError(f"the module returns {list(output.shape)} for {list(batch.shape)}; "
                         f"allowed: [{allowed}]")
    if not 2 <= output.shape[-1] <= _MOST_OUTPUTS:
        raise ModelError(f"the module returns {output.shape[-1]} numbers each; allowed: 2 to "
                         f"{_MOST_OUTPUTS}")
    return output


def _check_same(got: Tensor, expected: object, size: int, mode: str) -> None:
    if isinstance(expected, Tensor) and got.shape == expected.shape:
        if torch.allclose(got, expected, rtol=1e-4, atol=1e-5, equal_nan=True):
            return
    raise ModelError(f"the compiled module gives other numbers than the module {mode} on a batch of "
                     f"{size}; a traced one has what it did with the example built in")


def _text(example: Tensor) -> str:
    extents = "x".join(str(extent) for extent in example.shape[1:])
    return f"tokens:{extents}" if example.dtype == torch.int64 else extents


def _name(dtype: torch.dtype) -> str:
    return str(dtype).replace("torch.", "")
