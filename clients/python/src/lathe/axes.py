"""Named axes. The type of every value in a program is the set of axes that it has.

Of optimizers: P counts the parameters of a model, R and C are the rows and columns of one, R' and
C' are as long as R and C and other axes for broadcasting, R'' and C'' live only inside an einsum.
Of layers: B examples, G groups of K channels, H x W places.
"""

from __future__ import annotations

from typing import FrozenSet, Iterable, List

Axes = FrozenSet[str]

# The order in which values are laid out.
ORDER = ("P", "R", "C", "R'", "C'", "B", "G", "K", "H", "W", "R''", "C''")
# Values without any of these are numbers: of a model, of a parameter, of a channel.
ELEMENTS: Axes = frozenset(["R", "C", "R'", "C'", "B", "H", "W"])
# Those of one parameter, which need P.
PARAMETER: Axes = frozenset(["R", "C", "R'", "C'"])
NONE: Axes = frozenset()


def axes_of(text: str) -> Axes:
    """The set that `text` lists, as in "P,R,C"."""
    return frozenset(text.split(",")) if text else NONE


def in_order(axes: Iterable[str]) -> List[str]:
    return sorted(axes, key=ORDER.index)


def type_text(axes: Axes) -> str:
    return "[" + ",".join(in_order(axes)) + "]"


def is_number(axes: Axes) -> bool:
    """Whether a value of this type is computed in double wherever it is computed."""
    return not axes & ELEMENTS
