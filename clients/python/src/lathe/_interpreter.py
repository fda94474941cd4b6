"""Runs an optimizer's program over the parameters of a model, op by op: the path that takes every
program, and the one that the others are compared with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Sequence

import torch
from torch import Tensor

from lathe._lowering import Lowered, frame_of, host_number, lower
from lathe._model import number_dtype
from lathe.axes import Axes, in_order, is_number
from lathe.program import Operand, Program

_RULES_THAT_MAY_ALIAS = {"swap"}


@dataclass
class Slot:
    """One parameter in one step, as a matrix of rows x cols; all tensors of one floating type."""

    w: Tensor
    g: Tensor
    group: int
    states: Dict[str, Tensor]  # by name, with the dimensions of the state's type alone


@dataclass
class GroupNumbers:
    """Numbers of a parameter group. `states` are those without P."""

    inputs: Dict[str, float]  # lr, t, total_steps
    hypers: List[float]
    states: Dict[str, Tensor]
    nexts: Dict[str, Tensor] = field(default_factory=dict)


def matrix_shape(shape: Sequence[int]) -> List[int]:
    """A tensor [d0, d1, ...] has d0 rows and the product of the rest as columns."""
    rows = shape[0] if shape else 1
    cols = 1
    for extent in shape[1:]:
        cols *= extent
    return [rows, cols]


class Interpreter:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.frame = frame_of(program)
        self.lowered = lower(program)
        self._inputs = list(program.signature.inputs)

    def step(self, slots: Sequence[Slot], groups: Sequence[GroupNumbers]) -> List[Tensor]:
        """The updates of all parameters, [rows, cols] each; moves the states on.

        `slots` are those with gradients, of which there are some; groups without any are not read.
        """
        run = Run(self, slots, groups)
        for index, lowered in self.lowered:
            run.compute(index, lowered)
        nexts = [self._next_values(run, state.next, state.axes) for state in self.program.states]
        updates = [value.reshape(slot.w.shape) for slot, value in zip(
            slots, self._values(run, self.program.output, frozenset(["R", "C"])))]
        for state, values in zip(self.program.states, nexts):
            self._move(run, state.name, state.axes, values)
        return updates

    def _next_values(self, run: "Run", operand: Operand, axes: Axes) -> List[Tensor]:
        if "P" not in axes:
            return [run.at_group(operand, g) for g in run.used_groups]
        return self._values(run, operand, axes)

    def _values(self, run: "Run", operand: Operand, axes: Axes) -> List[Tensor]:
        """Of all parameters, spread to a type; they share no memory with a state or an input."""
        values = []
        for p, slot in enumerate(run.slots):
            value = self._spread(run.at_parameter(operand, p), axes, slot)
            values.append(value.clone() if run.may_alias(operand) else value)
        return values

    def _move(self, run: "Run", name: str, axes: Axes, values: List[Tensor]) -> None:
        if "P" not in axes:
            for g, value in zip(run.used_groups, values):
                run.groups[g].nexts[name] = value.detach().clone()
            return
        for slot, value in zip(run.slots, values):
            kept = slot.states[name]
            kept.copy_(value.reshape(kept.shape))

    def extents(self, axes: Axes, slot: Slot) -> List[int]:
        """Of a value of this type, by dimension of the frame."""
        extent = {"R": slot.w.shape[0], "C": slot.w.shape[1]}
        return [extent[axis[0]] if axis in axes else 1 for axis in self.frame]

    def _spread(self, value: Tensor, axes: Axes, slot: Slot) -> Tensor:
        if is_number(axes):
            return value.to(slot.w.device, number_dtype(slot.w.device)).reshape(())
        return value.to(slot.w.device, slot.w.dtype).expand(self.extents(axes, slot))

    def framed(self, value: Tensor, axes: Axes, slot: Slot) -> Tensor:
        """A value with the dimensions of its type, with those of the frame."""
        return value if is_number(axes) else value.reshape(self.extents(axes, slot))


class Run:
    """Values of one step: of those with P one per slot, of others one per group."""

    def __init__(self, interpreter: Interpreter, slots: Sequence[Slot],
                 groups: Sequence[GroupNumbers]) -> None:
        self.interpreter = interpreter
        self.program = interpreter.program
        self.slots = slots
        self.groups = groups
        self.used_groups = sorted({slot.group for slot in slots})
        self.results: Dict[int, List[Tensor]] = {}
        self.group_results: Dict[int, Dict[int, Tensor]] = {}
        self._rules = {index: lowered.rule for index, lowered in interpreter.lowered}

    def may_alias(self, operand: Operand) -> bool:
        """Whether the value may share memory with a state or an input."""
        if operand.kind == "result":
            return self._rules[operand.index] in _RULES_THAT_MAY_ALIAS
        return operand.kind in ("state", "input")

    def at_group(self, operand: Operand, g: int) -> Tensor:
        numbers = self.groups[g]
        if operand.kind == "constant":
            return host_number(operand.constant)
        if operand.kind == "hyper":
            return host_number(numbers.hypers[operand.index])
        if operand.kind == "input":
            return host_number(numbers.inputs[self.interpreter._inputs[operand.index]])
        if operand.kind == "state":
            return numbers.states[self.program.states[operand.index].name]
        return self.group_results[operand.index][g]

    def at_parameter(self, operand: Operand, p: int) -> Tensor:
        axes = self.program.type_of(operand)
        slot = self.slots[p]
        if "P" not in axes:
            return self.at_group(operand, slot.group)
        if operand.kind == "result":
            return self.results[operand.index][p]
        if operand.kind == "state":
            name = self.program.states[operand.index].name
            return self.interpreter.framed(slot.states[name], axes, slot)
        name = self.interpreter._inputs[operand.index]
        if name in ("rows", "cols"):
            return host_number(slot.w.shape[name == "cols"])
        value = slot.w if name == "w" else slot.g
        return self.interpreter.framed(value, axes, slot)

    def _prepared(self, lowered: Lowered, p: int) -> List[Tensor]:
        slot = self.slots[p]
        values = [self.at_parameter(operand, p) for operand in lowered.operands]
        return lowered.prepare(values, slot.w.dtype, slot.w.device)

    def compute(self, index: int, lowered: Lowered) -> None:
        if lowered.over_model:
            self._compute_model(index, lowered)
        elif "P" in lowered.union:
            self.results[index] = [self._shaped(lowered, lowered.apply(self._prepared(lowered, p)))
                                   for p in range(len(self.slots))]
        else:
            self.group_results[index] = {}
            for g in self.used_groups:
                values = [self.at_group(operand, g) for operand in lowered.operands]
                devices = [value.device for value in values if value.device.type != "cpu"]
                device = devices[0] if devices else torch.device("cpu")
                result = lowered.apply(lowered.prepare(values, torch.float64, device))
                self.group_results[index][g] = result.reshape(())

    @staticmethod
    def _shaped(lowered: Lowered, value: Tensor) -> Tensor:
        return value.reshape(()) if lowered.gives_number else value

    def _compute_model(self, index: int, lowered: Lowered) -> None:
        if lowered.rule == "normalize_model" and "P" not in lowered.types[0]:
            # The norm of one number, met by what every parameter has.
            self.results[index] = [lowered.apply_model([self._prepared(lowered, p)])[0]
                                   for p in range(len(self.slots))]
            return
        positions = [self._prepared(lowered, p) for p in range(len(self.slots))]
        results = lowered.apply_model(positions)
        if "P" in lowered.axes:
            self.results[index] = [self._shaped(lowered, value) for value in results]
        else:
            self.group_results[index] = {g: results[0].reshape(()) for g in self.used_groups}


def held_shape(axes: Axes, shape: Sequence[int]) -> List[int]:
    """Of a state of this type that belongs to a parameter of this shape."""
    if axes == frozenset(["P", "R", "C"]):
        return list(shape)
    rows, cols = matrix_shape(shape)
    return [rows if axis.startswith("R") else cols for axis in in_order(axes - {"P"})]
