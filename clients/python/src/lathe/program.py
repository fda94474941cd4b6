"""A program as a value: instructions in which operands come before users, and what they start from.

The meaning is that of the language's version 1; see `lathe.parse`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Dict, List, Tuple, Union

from lathe._table import TABLE
from lathe.axes import NONE, Axes, axes_of

LANGUAGE_VERSION = 1


@dataclass(frozen=True)
class Range:
    """Values that a hyper may take, as in [0, 1)."""

    low: float = -math.inf
    high: float = math.inf
    low_included: bool = False
    high_included: bool = False

    def has(self, value: float) -> bool:
        above = value >= self.low if self.low_included else value > self.low
        below = value <= self.high if self.high_included else value < self.high
        return above and below

    def __str__(self) -> str:
        return (f"{'[' if self.low_included else '('}{self.low:g}, {self.high:g}"
                f"{']' if self.high_included else ')'}")


@dataclass(frozen=True)
class Hyper:
    name: str
    value: float
    range: Range = Range()


@dataclass(frozen=True)
class Operand:
    """What an instruction reads. `kind` is constant, hyper, input, state or result."""

    kind: str
    index: int = 0
    constant: float = 0.0


@dataclass(frozen=True)
class State:
    """A value that is kept from one step to the next; it starts at a number or at the weights."""

    name: str
    axes: Axes
    start: float
    starts_at_input: bool
    next: Operand


@dataclass(frozen=True)
class Instruction:
    """`over` are the axes that a reduction or a softmax names, or those that the result of an
    einsum keeps; `labels` are an einsum's, per operand and in the order of the operand's axes."""

    op: str
    operands: Tuple[Operand, ...]
    axes: Axes  # the type of the result
    over: Axes = NONE
    labels: Tuple[Tuple[str, ...], ...] = ()
    name: str = ""


@dataclass(frozen=True)
class Signature:
    name: str
    inputs: Dict[str, Axes]
    output: str
    output_axes: Axes
    axes: Axes
    start_input: str = ""  # what a state may start at; without one there are no states


SIGNATURES = {
    "optimizer": Signature(
        "optimizer",
        {"w": axes_of("P,R,C"), "g": axes_of("P,R,C"), "lr": NONE, "t": NONE, "total_steps": NONE,
         "rows": axes_of("P"), "cols": axes_of("P")},
        "update", axes_of("P,R,C"), axes_of("P,R,C,R',C'"), "w"),
    "layer": Signature(
        "layer",
        {"x": axes_of("B,G,K,H,W"), "gamma": axes_of("G,K"), "beta": axes_of("G,K"),
         "v0": axes_of("G,K"), "v1": axes_of("G,K")},
        "y", axes_of("B,G,K,H,W"), axes_of("B,G,K,H,W")),
}


@dataclass
class Program:
    name: str
    signature: Signature
    inputs: List[str] = field(default_factory=list)  # those that are declared
    hypers: List[Hyper] = field(default_factory=list)
    states: List[State] = field(default_factory=list)
    instructions: List[Instruction] = field(default_factory=list)
    output: Operand = Operand("constant")

    def type_of(self, operand: Operand) -> Axes:
        if operand.kind == "input":
            return list(self.signature.inputs.values())[operand.index]
        if operand.kind == "state":
            return self.states[operand.index].axes
        if operand.kind == "result":
            return self.instructions[operand.index].axes
        return NONE

    def operand_types(self, instruction: Instruction) -> List[Axes]:
        return [self.type_of(operand) for operand in instruction.operands]

    def reads(self, name: str) -> bool:
        """Whether anything looks at the input of this name."""
        index = list(self.signature.inputs).index(name)
        wanted = Operand("input", index)
        users = [operand for i in self.instructions for operand in i.operands]
        return wanted in [*users, self.output, *(state.next for state in self.states)]


def result_type(op: str, over: Axes, operands: List[Axes]) -> Axes:
    """The type of what an op gives for operands of these types."""
    union: Axes = NONE.union(*operands)
    rule = TABLE[op].rule
    if rule == "contract":
        return (union & {"P"}) | over
    if rule == "reduce_over":
        return NONE if "P" in over else union - over
    if rule == "reduce_elements":
        return union & {"P"}
    return NONE if rule == "reduce_model" else union


ProgramLike = Union[str, Program]
