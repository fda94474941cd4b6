"""Steps of an optimizer by compiled kernels."""

from __future__ import annotations

import ctypes
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

import torch
from torch import Tensor

from lathe import _library
from lathe._chunks import States, compute_dtype
from lathe._cpp_source import source_of
from lathe._interpreter import GroupNumbers, Interpreter, Run, Slot, matrix_shape
from lathe._layout import INPUT_NUMBERS, Layout
from lathe._lowering import host_number
from lathe._stages import Ref, Stages
from lathe._tables import Tables
from lathe.axes import is_number
from lathe.program import Operand, Program

Function = Callable[[int, int, Any], None]
_TYPES = {torch.float32: "float", torch.float64: "double"}


def library_functions(library: ctypes.CDLL, count: int) -> List[Function]:
    """The functions of a text by source_of."""
    functions: List[Function] = []
    for index in range(count):
        function = getattr(library, f"lathe_step_{index}")
        function.argtypes = [ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
        function.restype = None
        functions.append(function)
    return functions


class Kernels:
    """The compiled stages of a program, with torch's calls between them. On a CPU only."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.program: Program = interpreter.program
        self.layout = Layout(Stages(self.program))
        self._interpreter = interpreter
        self._lowered = dict(interpreter.lowered)
        self._functions: Dict[Tuple[str, ...], Function] = {}
        self._tables: Optional[Tables] = None
        self._function: Optional[Function] = None  # for the tables
        # What takes turns: stages from the first to before the second, then torch's nodes.
        stages = self.layout.stages
        self._turns: List[Tuple[int, int, List[int]]] = []
        first = 0
        for level in range(stages.end + 1):
            after = [i for i, n in enumerate(stages.nodes) if n.kind == "torch" and n.level == level]
            if after or level == stages.end:
                self._turns.append((first, level + 1, after))
                first = level + 1
        self._has_torch = any(after for _, _, after in self._turns)

    def build(self, dtypes: Iterable[torch.dtype]) -> Optional[Function]:
        """The function for parameters of these types; None if there are no parameters of one that
        kernels take. CompileError."""
        types = tuple(sorted({_TYPES[compute_dtype(dtype)] for dtype in dtypes}, reverse=True))
        if types and types not in self._functions:
            library = _library.load(source_of([self.layout], types))
            self._functions[types] = library_functions(library, 1)[0]
        return self._functions.get(types)

    def use(self, dtypes: Iterable[torch.dtype], function: Function) -> None:
        """For tests: takes this function for parameters of these types."""
        types = tuple(sorted({_TYPES[compute_dtype(dtype)] for dtype in dtypes}, reverse=True))
        self._functions[types] = function

    def forget(self) -> None:
        """Looks at all parameters and states anew in the next step."""
        self._tables = None

    def run(self, params: Sequence[Tensor], groups: Sequence[int], numbers: Sequence[GroupNumbers],
            states: States, maximize: Sequence[bool]) -> bool:
        """A step of these parameters, which have gradients. False, with nothing done, where kernels
        do not reach: parameters on another device, states of another type than they begin with."""
        tables = self._tables
        if tables is None or not tables.still_hold(params, groups, states):
            self._tables = None
            if not Tables.reach(self.program, params, states):
                return False
            tables = Tables(self.layout, params, groups, states)
            self._tables, self._function = tables, self.build({p.dtype for p in params})
        function = self._function
        assert function is not None
        tables.take_gradients(maximize)
        tables.take_numbers([self._numbers_of(numbers[g]) for g in tables.used_groups])
        run = self._torch_run(tables, numbers) if self._has_torch else None
        for first, end, after in self._turns:
            function(first, end, tables.address)
            for i in after:
                assert run is not None
                self._call_torch(run, tables, i)
        tables.give_back()
        self._read_states(tables, numbers)
        return True

    def _numbers_of(self, numbers: GroupNumbers) -> List[float]:
        states = [numbers.states[s.name].item() if not s.axes else 0.0 for s in self.program.states]
        return [*(numbers.inputs[name] for name in INPUT_NUMBERS), *numbers.hypers, *states]

    def _read_states(self, tables: Tables, numbers: Sequence[GroupNumbers]) -> None:
        for s, state in enumerate(self.program.states):
            if not state.axes:
                place = self.layout.group_number(Ref("state", s))
                for row, g in enumerate(tables.used_groups):
                    numbers[g].nexts[state.name] = host_number(tables.group_number(row, place))

    # What stays with torch.

    def _torch_run(self, tables: Tables, numbers: Sequence[GroupNumbers]) -> Run:
        slots = []
        for place, g in enumerate(tables.groups):
            w, gradient = tables.w(place), tables.gradient(place)
            shape = matrix_shape(w.shape)
            slots.append(Slot(w.reshape(shape), gradient.reshape(shape), g, tables.states[place]))
        return Run(self._interpreter, slots, numbers)

    def _call_torch(self, run: Run, tables: Tables, i: int) -> None:
        node = self.layout.stages.nodes[i]
        for operand in self.program.instructions[node.instruction].operands:
            if operand.kind == "result":
                self._give(run, tables, operand.index)
        lowered = self._lowered[node.instruction]
        run.compute(node.instruction, lowered)
        if not node.axes:
            for row, g in enumerate(tables.used_groups):
                tables.set_group_number(row, self.layout.group_number(Ref("node", i)),
                                        run.group_results[node.instruction][g].item())
            return
        results = run.results[node.instruction]
        if lowered.rule == "swap":  # of the memory of its operand, which may be written over
            results = run.results[node.instruction] = [value.clone() for value in results]
        if is_number(node.axes):
            place = self.layout.parameter_number(i)
            tables.set_parameter_numbers(place, [value.item() for value in results])
        elif i in self.layout.slots:
            tables.set_pointers(self.layout.slots[i], results)

    def _give(self, run: Run, tables: Tables, index: int) -> None:
        """The result of an instruction, as the interpreter has it."""
        ref = self.layout.stages.ref(Operand("result", index))
        axes = self.layout.stages.axes(ref)
        if ref.kind == "node" and self.layout.stages.nodes[ref.index].kind == "torch":
            instruction = self.layout.stages.nodes[ref.index].instruction
            if axes:
                run.results[index] = run.results[instruction]
            else:
                run.group_results[index] = run.group_results[instruction]
        elif ref.kind != "node":
            self._give_source(run, index, ref)
        elif not axes:
            place = self.layout.group_number(ref)
            run.group_results[index] = {g: host_number(tables.group_number(row, place))
                                        for row, g in enumerate(tables.used_groups)}
        elif is_number(axes):
            place = self.layout.parameter_number(ref.index)
            run.results[index] = [host_number(x) for x in tables.parameter_numbers(place)]
        else:
            buffers = tables.tensors(self.layout.slots[ref.index])
            run.results[index] = [self._interpreter.framed(buffer, axes, slot)
                                  for buffer, slot in zip(buffers, run.slots)]

    def _give_source(self, run: Run, index: int, ref: Ref) -> None:
        operand = Operand(ref.kind, ref.index, ref.constant)
        if "P" in self.program.type_of(operand):
            run.results[index] = [run.at_parameter(operand, p) for p in range(len(run.slots))]
        else:
            run.group_results[index] = {g: run.at_group(operand, g) for g in run.used_groups}
