"""A program cut into stages, for kernels that go over each parameter once a stage.

Instructions become nodes: elementwise ones, sums and maxima, and those that stay with torch. What
reduces twice is taken apart: a variance is the mean of what is left of the mean. A stage computes
what needs no reduction that is still to be completed; torch's nodes of a stage come after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Sequence, Set, Tuple

from lathe._lowering import live_instructions
from lathe._table import TABLE
from lathe.axes import NONE, Axes, axes_of, is_number
from lathe.program import Instruction, Operand, Program

MATRIX = axes_of("P,R,C")
ROW = axes_of("P,R")
COLUMN = axes_of("P,C")
OF_PARAMETER = axes_of("P")
_SIDES = axes_of("R,C")
_PRIMES = axes_of("R',C'")


@dataclass(frozen=True)
class Ref:
    """What a node reads: an operand of the program that is no result, or ("node", its index)."""

    kind: str
    index: int = 0
    constant: float = 0.0


@dataclass
class Node:
    """`kind` is elementwise, reduce or torch. The `op` of an elementwise node is one of the table or
    of _cpp_source.EXTRA, that of a reduction sum, sum_square, mean, max or min. A reduction with
    `model` goes over all parameters; its result is a number."""

    kind: str
    op: str
    operands: Tuple[Ref, ...]
    axes: Axes
    model: bool = False
    instruction: int = -1
    level: int = 0


class Stages:
    """`nodes` in order, each with the stage that computes it as `level`. Tensors have `count` stages;
    states move on in those that `moves` tells by their place, parameters in `update_level`. Numbers
    of a stage are computed before its tensors, and states that are numbers move on in stage `end`,
    which has nothing else."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.nodes: List[Node] = []
        self._known: Dict[Tuple[object, ...], Ref] = {}
        self._refs: Dict[int, Ref] = {}
        for i in live_instructions(program):
            self._refs[i] = self._expand(i, program.instructions[i])
        self.update = self.ref(program.output)
        self.nexts = [self.ref(state.next) for state in program.states]
        self._set_moves()

    def ref(self, operand: Operand) -> Ref:
        if operand.kind == "result":
            return self._refs[operand.index]
        return Ref(operand.kind, operand.index, operand.constant)

    def axes(self, ref: Ref) -> Axes:
        if ref.kind == "node":
            return self.nodes[ref.index].axes
        return self.program.type_of(Operand(ref.kind, ref.index, ref.constant))

    def ready(self, ref: Ref) -> int:
        """The first stage that can read it."""
        if ref.kind != "node":
            return 0
        node = self.nodes[ref.index]
        return node.level + (node.kind != "elementwise")

    # From instructions to nodes.

    def _add(self, kind: str, op: str, operands: Sequence[Ref], axes: Axes, model: bool = False,
             instruction: int = -1) -> Ref:
        key = (kind, op, tuple(operands), axes, model, instruction)
        if key not in self._known:
            level = max([self.ready(ref) for ref in operands], default=0)
            self.nodes.append(Node(kind, op, tuple(operands), axes, model, instruction, level))
            self._known[key] = Ref("node", len(self.nodes) - 1)
        return self._known[key]

    def _elementwise(self, op: str, *operands: Ref) -> Ref:
        return self._add("elementwise", op, operands, NONE.union(*map(self.axes, operands)))

    def _expand(self, i: int, instruction: Instruction) -> Ref:
        rule = TABLE[instruction.op].rule
        operands = [self.ref(operand) for operand in instruction.operands]
        types = NONE.union(*map(self.axes, operands))
        if rule == "swap" and not any({a, a + "'"} <= types for a in "RC"):
            return operands[0]
        if rule == "contract" or (types | instruction.axes | instruction.over) & _PRIMES:
            return self._add("torch", instruction.op, operands, instruction.axes, instruction=i)
        if rule == "elementwise":
            return self._elementwise(instruction.op, *operands)
        if rule in ("reduce_over", "normalize_over"):
            return self._over(instruction.op, operands[0], instruction.over)
        if rule == "reduce_elements":
            return self._elementwise("sqrt", self._reduce("sum_square", operands[0], _SIDES)) if (
                types & _SIDES) else self._elementwise("abs", operands[0])
        if instruction.op == "clip_by_global_norm":
            norm = self._global_norm(operands[0], self.axes(operands[0]))
            return self._elementwise("clip_to_norm", operands[0], operands[1], norm)
        return self._of_model(instruction.op, operands, types)

    def _reduce(self, kind: str, ref: Ref, over: Axes) -> Ref:
        """Over what the value lacks: of one element."""
        axes = self.axes(ref)
        if "P" in over and "P" in axes:
            return self._add("reduce", kind, [ref], NONE, model=True)
        if not axes & over & _SIDES:
            return ref
        return self._add("reduce", kind, [ref], axes - over)

    def _over(self, op: str, a: Ref, over: Axes) -> Ref:
        if op in ("sum", "mean"):
            return self._reduce(op, a, over)
        if op in ("reduce_max", "reduce_min"):
            return self._reduce(op[len("reduce_"):], a, over)
        if op in ("mean_square", "rms"):
            mean = self._reduce("mean", self._elementwise("square", a), over)
            return self._elementwise("sqrt", mean) if op == "rms" else mean
        if op in ("var", "stddev"):
            rest = self._elementwise("sub", a, self._reduce("mean", a, over))
            var = self._reduce("mean", self._elementwise("square", rest), over)
            return self._elementwise("sqrt", var) if op == "stddev" else var
        largest = self._reduce("max", a, over)
        if op == "softmax":
            powers = self._elementwise("exp", self._elementwise("sub", a, largest))
            return self._elementwise("div", powers, self._reduce("sum", powers, over))
        shift = self._elementwise("finite_or_zero", largest)
        powers = self._elementwise("exp", self._elementwise("sub", a, shift))
        return self._elementwise("add", self._elementwise("log", self._reduce("sum", powers, over)),
                                 shift)

    def _dot(self, a: Ref, b: Ref, types: Axes) -> Ref:
        products = self._add("elementwise", "mul", [a, b], types)
        return self._reduce("sum", products, OF_PARAMETER)

    def _global_norm(self, a: Ref, types: Axes) -> Ref:
        return self._elementwise("sqrt", self._dot(a, a, types))

    def _of_model(self, op: str, operands: Sequence[Ref], types: Axes) -> Ref:
        if op == "global_norm":
            return self._global_norm(operands[0], types)
        a, b = operands
        if op == "dot":
            return self._dot(a, b, types)
        sizes = [self._global_norm(x, types) for x in (a, b)]
        return self._elementwise("div", self._dot(a, b, types), self._elementwise("mul", *sizes))

    # When states and parameters move on.

    def readers(self, ref: Ref) -> List[Node]:
        return [node for node in self.nodes if ref in node.operands]

    def _free(self, ref: Ref) -> int:
        """The first stage in which what a state or an input holds may be written over."""
        return max([node.level + (node.kind == "torch") for node in self.readers(ref)], default=0)

    def _set_moves(self) -> None:
        """As early as nobody needs what was there; at the end where the program moves a state or an
        input on as it is."""
        raw: Set[Ref] = {ref for ref in [self.update, *self.nexts] if ref.kind in ("state", "input")}
        self.moves: Dict[int, int] = {}
        late = []
        for s, (state, following) in enumerate(zip(self.program.states, self.nexts)):
            if is_number(state.axes):
                continue
            self.moves[s] = max(self.ready(following), self._free(Ref("state", s)))
            if following in raw or Ref("state", s) in raw:
                late.append(s)
        self.update_level = max(self._free(Ref("input", 0)), self.ready(self.update),
                                *self.moves.values(), 0)
        self.moves.update({s: self.update_level for s in late})
        tensors = [n.level for n in self.nodes if not all(is_number(self.axes(r)) for r in n.operands)]
        self.count = max([self.update_level, *tensors]) + 1
        self.end = max([self.count, *(self.ready(Ref("node", i)) for i in range(len(self.nodes)))])

    def last_read(self, ref: Ref) -> int:
        """The last stage that reads a node's value."""
        levels = [node.level for node in self.readers(ref)]
        levels += [self.moves[s] for s, following in enumerate(self.nexts)
                   if following == ref and s in self.moves]
        if self.update == ref:
            levels.append(self.update_level)
        return max(levels, default=0)
