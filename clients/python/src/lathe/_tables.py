"""The tables that kernels read: where parameters, gradients, states and buffers lie."""

from __future__ import annotations

import ctypes
from operator import is_
from typing import Any, Dict, List, Sequence

import torch
from torch import Tensor

from lathe._chunks import States, compute_dtype, state_dtype
from lathe._interpreter import held_shape, matrix_shape
from lathe._layout import FIRST_STATE, G, W, Buffer, Layout
from lathe.program import Program


def _is_plain(tensor: Tensor) -> bool:
    """Whether its memory holds its elements one after another: not so of a view that negates."""
    return tensor.is_contiguous() and not tensor.is_neg()


class _Table(ctypes.Structure):
    """`Table` of _cpp_source."""

    _fields_ = [(name, ctypes.c_int64) for name in (
        "count", "groups", "numbers_of_group", "numbers_of_parameter")] + [
        (name, ctypes.c_void_p) for name in (
            "rows", "cols", "group", "wide", "sign", "pointers", "of_groups", "of_parameters")]


class Tables:
    """For these parameters as long as `still_hold`. Those of half precision, and those whose memory
    does not hold their elements in order, are copied before a step and back after it."""

    @staticmethod
    def reach(program: Program, params: Sequence[Tensor], states: States) -> bool:
        """Whether kernels can work on these."""
        if any(p.device.type != "cpu" for p in params):
            return False
        kept = [(p, s, states[p][s.name]) for p in params for s in program.states if "P" in s.axes]
        return all(value.device.type == "cpu" and value.dtype == state_dtype(s, p)
                   for p, s, value in kept)

    def __init__(self, layout: Layout, params: Sequence[Tensor], groups: Sequence[int],
                 states: States) -> None:
        self.layout = layout
        self.params = list(params)
        self.groups = list(groups)
        self.used_groups = sorted(set(groups))
        self.states = [states[p] for p in params]
        self._kept_states = [s for s in layout.stages.program.states if "P" in s.axes]
        self._names = [s.name for s in self._kept_states]
        self._dtypes = [p.dtype for p in params]
        self._copies = {place: torch.empty(p.shape, dtype=compute_dtype(p.dtype))
                        for place, p in enumerate(params)
                        if not _is_plain(p) or p.dtype != compute_dtype(p.dtype)}
        # A step of a kernel is a change in place, of which autograd knows by a count.
        self._touched = [p.detach().view(-1)[:0] for place, p in enumerate(params)
                         if place not in self._copies]
        self._shapes = [p.shape for p in params]
        self._plain = [_is_plain(p) for p in params]
        self._w_pointers = [p.data_ptr() for p in params]
        self._check_states()
        self._state_tensors = [kept[name] for kept in self.states for name in self._names]
        self._state_pointers = [value.data_ptr() for value in self._state_tensors]
        self._buffers = [[self._buffer(place, buffer, p) for p in params]
                         for place, buffer in enumerate(layout.buffers)]
        self._results: Dict[int, List[Tensor]] = {}  # torch's, while kernels read them
        self._gradients: List[Tensor] = []
        self._signs: List[bool] = []
        self._lay_out()

    def _check_states(self) -> None:
        for p, kept in zip(self.params, self.states):
            for state in self._kept_states:
                value = kept[state.name]
                if list(value.shape) != held_shape(state.axes, p.shape):
                    raise ValueError(f"the state {state.name!r} of a parameter of shape "
                                     f"{tuple(p.shape)} has the shape {tuple(value.shape)}")
                if not _is_plain(value):
                    kept[state.name] = value.resolve_neg().contiguous()

    def _buffer(self, place: int, buffer: Buffer, p: Tensor) -> Tensor:
        by_torch = self.layout.first_buffer + place in self.layout.torch_slots
        shape = [0] if by_torch else held_shape(buffer.axes, p.shape)
        return torch.empty(shape, dtype=torch.float64 if buffer.accumulates else (
            compute_dtype(p.dtype)))

    def _lay_out(self) -> None:
        count = len(self.params)
        shapes = [matrix_shape(shape) for shape in self._shapes]
        slots = self.layout.first_buffer + len(self._buffers)
        self._pointers = (ctypes.c_size_t * (slots * count))()
        self._set_slot(W, [self.w(place).data_ptr() for place in range(count)])
        for s, state in enumerate(self.layout.stages.program.states):
            if "P" in state.axes:
                self._set_slot(FIRST_STATE + s, [kept[state.name].data_ptr() for kept in self.states])
        for place, of_params in enumerate(self._buffers):
            self._set_slot(self.layout.first_buffer + place, [b.data_ptr() for b in of_params])
        integers = ctypes.c_int64 * count
        self._sign = (ctypes.c_double * count)()
        self._of_groups = (ctypes.c_double * (len(self.used_groups) * self.layout.of_groups))()
        self._of_parameters = (ctypes.c_double * max(1, count * self.layout.of_parameters))()
        self._arrays: List[Any] = [integers(*(rows for rows, _ in shapes)),
                        integers(*(cols for _, cols in shapes)),
                        integers(*(self.used_groups.index(g) for g in self.groups)),
                        integers(*(dtype == torch.float64 for dtype in self._dtypes)),
                        self._sign, self._pointers, self._of_groups, self._of_parameters]
        self._table = _Table(count, len(self.used_groups), self.layout.of_groups,
                             self.layout.of_parameters,
                             *(ctypes.addressof(array) for array in self._arrays))
        self.address = ctypes.addressof(self._table)

    def _set_slot(self, slot: int, pointers: List[int]) -> None:
        count = len(self.params)
        self._pointers[slot * count:(slot + 1) * count] = pointers  # type: ignore[assignment]

    # What may change between steps.

    def still_hold(self, params: Sequence[Tensor], groups: Sequence[int], states: States) -> bool:
        """Whether these are the same parameters with the same tensors for states, where they were
        and as large as they were."""
        if len(params) != len(self.params) or not all(map(is_, params, self.params)):
            return False
        if [p.data_ptr() for p in params] != self._w_pointers or groups != self.groups:
            return False
        if [p.shape for p in params] != self._shapes or [p.dtype for p in params] != self._dtypes:
            return False
        if [_is_plain(p) for p in params] != self._plain:
            return False
        kept = [states[p] for p in params]
        if not all(map(is_, kept, self.states)):
            return False
        tensors = [of_p[name] for of_p in kept for name in self._names]
        return all(map(is_, tensors, self._state_tensors)) and (
            [value.data_ptr() for value in tensors] == self._state_pointers)

    def take_gradients(self, maximize: Sequence[bool]) -> None:
        """Copies what cannot be read where it lies, and parameters that cannot be written."""
        self._gradients = [self._readable(p, dtype) for p, dtype in zip(self.params, self._dtypes)]
        self._set_slot(G, [gradient.data_ptr() for gradient in self._gradients])
        signs = [maximize[g] for g in self.groups]
        if signs != self._signs:
            self._sign[:] = [-1.0 if negative else 1.0 for negative in signs]
            self._signs = signs
        for place, copy in self._copies.items():
            copy.copy_(self.params[place])

    @staticmethod
    def _readable(p: Tensor, dtype: torch.dtype) -> Tensor:
        gradient = p.grad
        assert gradient is not None  # only parameters with one take part
        if gradient.shape != p.shape:
            raise ValueError(f"the gradient of a parameter of shape {tuple(p.shape)} has the shape "
                             f"{tuple(gradient.shape)}")
        wanted = compute_dtype(dtype)
        if gradient.dtype == wanted and _is_plain(gradient):
            return gradient
        return gradient.to(wanted).resolve_neg().contiguous()

    def take_numbers(self, of_groups: Sequence[List[float]]) -> None:
        for row, values in enumerate(of_groups):
            first = row * self.layout.of_groups
            for place, value in enumerate(values):
                self._of_groups[first + place] = value

    def give_back(self) -> None:
        """What was copied goes back; what no later step needs is let go."""
        for place, copy in self._copies.items():
            self.params[place].copy_(copy)
        if self._touched:
            torch._foreach_zero_(self._touched)  # no elements: only the count moves
        self._gradients.clear()
        self._results.clear()

    # Between kernels, by place of the parameter.

    def w(self, place: int) -> Tensor:
        return self._copies[place] if place in self._copies else self.params[place].detach()

    def gradient(self, place: int) -> Tensor:
        gradient = self._gradients[place].detach()
        return -gradient if self._signs[place] else gradient

    def tensors(self, slot: int) -> List[Tensor]:
        """What lies in a state or a buffer."""
        if slot >= self.layout.first_buffer:
            return self._buffers[slot - self.layout.first_buffer]
        name = self.layout.stages.program.states[slot - FIRST_STATE].name
        return [kept[name] for kept in self.states]

    def set_pointers(self, slot: int, values: Sequence[Tensor]) -> None:
        held = [value.to(compute_dtype(dtype)).contiguous()
                for value, dtype in zip(values, self._dtypes)]
        self._results[slot] = held
        self._set_slot(slot, [value.data_ptr() for value in held])

    def group_number(self, row: int, place: int) -> float:
        return float(self._of_groups[row * self.layout.of_groups + place])

    def set_group_number(self, row: int, place: int, value: float) -> None:
        self._of_groups[row * self.layout.of_groups + place] = value

    def parameter_numbers(self, place: int) -> List[float]:
        return list(self._of_parameters[place::self.layout.of_parameters])[:len(self.params)]

    def set_parameter_numbers(self, place: int, values: Sequence[float]) -> None:
        for p, value in enumerate(values):
            self._of_parameters[p * self.layout.of_parameters + place] = value
