"""The calls that a tape is made of: each reads registers and numbers and writes one register."""

from __future__ import annotations

import math
import operator
from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

import torch
from torch import Tensor

from lathe import _lowering
from lathe._lowering import host_number
from lathe._ops import CALLS

# Those that write where they are told to; the others make a new tensor.
OUT: Dict[str, Callable[..., Tensor]] = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "pow": torch.pow,
    "max": torch.maximum, "min": torch.minimum, "neg": torch.neg, "abs": torch.abs,
    "sqrt": torch.sqrt, "exp": torch.exp, "log": torch.log, "tanh": torch.tanh, "sin": torch.sin,
    "cos": torch.cos, "atan": torch.atan, "erf": torch.erf, "sigmoid": torch.sigmoid,
    "expm1": torch.expm1, "log1p": torch.log1p, "exp2": torch.exp2, "asin": torch.asin,
}


class Numbers(NamedTuple):
    """By number of the tape: as Python has it, and as tensors without dimensions, rounded to the
    type that they meet and on its device."""

    floats: List[float]
    tensors: List[Tensor]


Call = Callable[[List[Tensor], Numbers], None]


def _square(a: float) -> float:
    return a * a


# Where Python computes as IEEE 754 says, or raises.
_IN_PYTHON: Dict[str, Callable[..., float]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv,
    "neg": operator.neg, "pow": math.pow, "sqrt": math.sqrt, "square": _square,
}


def compute_number(op: str, values: Sequence[float]) -> float:
    """An elementwise op on numbers, in double."""
    if op in _IN_PYTHON:
        try:
            known: float = _IN_PYTHON[op](*values)
            return known
        except (ValueError, OverflowError, ZeroDivisionError):
            pass  # infinite or NaN, which torch says
    return float(CALLS[op](*(host_number(value) for value in values)))


def copy(register: int, source: Tuple[bool, int]) -> Call:
    number, place = source
    if number:
        return lambda r, n: void(r[register].fill_(n.floats[place]))
    return lambda r, n: void(r[register].copy_(r[place]))


def void(_: object) -> None:
    """For calls whose result is a register already."""


def lerp(out: int, a: int, b: int, mix: int) -> Call:
    def call(r: List[Tensor], n: Numbers) -> None:
        torch.mul(r[b], n.tensors[mix], out=r[out])
        r[out].add_(r[a], alpha=1 - n.floats[mix])
    return call


def lerp_product(out: int, x: int, y: int, b: int, mix: int) -> Call:
    def call(r: List[Tensor], n: Numbers) -> None:
        torch.mul(r[b], n.tensors[mix], out=r[out])
        r[out].addcmul_(r[x], r[y], value=1 - n.floats[mix])
    return call


def add_scaled(out: int, places: Sequence[int], sign: int) -> Call:
    a, x, factor = places
    return lambda r, n: void(torch.add(r[a], r[x], alpha=sign * n.floats[factor], out=r[out]))


def lerp_by_tensor(a: Tensor, b: Tensor, mix: Tensor) -> Tensor:
    dtypes = [value.dtype for value in (a, b, mix) if value.dim()]
    return _lowering.lerp(a, b, mix, dtypes[0], not mix.dim())


def plain(op: str, values: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
    """An elementwise op on tensors of `dtype` and numbers in double, as a tensor of its own."""
    if op == "lerp":
        a, b, mix = values
        return _lowering.lerp(a.to(dtype), b.to(dtype), mix, dtype, not mix.dim())
    return CALLS[op](*(value.to(dtype) for value in values))


def sign(out: int, a: int) -> Call:
    def call(r: List[Tensor], n: Numbers) -> None:
        # torch's sign of NaN is 0. That of a limited value, times 0, is 0 but for NaN.
        limited = r[a].clamp(-1, 1)
        torch.sign(r[a], out=r[out])
        r[out].add_(limited, alpha=0)
    return call


def quotient_scaled(out: int, places: Sequence[int]) -> Call:
    """(x / divisor) / y + factor z."""
    x, y, z, factor, divisor = places

    def call(r: List[Tensor], n: Numbers) -> None:
        torch.mul(r[z], n.tensors[factor], out=r[out])
        r[out].addcdiv_(r[x], r[y], value=compute_number("div", [1.0, n.floats[divisor]]))
    return call


def unary(function: Callable[..., Tensor], out: int, a: int) -> Call:
    return lambda r, n: void(function(r[a], out=r[out]))


def binary(function: Callable[..., Tensor], out: int, a: int, b: int) -> Call:
    return lambda r, n: void(function(r[a], r[b], out=r[out]))


def mixed(function: Callable[..., Tensor], out: int,
           arguments: Sequence[Tuple[bool, int]]) -> Call:
    (first, i), (second, j) = arguments
    if second and not first:
        return lambda r, n: void(function(r[i], n.tensors[j], out=r[out]))

    def call(r: List[Tensor], n: Numbers) -> None:
        function(*(n.tensors[i] if number else r[i] for number, i in arguments), out=r[out])
    return call


def other(function: Callable[..., Tensor], out: int, arguments: Sequence[Tuple[bool, int]],
           first_temporary: int) -> Call:
    def call(r: List[Tensor], n: Numbers) -> None:
        value = function(*(n.tensors[i] if number else r[i] for number, i in arguments))
        if out >= first_temporary:
            r[out] = value
        else:
            r[out].copy_(value)
    return call
