"""Instructions over torch tensors, for one parameter or one batch at a time.

Every value is a tensor with a dimension for each axis of the `frame`, of extent 1 where its type
lacks the axis; so values broadcast. Numbers may have no dimensions at all. They are in double until
they meet a tensor, where they are rounded once to its type.
"""

from __future__ import annotations

from typing import List, Sequence, Tuple

import torch
from torch import Tensor

from lathe._einsum import equation
from lathe._model import as_number, number_dtype
from lathe._ops import CALLS
from lathe._table import TABLE
from lathe.axes import NONE, Axes, axes_of, in_order, is_number
from lathe.program import Instruction, Operand, Program

_PLAIN_FRAME = ("R", "C")
_PRIMED_FRAME = ("R", "C", "R'", "C'")
_LAYER_FRAME = ("B", "G", "K", "H", "W")


def frame_of(program: Program) -> Tuple[str, ...]:
    if program.signature.name == "layer":
        return _LAYER_FRAME
    types = [*(state.axes for state in program.states),
             *(axes for i in program.instructions for axes in (i.axes, i.over))]
    return _PRIMED_FRAME if NONE.union(*types) & axes_of("R',C'") else _PLAIN_FRAME


def live_instructions(program: Program) -> List[int]:
    """Those that the output or a state's next value depends on, in order."""
    wanted = [program.output, *(state.next for state in program.states)]
    live = set()
    while wanted:
        operand = wanted.pop()
        if operand.kind == "result" and operand.index not in live:
            live.add(operand.index)
            wanted.extend(program.instructions[operand.index].operands)
    return sorted(live)


def host_number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


class Lowered:
    """One instruction, made ready for a frame."""

    def __init__(self, program: Program, instruction: Instruction, frame: Tuple[str, ...]) -> None:
        op = TABLE[instruction.op]
        self.rule = op.rule
        self.name = op.name
        self.call = CALLS[op.name]
        self.axes = instruction.axes
        self.over = instruction.over
        self.operands: Tuple[Operand, ...] = instruction.operands
        self.types = program.operand_types(instruction)
        self.union = NONE.union(*self.types)
        self.frame = frame
        self.over_model = "P" in self.union and (
            "P" in self.over or self.rule in ("reduce_model", "normalize_model"))
        self.meets_tensor = not is_number(self.union)
        self.gives_number = is_number(self.axes)
        self._dims = tuple(frame.index(a) for a in in_order(self.over) if a in frame)
        self._everywhere = tuple(range(len(frame)))
        if self.rule == "contract":
            self._equation = equation(instruction.labels, self.over)

    def prepare(self, values: Sequence[Tensor], dtype: torch.dtype,
                device: torch.device) -> List[Tensor]:
        """Operands of one type on one device. `dtype` is that of tensors here."""
        if not self.meets_tensor:
            return [value.to(device, number_dtype(device)) for value in values]
        keep = 2 if self.name == "lerp" else -1  # what a lerp mixes by is rounded in _lerp
        return [value.to(device, number_dtype(device) if place == keep and is_number(axes) else dtype)
                for place, (value, axes) in enumerate(zip(values, self.types))]

    def apply(self, values: Sequence[Tensor]) -> Tensor:
        """The result for prepared operands; not of what looks across parameters."""
        result = self._result(values)
        return as_number(result) if self.gives_number else result

    def _result(self, values: Sequence[Tensor]) -> Tensor:
        if self.rule == "elementwise":
            if self.name == "lerp" and self.meets_tensor:
                tensors = [v for v, axes in zip(values, self.types) if not is_number(axes)]
                a, b, mix = values
                return lerp(a, b, mix, tensors[0].dtype, is_number(self.types[2]))
            return self.call(*values)
        if self.rule in ("reduce_over", "normalize_over"):
            # Over P, or over what the value lacks: of all there is, or of one element.
            dims = self._everywhere if "P" in self.over else self._dims
            if not dims:
                value = self.full(values[0]).unsqueeze(0)
                return self.call(value, (0,)).squeeze(0)
            return self.call(self.full(values[0]), dims)
        if self.rule == "reduce_elements":
            return self.call(values[0])
        if self.rule == "contract":
            return self._einsum(values)
        if self.rule == "swap":
            return self._transpose(values[0])
        return self.apply_model([values])[0]

    def full(self, value: Tensor) -> Tensor:
        """With every dimension of the frame."""
        return value if value.dim() else value.reshape([1] * len(self.frame))

    def _held(self, value: Tensor, axes: Axes) -> Tensor:
        """With the dimensions of its type alone."""
        if not value.dim():
            return value
        return value.reshape([value.shape[self.frame.index(axis)] for axis in in_order(axes)
                              if axis in self.frame])

    def _einsum(self, values: Sequence[Tensor]) -> Tensor:
        held = [self._held(value, axes) for value, axes in zip(values, self.types)]
        # Sums start at 0, so that none is -0, which torch's are where nothing is summed.
        result = self.call(held[0], held[1], self._equation) + 0.0
        if self.gives_number and not self.axes - {"P"}:
            return result
        extents = iter(result.shape)
        return result.reshape([next(extents) if axis in self.over else 1 for axis in self.frame])

    def _transpose(self, value: Tensor) -> Tensor:
        for a, b in (("R", "R'"), ("C", "C'")):
            if {a, b} <= self.axes:
                value = self.call(value, (self.frame.index(a), self.frame.index(b)))
        return value

    def apply_model(self, positions: Sequence[Sequence[Tensor]]) -> List[Tensor]:
        """The result for prepared operands of every parameter: one number for a reduction, one
        value for each parameter otherwise."""
        if self.rule in ("reduce_over", "normalize_over"):
            return self._over_everything([values[0] for values in positions])
        spread = [torch.broadcast_tensors(*values) for values in positions]
        if self.rule == "normalize_model":
            # The norm is of the operand alone, however often it is repeated.
            return list(self.call([values[0] for values in positions],
                                  [values[1] for values in positions]))
        columns = [list(column) for column in zip(*spread)]
        return [as_number(self.call(*columns))]

    def _over_everything(self, values: Sequence[Tensor]) -> List[Tensor]:
        device = values[0].device
        everything = torch.cat([value.reshape(-1).to(device) for value in values])
        result = self.call(everything, (0,))
        if self.rule == "reduce_over":
            return [as_number(result.reshape(()))]
        parts = result.split([value.numel() for value in values])
        return [part.reshape(value.shape).to(value.device) for part, value in zip(parts, values)]


def lerp(a: Tensor, b: Tensor, mix: Tensor, dtype: torch.dtype, by_number: bool) -> Tensor:
    """(1 - mix) a + mix b as `dtype`. What it mixes by is a double, in which 1 - mix is exact: of
    mix = 0.999 a float has half of the digits of 1 - mix, of a large one none."""
    if by_number:
        rest: Tensor = 1 - mix
        return rest.to(dtype) * a + mix.to(dtype) * b
    wide = number_dtype(mix.device)
    mix = mix.to(wide)
    mixed: Tensor = (1 - mix) * a.to(wide) + mix * b.to(wide)
    return mixed.to(dtype)


def lower(program: Program) -> List[Tuple[int, Lowered]]:
    """The live instructions with their places."""
    frame = frame_of(program)
    return [(i, Lowered(program, program.instructions[i], frame))
            for i in live_instructions(program)]
