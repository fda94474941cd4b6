"""Layers whose forward pass is a program."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, ContextManager, Dict

import torch
from torch import Tensor, nn
from torch.amp.autocast_mode import autocast

from lathe._chunks import compute_dtype
from lathe._lowering import Lowered, host_number, lower
from lathe._model import number_dtype
from lathe.axes import in_order
from lathe.known import ProgramSource, load_program
from lathe.program import Operand, Program

MOMENTUM = 0.1  # buffer <- 0.9 buffer + 0.1 moment, with each training step
# What a buffer holds is the moment, of which these are roots.
_ROOTS = {"rms", "stddev", "norm", "global_norm"}
_START_AT_ONE = _ROOTS | {"mean_square", "var"}
# Scales start at 1, offsets at 0.
_PARAMETER_STARTS = {"gamma": 1.0, "beta": 0.0, "v0": 0.0, "v1": 1.0}


def _without_autocast(device: torch.device) -> ContextManager[Any]:
    try:
        context: ContextManager[Any] = autocast(device.type, enabled=False)
        return context
    except RuntimeError:  # a device for which there is none
        return nullcontext()


def load_layer(program: ProgramSource, channels: int, groups: int = 32) -> "LoadedLayer":
    """A layer that computes a program, for inputs of [batch, channels, ...].

    `program` is its text, the path of a .lathe file, or the name of a known one. The channels are
    taken as G groups, G the largest divisor of `channels` that is not above `groups`.

    ProgramError for a wrong text, ValueError for numbers that are not positive.
    """
    return LoadedLayer(load_program(program, "layer"), channels, groups)


class LoadedLayer(nn.Module):
    """y = program(x), with the parameters that the program declares: of gamma, beta, v0 and v1, each
    of [channels].

    In training, reductions over the batch look at the batch and move the running averages of their
    moments on (momentum 0.1, variances biased); in evaluation they read these. Inputs have two to
    five dimensions; all but the first two are places. Under autocast and for half precision it
    computes in float32 and gives the type of its input.
    """

    def __init__(self, program: Program, channels: int, groups: int = 32) -> None:
        super().__init__()
        if channels < 1 or groups < 1:
            raise ValueError(f"channels is {channels} and groups is {groups}; both have to be "
                             "positive")
        self.program = program
        self.channels = channels
        self.groups = next(g for g in range(min(groups, channels), 0, -1) if channels % g == 0)
        for name in program.inputs:
            if name != "x":
                start = torch.full((channels,), _PARAMETER_STARTS[name])
                self.register_parameter(name, nn.Parameter(start))
        self._lowered = lower(program)
        self._inputs = list(program.signature.inputs)
        self._buffer_names = self._make_buffers()

    def _make_buffers(self) -> Dict[int, str]:
        """By instruction: those that remove B."""
        names: Dict[int, str] = {}
        extents = {"G": self.groups, "K": self.channels // self.groups}
        for index, lowered in self._lowered:
            removes = "B" in lowered.union and "B" not in lowered.axes
            if not removes or not lowered.rule.startswith("reduce"):
                continue
            name = self.program.instructions[index].name or self.program.signature.output
            names[index] = "running_" + name
            start = 1.0 if lowered.name in _START_AT_ONE else 0.0
            shape = [extents[axis] for axis in in_order(lowered.axes)]
            self.register_buffer(names[index], torch.full(shape, start))
        return names

    def extra_repr(self) -> str:
        return f"{self.program.name}, channels={self.channels}, groups={self.groups}"

    def forward(self, x: Tensor) -> Tensor:
        """y of the shape of `x`. ValueError for another number of channels."""
        if x.dim() < 2 or x.dim() > 5 or x.shape[1] != self.channels:
            raise ValueError(f"{self.program.name} takes [batch, {self.channels}, ...] of two to "
                             f"five dimensions, not {list(x.shape)}")
        if not x.is_floating_point():
            raise ValueError(f"{self.program.name} takes floating-point numbers, not {x.dtype}")
        with _without_autocast(x.device):
            return self._forward(x)

    def _forward(self, x: Tensor) -> Tensor:
        places = [*x.shape[2:], 1, 1]
        cols = x[0, 0].numel() // max(places[0], 1) if x.numel() else places[1]
        framed = x.to(compute_dtype(x.dtype)).reshape(
            x.shape[0], self.groups, self.channels // self.groups, places[0], cols)
        values: Dict[int, Tensor] = {}
        for index, lowered in self._lowered:
            if index in self._buffer_names and not self.training:
                values[index] = self._from_buffer(index, lowered)
                continue
            operands = [self._value(operand, framed, values) for operand in lowered.operands]
            values[index] = lowered.apply(lowered.prepare(operands, framed.dtype, x.device))
            if index in self._buffer_names and x.numel():  # there is no average of nothing
                self._update_buffer(index, lowered, values[index])
        y = self._value(self.program.output, framed, values).to(x.device, framed.dtype)
        return y.expand(framed.shape).reshape(x.shape).to(x.dtype)

    def _value(self, operand: Operand, x: Tensor, values: Dict[int, Tensor]) -> Tensor:
        if operand.kind == "constant":
            return host_number(operand.constant)
        if operand.kind == "hyper":
            return host_number(self.program.hypers[operand.index].value)
        if operand.kind == "result":
            return values[operand.index]
        name = self._inputs[operand.index]
        if name == "x":
            return x
        parameter: Tensor = getattr(self, name)
        return self._framed(parameter, x.device)

    def _framed(self, numbers: Tensor, device: torch.device) -> Tensor:
        """Numbers of channels with every dimension of the frame."""
        shape = [1, self.groups, self.channels // self.groups, 1, 1]
        return numbers.to(device, number_dtype(device)).reshape(shape)

    def _from_buffer(self, index: int, lowered: Lowered) -> Tensor:
        kept: Tensor = getattr(self, self._buffer_names[index])
        moment = kept.to(number_dtype(kept.device))
        extents = {axis: extent for axis, extent in zip(in_order(lowered.axes), kept.shape)}
        moment = moment.reshape([extents.get(axis, 1) for axis in lowered.frame])
        return moment.sqrt() if lowered.name in _ROOTS else moment

    @torch.no_grad()
    def _update_buffer(self, index: int, lowered: Lowered, result: Tensor) -> None:
        kept: Tensor = getattr(self, self._buffer_names[index])
        moment = result.detach()
        if lowered.name in _ROOTS:
            moment = moment * moment
        blend = (1 - MOMENTUM) * kept.to(moment.dtype) + MOMENTUM * moment.reshape(kept.shape)
        kept.copy_(blend)
