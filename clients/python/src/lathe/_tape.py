"""Programs that compute element by element, as a list of torch calls on flat tensors.

A value is a register; calls write into registers that are free again, into states in place, and
fuse what torch has one call for. Which elements a register holds is up to the caller: a slice of a
large parameter that stays in the cache, or many small parameters one after another.
"""

from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from lathe import _calls
from lathe._calls import Call, Numbers, compute_number
from lathe._lowering import live_instructions
from lathe._ops import CALLS
from lathe._table import TABLE
from lathe.axes import NONE, axes_of
from lathe.program import Instruction, Operand, Program

MODEL = axes_of("P,R,C")

Value = Tuple[str, int]  # ("w", 0), ("g", 0), ("state", s), ("result", i)


# Nodes that take two calls: how many of their first operands the second one reads.
_LATE = {"lerp_product": 2, "lerp_number": 1, "quotient_scaled": 2}


class _Node(NamedTuple):
    """One or two instructions of the program. `kind` is the op's name, or that of a fusion."""

    kind: str
    operands: Tuple[Operand, ...]


class Tape:
    """`calls` in order; registers are w, g, the states with elements, then `temporaries` more.

    The calls move the states on and leave w as it is. What is left to do is to subtract `update`, a
    number or a register, times the number `factor` where there is one.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.states = [s for s in program.states if "P" in s.axes]
        self._state_register = {program.states.index(s): 2 + i for i, s in enumerate(self.states)}
        self._first_temporary = 2 + len(self.states)
        self.temporaries = 0
        self.calls: List[Call] = []
        self.numbers: List[Operand] = []  # whose values the tape is given
        self.update: Tuple[bool, int] = (True, 0)
        self.factor: Optional[int] = None
        self._uses = _use_counts(program)
        self._nodes, self.number_instructions = self._fuse()
        self._emit()

    # What is computed.

    def _is_number(self, operand: Operand) -> bool:
        return not self.program.type_of(operand)

    def _producer(self, operand: Operand) -> Optional[Instruction]:
        return self.program.instructions[operand.index] if operand.kind == "result" else None

    def _scaled(self, operand: Operand) -> Optional[Tuple[Operand, Operand]]:
        """(x, k) if the operand is x times a number k, and nothing else reads it."""
        made = self._producer(operand)
        if made is None or made.op != "mul" or self._uses[operand.index] != 1:
            return None
        a, b = made.operands
        if self._is_number(a):
            a, b = b, a
        return (a, b) if self._is_number(b) and not self._is_number(a) else None

    def _product(self, operand: Operand) -> Optional[Tuple[Operand, Operand]]:
        """(x, y) if the operand is their product, and nothing else reads it."""
        made = self._producer(operand)
        if made is None or self._uses[operand.index] != 1 or made.op not in ("mul", "square"):
            return None
        pair = (made.operands[0], made.operands[-1])
        return None if any(self._is_number(x) for x in pair) else pair

    def _quotient(self, operand: Operand) -> Optional[Tuple[Tuple[Operand, ...], Operand]]:
        """(x, y, k) and x / k if the operand is (x / k) / y for a number k, and nothing else reads
        either quotient: the end of Adam and its kin."""
        outer = self._producer(operand)
        if outer is None or outer.op != "div" or self._uses[operand.index] != 1:
            return None
        inner = self._producer(outer.operands[0])
        if inner is None or inner.op != "div" or self._uses[outer.operands[0].index] != 1:
            return None
        (x, k), y = inner.operands, outer.operands[1]
        fits = self._is_number(k) and not self._is_number(x) and not self._is_number(y)
        return ((x, y, k), outer.operands[0]) if fits else None

    def _fused(self, instruction: Instruction) -> Tuple[_Node, List[Operand]]:
        """The node for an instruction, and the operands that it computes by itself."""
        ops = instruction.operands
        if instruction.op == "lerp" and not self._is_number(ops[1]) and self._is_number(ops[2]):
            product = self._product(ops[0])
            if product:
                return _Node("lerp_product", (*product, ops[1], ops[2])), [ops[0]]
            if not self._is_number(ops[0]):
                return _Node("lerp_number", ops), []
        if instruction.op in ("add", "sub") and not any(self._is_number(x) for x in ops):
            for place in (1, 0)[:2 if instruction.op == "add" else 1]:
                scaled, other = self._scaled(ops[place]), ops[1 - place]
                quotient = self._quotient(other) if scaled and instruction.op == "add" else None
                if scaled and quotient:
                    (x, y, k), inner = quotient
                    return _Node("quotient_scaled", (x, y, *scaled, k)), [ops[place], other, inner]
                if scaled and other != ops[place]:
                    return _Node(f"{instruction.op}_scaled", (other, *scaled)), [ops[place]]
        return _Node(instruction.op, ops), []

    def _fuse(self) -> Tuple[Dict[int, _Node], List[int]]:
        nodes: Dict[int, _Node] = {}
        numbers: List[int] = []
        for i in live_instructions(self.program):
            instruction = self.program.instructions[i]
            if not instruction.axes:
                numbers.append(i)
                continue
            node, inside = self._fused(instruction)
            for operand in inside:
                del nodes[operand.index]
            nodes[i] = node
        return nodes, numbers

    # Where it goes.

    def _value(self, operand: Operand) -> Optional[Value]:
        """None for a number."""
        if self._is_number(operand):
            return None
        if operand.kind == "input":
            return ("w", 0) if operand.index == 0 else ("g", 0)
        return operand.kind, operand.index

    def _emit(self) -> None:
        order = list(self._nodes)
        end = len(order)
        last: Dict[Value, int] = {}
        for position, i in enumerate(order):
            for operand in self._nodes[i].operands:
                last[self._value(operand) or ("number", 0)] = position
        output = self.program.output
        scaled = self._scaled(output)
        if scaled and (scaled[0].kind == "state" or output.index not in self._nodes):
            scaled = None  # states have moved on when w does
        if scaled:
            order.remove(output.index)
            end -= 1
        kept = [scaled[0] if scaled else output, *(s.next for s in self.states)]
        last.update({self._value(operand) or ("number", 0): end for operand in kept})
        homes = self._homes(order, last)
        self._assign(order, last, homes)
        self._finish(homes, scaled)

    def _homes(self, order: List[int], last: Dict[Value, int]) -> Dict[int, int]:
        """By instruction, the state whose register it is computed into: nothing reads the state
        any more by then."""
        homes: Dict[int, int] = {}
        for s in self._state_register:
            following = self.program.states[s].next
            i = following.index
            if following.kind != "result" or i not in order or i in homes:
                continue
            position = order.index(i)
            # What takes two calls must not write over what the second one reads.
            node = self._nodes[i]
            late = _LATE.get(node.kind, 0)
            reads_late = [self._value(operand) for operand in node.operands[:late]]
            if last.get(("state", s), -1) <= position and ("state", s) not in reads_late:
                homes[i] = s
        return homes

    def _assign(self, order: List[int], last: Dict[Value, int], homes: Dict[int, int]) -> None:
        registers: Dict[Value, int] = {("w", 0): 0, ("g", 0): 1}
        registers.update({("state", s): r for s, r in self._state_register.items()})
        free: List[int] = []
        for position, i in enumerate(order):
            node = self._nodes[i]
            reads = {value for value in map(self._value, node.operands) if value}
            done = [v for v in reads if v[0] == "result" and last[v] <= position
                    and v[1] not in homes]
            late = _LATE.get(node.kind, 0)
            busy = {self._value(operand) for operand in node.operands[:late]}
            if i in homes:
                target = self._state_register[homes[i]]
            else:
                # An operand that nobody reads any more makes room at once where one call does it.
                reusable = [v for v in done if v not in busy]
                if reusable:
                    free.append(registers[reusable[0]])
                    done.remove(reusable[0])
                target = free.pop() if free else self._first_temporary + self.temporaries
                self.temporaries = max(self.temporaries, target - self._first_temporary + 1)
            self.calls.append(self._call(node, target, registers))
            registers[("result", i)] = target
            free.extend(registers[v] for v in done)
        self._registers = registers

    def _finish(self, homes: Dict[int, int], scaled: Optional[Tuple[Operand, Operand]]) -> None:
        placed = set(homes.values())
        for s, register in self._state_register.items():
            if s not in placed:
                self.calls.append(_calls.copy(register, self._argument(self.program.states[s].next,
                                                                 self._registers)))
        if scaled:
            self.factor = self._number(scaled[1])
        self.update = self._argument(scaled[0] if scaled else self.program.output,
                                     self._registers)
        reads = [self._value(o) for node in self._nodes.values() for o in node.operands]
        reads += [self._value(state.next) for state in self.states]
        self.reads_w = ("w", 0) in reads or self.update == (False, 0)

    def run(self, registers: List[Tensor], numbers: Numbers) -> Tuple[Tensor, float]:
        """Makes the calls. Gives the update and what it is still to be multiplied with."""
        for call in self.calls:
            call(registers, numbers)
        number, place = self.update
        update = numbers.tensors[place] if number else registers[place]
        return update, 1.0 if self.factor is None else numbers.floats[self.factor]

    # Calls.

    def _number(self, operand: Operand) -> int:
        if operand not in self.numbers:
            self.numbers.append(operand)
        return self.numbers.index(operand)

    def _argument(self, operand: Operand, registers: Dict[Value, int]) -> Tuple[bool, int]:
        """Whether it is a number, and which number or register."""
        value = self._value(operand)
        if value is None:
            return True, self._number(operand)
        return False, registers[value]

    def _call(self, node: _Node, out: int, registers: Dict[Value, int]) -> Call:
        arguments = [self._argument(operand, registers) for operand in node.operands]
        places = [place for _, place in arguments]
        if node.kind == "lerp_product":
            return _calls.lerp_product(out, *places)
        if node.kind == "quotient_scaled":
            return _calls.quotient_scaled(out, places)
        if node.kind == "lerp_number":
            return _calls.lerp(out, *places)
        if node.kind in ("add_scaled", "sub_scaled"):
            return _calls.add_scaled(out, places, 1 if node.kind == "add_scaled" else -1)
        if node.kind == "square":
            return _calls.binary(torch.mul, out, places[0], places[0])
        if node.kind == "sign":
            return _calls.sign(out, places[0])
        if node.kind == "lerp":
            return _calls.other(_calls.lerp_by_tensor, out, arguments, self._first_temporary)
        if node.kind not in _calls.OUT:
            return _calls.other(CALLS[node.kind], out, arguments, self._first_temporary)
        function = _calls.OUT[node.kind]
        if len(places) == 1:
            return _calls.unary(function, out, places[0])
        if any(number for number, _ in arguments):
            return _calls.mixed(function, out, arguments)
        return _calls.binary(function, out, places[0], places[1])

    # As one function, for compilers.

    def step_of(self) -> Callable[[Tensor, Tensor, List[Tensor], List[Tensor]], None]:
        """A function of w, g, the states and the numbers as doubles, which moves the states on and
        subtracts the update from w."""
        program, number = self.program, {o: self._number(o) for o in self._numbers_read()}
        order = [i for i in live_instructions(program) if program.instructions[i].axes]
        registers = self._state_register

        def step(w: Tensor, g: Tensor, states: List[Tensor], numbers: List[Tensor]) -> None:
            results: Dict[int, Tensor] = {}

            def value(operand: Operand) -> Tensor:
                if operand in number:
                    return numbers[number[operand]]
                if operand.kind == "input":
                    return w if operand.index == 0 else g
                return (results[operand.index] if operand.kind == "result" else
                        states[registers[operand.index] - 2])

            for i in order:
                results[i] = _calls.plain(program.instructions[i].op,
                                          [value(o) for o in program.instructions[i].operands],
                                          g.dtype)
            update = value(program.output).to(g.dtype)
            for state, following in zip(states, [value(s.next) for s in self.states]):
                state.copy_(following)
            w.sub_(update)

        return step

    def _numbers_read(self) -> List[Operand]:
        live = [self.program.instructions[i] for i in live_instructions(self.program)]
        read = [operand for i in live if i.axes for operand in i.operands]
        read += [self.program.output, *(state.next for state in self.states)]
        return [operand for operand in read if self._is_number(operand)]

    def number_values(self, given: Callable[[Operand], float]) -> Dict[int, float]:
        """Results of the number instructions; `given` knows hypers, inputs and states."""
        results: Dict[int, float] = {}
        for i in self.number_instructions:
            instruction = self.program.instructions[i]
            values = [results[o.index] if o.kind == "result" else
                      o.constant if o.kind == "constant" else given(o)
                      for o in instruction.operands]
            results[i] = compute_number(instruction.op, values)
        return results


def _use_counts(program: Program) -> Dict[int, int]:
    counts: Dict[int, int] = {}
    operands = [program.output, *(state.next for state in program.states)]
    for i in live_instructions(program):
        operands.extend(program.instructions[i].operands)
    for operand in operands:
        if operand.kind == "result":
            counts[operand.index] = counts.get(operand.index, 0) + 1
    return counts


def tape_of(program: Program) -> Optional[Tape]:
    """None for programs that look across elements, or move a state or an input on as it is."""
    allowed = (MODEL, NONE)
    live = [program.instructions[i] for i in live_instructions(program)]
    if any(state.axes not in allowed for state in program.states):
        return None
    for instruction in live:
        rule = TABLE[instruction.op].rule
        types = [instruction.axes, *program.operand_types(instruction)]
        if rule != "elementwise" or any(axes not in allowed for axes in types):
            return None
    raw = [program.output, *(s.next for s in program.states if "P" in s.axes)]
    if any(operand.kind == "state" and program.type_of(operand) for operand in raw):
        return None
    return None if program.output.kind == "input" and program.type_of(program.output) else (
        Tape(program))
