"""Where the kernels of a program find what they read: tables of pointers and of numbers.

A parameter has a pointer for w, g, each state and each buffer, which is what one stage leaves to
another. A group of parameters has numbers for lr, t and total_steps, the hypers, the states without
P and the nodes without axes; a parameter has some for the nodes with P alone, and for what it adds
to sums over the model.
"""

from __future__ import annotations

import math
from typing import Dict, List, NamedTuple, Optional, Set, Tuple

from lathe._stages import COLUMN, MATRIX, Ref, Stages
from lathe.axes import NONE, Axes, axes_of, is_number

W, G = 0, 1
FIRST_STATE = 2
INPUT_NUMBERS = ("lr", "t", "total_steps")
_FIRST_INPUT = 2  # of the numbers, among the inputs of an optimizer


class Buffer(NamedTuple):
    """`accumulates`: doubles, for sums over rows."""

    axes: Axes
    accumulates: bool = False


class Layout:
    def __init__(self, stages: Stages) -> None:
        self.stages = stages
        program = stages.program
        self.first_buffer = FIRST_STATE + len(program.states)
        self.buffers: List[Buffer] = []
        self.slots: Dict[int, int] = {}  # of tensor nodes whose values outlive a stage
        self.sums: Dict[int, int] = {}  # of nodes that are reduced to columns
        self.torch_slots: Set[int] = set()
        self._busy: List[float] = []  # by buffer, the last stage that reads it
        for i, node in enumerate(stages.nodes):
            if not is_number(node.axes) and node.axes <= MATRIX:
                self._place(i)
        self._first_hyper = len(INPUT_NUMBERS)
        self._first_state = self._first_hyper + len(program.hypers)
        self.of_groups, self._group_numbers = self._count_numbers(NONE)
        self.of_parameters, self._parameter_numbers = self._count_numbers(axes_of("P"))

    def _place(self, i: int) -> None:
        node, ref = self.stages.nodes[i], Ref("node", i)
        last = self.stages.last_read(ref)
        if node.kind == "torch":
            self.slots[i] = self._new_buffer(Buffer(node.axes), math.inf)
            self.torch_slots.add(self.slots[i])
            return
        if node.kind == "reduce" and node.axes == COLUMN:
            self.sums[i] = self._buffer(Buffer(node.axes, True), node.level, node.level)
        torch_reads = any(reader.kind == "torch" for reader in self.stages.readers(ref))
        if node.kind == "elementwise" and node.axes != COLUMN and not torch_reads:
            if last <= node.level:
                return
            home = self._home(ref, node.level)
            if home is not None:
                self.slots[i] = home
                return
        self.slots[i] = self._buffer(Buffer(node.axes), node.level, last)

    def _home(self, ref: Ref, level: int) -> Optional[int]:
        """The state that moves on to the value just when it is computed."""
        for s, following in enumerate(self.stages.nexts):
            axes = self.stages.program.states[s].axes
            if following == ref and axes == self.stages.axes(ref) and self.stages.moves[s] == level:
                return FIRST_STATE + s
        return None

    def _buffer(self, wanted: Buffer, first: int, last: int) -> int:
        for place, (buffer, busy) in enumerate(zip(self.buffers, self._busy)):
            if buffer == wanted and busy < first:
                self._busy[place] = last
                return self.first_buffer + place
        return self._new_buffer(wanted, last)

    def _new_buffer(self, wanted: Buffer, last: float) -> int:
        self.buffers.append(wanted)
        self._busy.append(last)
        return self.first_buffer + len(self.buffers) - 1

    def _count_numbers(self, axes: Axes) -> Tuple[int, Dict[int, int]]:
        first = self._first_state + len(self.stages.program.states) if not axes else 0
        places: Dict[int, int] = {}
        for i, node in enumerate(self.stages.nodes):
            if node.axes == axes or (axes and node.model):
                places[i] = first + len(places)
        return first + len(places), places

    def slot(self, ref: Ref) -> int:
        """Of the pointer to a tensor."""
        if ref.kind == "node":
            return self.slots[ref.index]
        return FIRST_STATE + ref.index if ref.kind == "state" else ref.index

    def group_number(self, ref: Ref) -> int:
        """Of a number without axes that is no constant."""
        if ref.kind == "node":
            return self._group_numbers[ref.index]
        first = {"input": -_FIRST_INPUT, "hyper": self._first_hyper, "state": self._first_state}
        return first[ref.kind] + ref.index

    def parameter_number(self, node: int) -> int:
        return self._parameter_numbers[node]
