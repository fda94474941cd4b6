"""Which elements of which parameters a tape goes over at a time.

On a CPU a large parameter is cut into slices whose registers stay in the cache, and small ones are
packed: their gradients are copied one after another, their states lie one after another for good.
Elsewhere launches cost more than memory, so a chunk may be large.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import torch
from torch import Tensor
from torch._utils import _flatten_dense_tensors

from lathe._calls import Numbers
from lathe._model import number_dtype
from lathe._tape import Tape
from lathe.axes import is_number
from lathe.program import State

SLICE_ON_CPU = 1 << 17  # elements: some seven registers of them stay in a cache of 4 MiB
SLICE_ELSEWHERE = 1 << 24
_SMALL = 1 << 14  # below this many elements a copy costs less than a call of its own

States = Dict[Tensor, Dict[str, Tensor]]
# What Tape.step_of gives, compiled.
Compiled = Callable[[Tensor, Tensor, List[Tensor], List[Tensor]], None]


def compute_dtype(dtype: torch.dtype) -> torch.dtype:
    """What a parameter's update is computed in, and its states are kept in."""
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype


def state_dtype(state: State, p: Tensor) -> torch.dtype:
    """What a state that belongs to a parameter is kept in."""
    return number_dtype(p.device) if is_number(state.axes) else compute_dtype(p.dtype)


@dataclass
class _Pack:
    """Parameters whose elements are copied, one after another."""

    params: List[Tensor]
    sizes: List[int]
    states: List[Tensor] = field(default_factory=list)


@dataclass
class _Cut:
    """One parameter in slices, by slice: views of the parameter and of its states."""

    param: Tensor
    size: int  # of a slice
    w: Sequence[Tensor] = ()
    states: List[List[Tensor]] = field(default_factory=list)


class Plan:
    """The chunks of some parameters of one type on one device. Holds for as long as
    `still_holds`."""

    def __init__(self, tape: Tape, params: Sequence[Tensor], states: States,
                 compiled: Optional[Compiled] = None) -> None:
        self.tape = tape
        self._compiled = compiled
        self.params = list(params)
        self.device = params[0].device
        self.dtype = compute_dtype(params[0].dtype)
        # A compiled step is one pass over memory, however large.
        on_cpu = self.device.type == "cpu" and compiled is None
        self.slice = SLICE_ON_CPU if on_cpu else SLICE_ELSEWHERE
        self._names = [state.name for state in tape.states]
        self._packs: List[_Pack] = []
        self._cuts: List[_Cut] = []
        self._temporaries: Dict[int, List[Tensor]] = {}
        self._numbers: Optional[Numbers] = None
        self._doubles: List[Tensor] = []
        self._assign()
        for pack in self._packs:
            self._lay_out(pack, states)
        for cut in self._cuts:
            self._cut_states(cut, states)
        self._seen = [(_layout(p), [(name, states[p][name], states[p][name].data_ptr())
                                    for name in self._names]) for p in self.params]

    def still_holds(self, params: Sequence[Tensor], states: States) -> bool:
        """Whether these are the same parameters with the same tensors for states, where they
        were."""
        if len(params) != len(self.params):
            return False
        for p, q, (layout, kept) in zip(params, self.params, self._seen):
            if p is not q or _layout(p) != layout:
                return False
            mine = states[p]
            for name, state, place in kept:
                if mine[name] is not state or state.data_ptr() != place:
                    return False
        return True

    def _assign(self) -> None:
        room = 0
        for p in self.params:
            plain = p.is_contiguous() and p.dtype == self.dtype
            if plain and (p.numel() >= _SMALL or len(self.params) == 1):
                self._cuts.append(_Cut(p, self.slice))
                continue
            if not self._packs or p.numel() > room:
                self._packs.append(_Pack([], []))
                room = self.slice
            self._packs[-1].params.append(p)
            self._packs[-1].sizes.append(p.numel())
            room -= p.numel()

    def _lay_out(self, pack: _Pack, states: States) -> None:
        for name in self._names:
            together = torch.cat([states[p][name].reshape(-1) for p in pack.params])
            pack.states.append(together)
            for p, part in zip(pack.params, together.split(pack.sizes)):
                states[p][name] = part.view(p.shape)

    def _cut_states(self, cut: _Cut, states: States) -> None:
        cut.w = cut.param.detach().view(-1).split(cut.size)
        for name in self._names:
            if not states[cut.param][name].is_contiguous():
                states[cut.param][name] = states[cut.param][name].contiguous()
        parts = [states[cut.param][name].view(-1).split(cut.size) for name in self._names]
        cut.states = [list(of_slice) for of_slice in zip(*parts)] or [[] for _ in cut.w]

    def _scratch(self, count: int) -> List[Tensor]:
        if count not in self._temporaries:
            self._temporaries[count] = [
                torch.empty(count, dtype=self.dtype, device=self.device)
                for _ in range(self.tape.temporaries)]
        return self._temporaries[count]

    def _update_numbers(self, floats: List[float]) -> Numbers:
        if self._numbers is None:
            tensors = [torch.full((), value, dtype=self.dtype, device=self.device)
                       for value in floats]
        else:
            tensors = self._numbers.tensors
            for tensor, value, before in zip(tensors, floats, self._numbers.floats):
                if value != before:
                    tensor.fill_(value)
        self._numbers = Numbers(floats, tensors)
        return self._numbers

    def run(self, floats: List[float], maximize: bool) -> None:
        """One step of all parameters; `floats` are the numbers of the tape."""
        numbers = self._update_numbers(floats)
        if self._compiled is not None:
            self._doubles = [torch.tensor(value, dtype=torch.float64) for value in floats]
        for cut in self._cuts:
            self._run_cut(cut, numbers, maximize)
        for pack in self._packs:
            self._run_pack(pack, numbers, maximize)

    def _registers(self, w: Tensor, g: Tensor, states: List[Tensor], maximize: bool) -> List[Tensor]:
        return [w, -g if maximize else g, *states, *self._scratch(g.numel())]

    def _run_cut(self, cut: _Cut, numbers: Numbers, maximize: bool) -> None:
        gradient = _gradient(cut.param).reshape(-1)
        gradients = gradient.split(cut.size) if len(cut.w) > 1 else (gradient,)
        for w, g, states in zip(cut.w, gradients, cut.states):
            if self._compiled is not None:
                self._compiled(w, -g if maximize else g, states, self._doubles)
                continue
            update, factor = self.tape.run(self._registers(w, g, states, maximize), numbers)
            w.sub_(update, alpha=factor)

    def _run_pack(self, pack: _Pack, numbers: Numbers, maximize: bool) -> None:
        g = _flatten([_gradient(p) for p in pack.params]).to(self.dtype)
        w = _flatten(pack.params).to(self.dtype) if self.tape.reads_w or self._compiled else g
        if self._compiled is not None:
            before = w.clone()
            self._compiled(w, -g if maximize else g, pack.states, self._doubles)
            update, factor = before - w, 1.0
        else:
            update, factor = self.tape.run(self._registers(w, g, pack.states, maximize), numbers)
        parts = _unflatten(update.expand_as(g), pack.params)
        torch._foreach_sub_(pack.params, parts, alpha=factor)


def _layout(p: Tensor) -> Tuple[int, Tuple[int, ...], Tuple[int, ...]]:
    """Which elements, in which order."""
    return p.data_ptr(), tuple(p.shape), p.stride()


def _flatten(tensors: List[Tensor]) -> Tensor:
    flat: Tensor = _flatten_dense_tensors(tensors)
    return flat


def _unflatten(flat: Tensor, like: List[Tensor]) -> List[Tensor]:
    # As torch's own, but for tensors without elements, of which that one loses the shape.
    parts = flat.split([tensor.numel() for tensor in like])
    return [part.view(tensor.shape) for part, tensor in zip(parts, like)]


def _gradient(p: Tensor) -> Tensor:
    assert p.grad is not None  # only parameters with one take part
    return p.grad


def by_kind(params: Sequence[Tensor]) -> List[Tuple[Tuple[torch.device, torch.dtype], List[Tensor]]]:
    """Parameters of one device and type together, in order."""
    kinds: Dict[Tuple[torch.device, torch.dtype], List[Tensor]] = {}
    for p in params:
        kinds.setdefault((p.device, p.dtype), []).append(p)
    return list(kinds.items())
