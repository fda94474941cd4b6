"""What ops call that torch has no function for.

What looks at a whole model takes its values as a list with one tensor per parameter; its results are
numbers: tensors of dimension 0, in double where the device has it.
"""

from __future__ import annotations

from typing import List, Sequence, Tuple

import torch
from torch import Tensor


def number_dtype(device: torch.device) -> torch.dtype:
    """The type in which numbers are computed on a device."""
    return torch.float32 if device.type == "mps" else torch.float64


def as_number(value: Tensor) -> Tensor:
    return value.to(number_dtype(value.device))


def flat(values: Sequence[Tensor]) -> Tensor:
    """All elements of a model one after another, on the device of the first."""
    device = values[0].device
    parts = [value.reshape(-1).to(device) for value in values]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _total(parts: List[Tensor]) -> Tensor:
    device = parts[0].device
    return torch.stack([part.to(device) for part in parts]).sum()


def dot(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    return _total([as_number((x * y).sum()) for x, y in zip(a, b)])


def global_norm(a: Sequence[Tensor]) -> Tensor:
    return dot(a, a).sqrt()


def cosine_sim(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    return dot(a, b) / (global_norm(a) * global_norm(b))


def clip_factor(norm: Tensor, bound: Tensor) -> Tensor:
    """What an element is multiplied with; NaN if norm or bound is."""
    bound = as_number(bound).abs()
    norm = norm.to(bound.device)
    kept = torch.where(norm <= bound, torch.ones_like(norm), norm + bound)
    return torch.where(norm > bound, bound / norm, kept)


def clip_by_global_norm(a: Sequence[Tensor], b: Sequence[Tensor]) -> List[Tensor]:
    norm = global_norm(a)
    return [x * clip_factor(norm, y).to(x.device, x.dtype) for x, y in zip(a, b)]


def softmax(a: Tensor, axes: Tuple[int, ...]) -> Tensor:
    """Over several dimensions. NaN throughout where one is infinite or NaN."""
    powers = (a - a.amax(axes, keepdim=True).detach()).exp()
    return powers / powers.sum(axes, keepdim=True)
