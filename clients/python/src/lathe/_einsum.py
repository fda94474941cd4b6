"""Labels of einsum: an axis of a parameter may get up to two primes, all others keep their names."""

from __future__ import annotations

from typing import List, Sequence, Tuple

from lathe.axes import ORDER, Axes, in_order

_INSIDE = {"R''", "C''"}  # axes that no result has


def base_of(axis: str) -> str:
    """R of R', C of C'', B of B: axes of one base have one extent."""
    return axis.rstrip("'")


def primed(label: str, axis: str) -> bool:
    return base_of(label) == base_of(axis)


def kept_problem(kept: Axes, labels: Sequence[Sequence[str]], allowed: Axes) -> str:
    """What is wrong with the axes of a result; empty if nothing is."""
    possible = {label for of_operand in labels for label in of_operand} - _INSIDE
    possible &= set(allowed)
    if kept <= possible:
        return ""
    primes = " without double primes" if "R'" in allowed else ""
    listed = "some of " + ", ".join(in_order(possible)) if possible else "none"
    return f"the result of an einsum keeps axes of its operands{primes}, here {listed}"


def equation(labels: Sequence[Tuple[str, ...]], kept: Axes) -> str:
    """In torch's letters, with the axes of the result in order."""
    letters = {axis: chr(ord("a") + place) for place, axis in enumerate(ORDER)}

    def word(axes: Sequence[str]) -> str:
        return "".join(letters[axis] for axis in axes)

    sides: List[str] = [word(of_operand) for of_operand in labels]
    return ",".join(sides) + "->" + word(in_order(kept))
