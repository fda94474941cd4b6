"""Random programs with every op, in PyTorch against the reference.

In float64 every number has to be within 1e-9 of the scale of what it belongs to, in float32 the rule
of the vm's tests holds: within 1e-3, or the reference itself moves with the last bits of what it
computes with.
"""

import pytest
import torch
from judged import judge, run_layer, tensors

import lathe
from lathe._interpreter import GroupNumbers, Interpreter, Slot, held_shape
from lathe._lowering import host_number
from lathe._table import TABLE
from lathe.axes import is_number


def run_optimizer(program, case, dtype):
    """The numbers that the judge wants, from the path that takes every program."""
    interpreter = Interpreter(program)
    shapes = case["shapes"]
    states = [{} for _ in shapes]
    numbers = {s.name: host_number(s.start) for s in program.states if "P" not in s.axes}
    started = [set() for _ in shapes]
    for p, shape in enumerate(shapes):
        for s in program.states:
            if "P" in s.axes:
                kind = torch.float64 if is_number(s.axes) else dtype
                states[p][s.name] = torch.full(held_shape(s.axes, shape), s.start, dtype=kind)
    out = []
    for step in case["steps"]:
        inputs = step["inputs"]
        ws, gs = tensors(inputs["w"], dtype), tensors(inputs["g"], dtype)
        active = step["active"] or range(len(shapes))
        slots = []
        for p in active:
            slot = Slot(ws[p].reshape(shapes[p]), gs[p].reshape(shapes[p]), 0, states[p])
            for s in program.states:
                if s.starts_at_input and p not in started[p]:
                    states[p][s.name].copy_(slot.w)
            started[p].add(p)
            slots.append(slot)
        scalars = {name: float(inputs[name][0][0]) for name in ("lr", "t", "total_steps")}
        group = GroupNumbers(scalars, [h.value for h in program.hypers], numbers)
        updates = dict(zip(active, interpreter.step(slots, [group])))
        numbers = {**numbers, **group.nexts}
        for p, shape in enumerate(shapes):
            out += updates[p].reshape(-1).tolist() if p in updates else [0.0] * (shape[0] * shape[1])
        for s in program.states:
            kept = [states[p][s.name] for p in range(len(shapes))] if "P" in s.axes else [
                numbers[s.name]]
            for value in kept:  # of which the judge takes what a tensor of floats can hold
                out += value.to(dtype).reshape(-1).tolist()
    return out


def run_case(case, dtype):
    program = lathe.parse(case["text"])
    if program.signature.name == "layer":
        return run_layer(lambda *sizes: lathe.LoadedLayer(program, *sizes), case, dtype)
    return run_optimizer(program, case, dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_random_programs_equal_the_reference(bin_folder, request, dtype):
    count = request.config.getoption("--cases")
    ops = set()

    def run(case, dtype):
        ops.update(i.op for i in lathe.parse(case["text"]).instructions)
        return run_case(case, dtype)

    judge(bin_folder, count, dtype, run)
    if count >= 1000:
        assert ops == set(TABLE), "every op is in some program"
