"""Optimizers whose update rule is a program."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor

from lathe._chunks import Compiled, Plan, by_kind, compute_dtype, state_dtype
from lathe._interpreter import GroupNumbers, Interpreter, Slot, held_shape, matrix_shape
from lathe._kernels import Kernels
from lathe._lowering import host_number
from lathe._tape import tape_of
from lathe.known import ProgramSource, load_program
from lathe.program import Operand, Program

Params = Union[Iterable[Tensor], Iterable[Dict[str, Any]]]
# What groups hold beside the program's hypers; "name" and "param_names" are the user's.
_RESERVED = {"params", "lr", "t", "total_steps", "maximize", "numbers", "initial_lr", "name",
             "param_names"}
# What every step reads from a group, beside the hypers.
_SAVED = ("lr", "t", "total_steps", "maximize", "numbers")
# Keywords of load_optimizer that are no hypers either.
_KEYWORDS = {"program", "foreach", "compile", "compiled"}


def load_optimizer(program: ProgramSource, params: Params, *, lr: float,
                   total_steps: Optional[int] = None, maximize: bool = False,
                   foreach: Optional[bool] = None, compile: bool = False, compiled: bool = False,
                   **hypers: float) -> "LoadedOptimizer":
    """An optimizer that applies a program.

    `program` is its text, the path of a .lathe file, or the name of a known one (see
    `known_programs`). `params` are tensors or groups, as for any optimizer of torch. `hypers` are
    the program's own, by name; groups and schedulers may set them like `lr`. `total_steps` is
    needed where the program reads it. `foreach`: False takes one parameter after another; None and
    True go over many at a time where the program allows it, with results that are equal but for
    rounding: a product that is fused with what reads it may stay finite where it overflows by
    itself. `compile` makes one
    kernel of such a program with torch.compile, where torch has it (2.0 or later).

    `compiled` makes C++ of any program, for parameters on a CPU: between two reductions all goes
    over memory once, on one thread; einsum and what has axes R' or C' stay with torch. The library
    is built by the system's compiler ($CXX, or c++, g++, clang++) and kept in $XDG_CACHE_HOME/lathe
    or ~/.cache/lathe. Results are those of foreach=False: to the bit where a program adds,
    multiplies, divides and compares (and takes roots, where torch rounds these exactly), within
    rounding where it sums or calls functions like exp. Half precision is copied to float32 and
    back; steps with parameters on other devices, or with states of another type than they begin
    with, are taken as without `compiled`.

    ProgramError for a wrong text; ValueError for a hyper out of its range, for parameters that are
    not real floating point, and for `compile` together with `compiled`; TypeError for a hyper that
    the program lacks; CompileError where `compiled` finds no compiler or no private directory.
    """
    return LoadedOptimizer(load_program(program, "optimizer"), params, lr=lr,
                           total_steps=total_steps, maximize=maximize, foreach=foreach,
                           compile=compile, compiled=compiled, **hypers)


class LoadedOptimizer(torch.optim.Optimizer):
    """w <- w - update, with the update that the program computes.

    A parameter of shape [d0, d1, ...] is a matrix of d0 rows; scalars and vectors have one column.
    Parameters without a gradient take no part in a step: nothing reduces over them, and their
    states stay. Reductions over the model go over all groups. `t` counts the steps of a group, from
    1 on. Parameters of half precision are updated in float32, in which their states are kept.
    """

    def __init__(self, program: Program, params: Params, *, lr: float,
                 total_steps: Optional[int] = None, maximize: bool = False,
                 foreach: Optional[bool] = None, compile: bool = False, compiled: bool = False,
                 **hypers: float) -> None:
        if compile and compiled:
            raise ValueError("compile=True is torch.compile, compiled=True is C++; give one of them")
        self._set_program(program, foreach, compile, compiled)
        defaults: Dict[str, Any] = {hyper.name: hyper.value for hyper in program.hypers}
        unknown = [name for name in hypers if name not in defaults]
        if unknown:
            raise TypeError(f"{program.name} has no hyper {unknown[0]!r}; it has: "
                            f"{', '.join(defaults) or 'none'}")
        taken = [name for name in defaults if name in _RESERVED | _KEYWORDS]
        if taken:
            raise ValueError(f"the hyper {taken[0]!r} of {program.name} has a name that optimizers "
                             "use otherwise; rename it")
        if program.reads("total_steps") and total_steps is None:
            raise TypeError(f"{program.name} reads total_steps; give total_steps=...")
        defaults.update(hypers, lr=lr, total_steps=total_steps, maximize=maximize, t=0, numbers={})
        super().__init__(params, defaults)
        if self._kernels is not None:
            self._kernels.build({p.dtype for group in self.param_groups for p in group["params"]
                                 if p.device.type == "cpu"})

    def _set_program(self, program: Program, foreach: Optional[bool], compiles: bool,
                     compiled: bool) -> None:
        self.program = program
        self._foreach = foreach
        self._interpreter = Interpreter(program)
        self._tape = tape_of(program) if foreach is not False else None
        self._compiles = compiles
        self._compiled: Optional[Compiled] = None
        if compiles:
            if not hasattr(torch, "compile"):
                raise ValueError(f"compile=True: torch {torch.__version__} has no torch.compile")
            if self._tape is not None:
                self._compiled = torch.compile(self._tape.step_of())
        self._kernels = Kernels(self._interpreter) if compiled else None
        self._plans: Dict[Tuple[int, torch.device, torch.dtype], Plan] = {}
        self._inputs = list(program.signature.inputs)

    def __getstate__(self) -> Dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups,
                "program": self.program, "_foreach": self._foreach, "_compiles": self._compiles,
                "_has_kernels": self._kernels is not None}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        if "program" in state:
            state = dict(state)
            self._set_program(state.pop("program"), state.pop("_foreach"),
                              state.pop("_compiles"), state.pop("_has_kernels", False))
        super().__setstate__(state)

    def add_param_group(self, param_group: Dict[str, Any]) -> None:
        """As every optimizer of torch has it, other keys such as those of schedulers included;
        parameters have to be real floating point."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        try:
            group["numbers"] = dict(group["numbers"])
            for place, p in enumerate(group["params"]):
                _check_parameter(p, place)
            self._check_hypers(group)
        except Exception:
            self.param_groups.pop()
            raise

    def _check_hypers(self, group: Dict[str, Any]) -> List[float]:
        """The hypers of a group in the program's order."""
        values = []
        for hyper in self.program.hypers:
            try:
                value = float(group[hyper.name])
            except TypeError:
                raise TypeError(f"the hyper {hyper.name} of {self.program.name} is "
                                f"{group[hyper.name]!r}, which is no number") from None
            if not hyper.range.has(value):
                raise ValueError(f"the hyper {hyper.name} of {self.program.name} is {value:g}, "
                                 f"which is not in its range {hyper.range}")
            values.append(value)
        return values

    @torch.no_grad()
    def step(self, closure: Optional[Callable[[], Any]] = None) -> Any:
        """One step of all parameters that have a gradient. `closure` computes the loss anew."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        active = [[p for p in group["params"] if p.grad is not None]
                  for group in self.param_groups]
        self._check_gradients(active)
        numbers = [self._numbers(group) for group in self.param_groups]
        for params in active:
            for p in params:
                self._start_states(p)
        if any(active) and not self._step_kernels(active, numbers):
            if self._tape is not None:
                self._step_flat(active, numbers)
            else:
                self._step_each(active, numbers)
        for group, params, of_group in zip(self.param_groups, active, numbers):
            if params:
                group["t"] += 1
                group["numbers"] = {**group["numbers"], **of_group.nexts}
        return loss

    def _check_gradients(self, active: Sequence[Sequence[Tensor]]) -> None:
        for g, params in enumerate(active):
            for p in params:
                if p.grad is not None and p.grad.layout != torch.strided:
                    raise ValueError(f"a parameter of shape {tuple(p.shape)} in group {g} has a "
                                     "sparse gradient; programs take dense ones only")

    def _numbers(self, group: Dict[str, Any]) -> GroupNumbers:
        total = group["total_steps"]
        inputs = {"lr": float(group["lr"]), "t": float(group["t"] + 1),
                  "total_steps": float(total) if total is not None else 0.0}
        states = {state.name: group["numbers"].get(state.name, host_number(state.start))
                  for state in self.program.states if "P" not in state.axes}
        return GroupNumbers(inputs, self._check_hypers(group), states)

    def _start_states(self, p: Tensor) -> None:
        kept = self.state[p]
        for state in self.program.states:
            if "P" not in state.axes or state.name in kept:
                continue
            dtype = state_dtype(state, p)
            if state.starts_at_input:
                kept[state.name] = p.detach().to(dtype, copy=True).contiguous()
                continue
            kept[state.name] = torch.full(held_shape(state.axes, p.shape), state.start, dtype=dtype,
                                          device=p.device)

    # All parameters at once.

    def _step_kernels(self, active: Sequence[List[Tensor]], numbers: List[GroupNumbers]) -> bool:
        """False, with nothing done, where there are none or they do not reach."""
        if self._kernels is None:
            return False
        params = [p for of_group in active for p in of_group]
        groups = [g for g, of_group in enumerate(active) for _ in of_group]
        return self._kernels.run(params, groups, numbers, self.state,
                                 [group["maximize"] for group in self.param_groups])

    # Many parameters at a time.

    def _step_flat(self, active: Sequence[List[Tensor]], numbers: List[GroupNumbers]) -> None:
        assert self._tape is not None
        for g, (params, of_group) in enumerate(zip(active, numbers)):
            if not params:
                continue
            floats = self._tape_numbers(of_group)
            for (device, dtype), alike in by_kind(params):
                plan = self._plans.get((g, device, dtype))
                if plan is None or not plan.still_holds(alike, self.state):
                    plan = Plan(self._tape, alike, self.state, self._compiled)
                    self._plans[g, device, dtype] = plan
                plan.run(floats, self.param_groups[g]["maximize"])

    def _tape_numbers(self, numbers: GroupNumbers) -> List[float]:
        """What the tape is given, and the next values of the states without P."""
        assert self._tape is not None

        def given(operand: Operand) -> float:
            if operand.kind == "hyper":
                return numbers.hypers[operand.index]
            if operand.kind == "input":
                return numbers.inputs[self._inputs[operand.index]]
            return numbers.states[self.program.states[operand.index].name].item()

        results = self._tape.number_values(given)

        def value(operand: Operand) -> float:
            if operand.kind == "constant":
                return operand.constant
            return results[operand.index] if operand.kind == "result" else given(operand)

        for state in self.program.states:
            if "P" not in state.axes:
                numbers.nexts[state.name] = host_number(value(state.next))
        return [value(operand) for operand in self._tape.numbers]

    # One parameter after another.

    def _step_each(self, active: Sequence[Sequence[Tensor]], numbers: List[GroupNumbers]) -> None:
        slots, params = [], []
        for g, of_group in enumerate(active):
            for p in of_group:
                slots.append(self._slot(p, g))
                params.append(p)
        for p, update in zip(params, self._interpreter.step(slots, numbers)):
            p.sub_(update.reshape(p.shape))

    def _slot(self, p: Tensor, g: int) -> Slot:
        assert p.grad is not None
        shape, dtype = matrix_shape(p.shape), compute_dtype(p.dtype)
        gradient = p.grad.detach().to(dtype).reshape(shape)
        if self.param_groups[g]["maximize"]:
            gradient = -gradient
        return Slot(p.detach().to(dtype).reshape(shape), gradient, g, self.state[p])

    def load_state_dict(self, state_dict: Dict[str, Any]) -> None:
        """As torch has it. States take the type that they have for the parameters that are here.
        ValueError if a group lacks what a step reads, or a state is missing or has another shape;
        then nothing is changed."""
        saved = [place for group in state_dict["param_groups"] for place in group["params"]]
        params = [p for group in self.param_groups for p in group["params"]]
        for place, p in zip(saved, params):
            self._check_saved(state_dict["state"].get(place, {}), p, place)
        self._check_saved_groups(state_dict["param_groups"])
        super().load_state_dict(state_dict)
        for place, p in zip(saved, params):
            saved_of = state_dict["state"].get(place, {})
            for state in (s for s in self.program.states if s.name in saved_of):
                self.state[p][state.name] = saved_of[state.name].detach().to(
                    p.device, state_dtype(state, p), copy=True)
        self._plans.clear()
        if self._kernels is not None:
            self._kernels.forget()

    def _check_saved_groups(self, groups: Sequence[Dict[str, Any]]) -> None:
        wanted = [*(hyper.name for hyper in self.program.hypers), *_SAVED]
        for g, group in enumerate(groups):
            for name in wanted:
                if name not in group:
                    raise ValueError(f"the saved group {g} lacks {name!r}, which "
                                     f"{self.program.name} needs; it is of another optimizer")

    def _check_saved(self, saved: Dict[str, Any], p: Tensor, place: int) -> None:
        if not saved:
            return
        wanted = {s.name: held_shape(s.axes, p.shape) for s in self.program.states if "P" in s.axes}
        for name, shape in wanted.items():
            if name not in saved:
                raise ValueError(f"the saved state of parameter {place} lacks {name!r}, which "
                                 f"{self.program.name} keeps")
            if not isinstance(saved[name], Tensor):
                raise ValueError(f"the saved state {name!r} of parameter {place} is no tensor")
            if list(saved[name].shape) != shape:
                raise ValueError(f"the saved state {name!r} of parameter {place} has the shape "
                                 f"{tuple(saved[name].shape)}, the parameter needs {tuple(shape)}")


def _check_parameter(p: Tensor, place: int) -> None:
    if not p.is_floating_point():
        raise ValueError(f"parameter {place} of the group is {p.dtype}; programs update real "
                         "floating-point parameters only")
    if p.layout != torch.strided:
        raise ValueError(f"parameter {place} of the group is sparse; programs update dense "
                         "parameters only")
