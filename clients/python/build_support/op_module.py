"""Makes the modules lathe._table, lathe._ops and lathe._cpp of dsl/ops.def: each op's text in PyTorch
becomes a function, so that nothing is compiled when programs are read, and the kernels of elementwise
ops are kept as they are, for programs that are compiled as C++."""

import ast
import re
from typing import List, NamedTuple

TABLE_HEADER = '''"""The rows of dsl/ops.def, made when the package was built."""

from __future__ import annotations

from typing import Dict, NamedTuple


class Op(NamedTuple):
    """`rule` is the type rule of the table."""

    name: str
    arity: int
    rule: str


TABLE: Dict[str, Op] = {
'''

CALLS_HEADER = '''"""The ops over tensors that broadcast, made of dsl/ops.def when the package was built."""

from __future__ import annotations

from typing import Any, Callable, Dict, Sequence, Tuple

import torch
from torch import Tensor

from lathe import _model as lathe

'''

KERNELS_HEADER = '''"""The kernels of elementwise ops in C++, over a, b, c of the type T: those of dsl/ops.def, taken when
the package was built."""

from __future__ import annotations

from typing import Dict

KERNELS: Dict[str, str] = {
'''

RULES = {"elementwise", "reduce_over", "reduce_elements", "reduce_model", "normalize_over",
         "normalize_model", "contract", "swap"}
OVER_MODEL = {"reduce_model", "normalize_model"}


class Row(NamedTuple):
    name: str
    arity: int
    rule: str
    torch: str
    cpp: str


class OpTableError(Exception):
    """A row of the table cannot be used."""


def _arguments(text: str, line: int) -> List[str]:
    """Splits at commas outside of strings and brackets."""
    parts, depth, quoted, start = [], 0, False, 0
    for at, char in enumerate(text):
        if char == '"' and text[at - 1:at] != "\\":
            quoted = not quoted
        elif not quoted:
            depth += (char in "([{") - (char in ")]}")
            if char == "," and depth == 0:
                parts.append(text[start:at].strip())
                start = at + 1
    if quoted or depth:
        raise OpTableError(f"dsl/ops.def:{line}: a string or a bracket is not closed")
    return parts + [text[start:].strip()]


def _kernel(text: str, arity: int, row: str) -> str:
    """An expression of C++ that reads its operands and calls functions of std, and no more."""
    names = set(re.findall(r"(?<![\w.])[A-Za-z_](?:\w|::)*", text))
    allowed = {"T", *["a", "b", "c"][:arity]}
    strange = sorted(n for n in names if n not in allowed and not re.fullmatch(r"std::\w+", n))
    if not names or strange or not re.fullmatch(r"[\w\s:.()<>=?!&|*/+,-]+", text):
        told = f"it reads {', '.join(strange)}" if strange else f"{text!r} is no expression"
        raise OpTableError(f"{row} has no kernel in C++: {told}")
    return text


def parse_rows(text: str) -> List[Row]:
    """The rows of the table. OpTableError names the line of one that is wrong."""
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        found = re.fullmatch(r"LATHE_(ELEMENTWISE|OP)\((.*)\)\s*", line)
        if not found:
            if line.startswith("LATHE_"):
                raise OpTableError(f"dsl/ops.def:{number}: a row is one line")
            continue
        fields = _arguments(found.group(2), number)
        if found.group(1) == "ELEMENTWISE":
            fields.insert(2, "elementwise")
        if len(fields) != 10:
            raise OpTableError(f"dsl/ops.def:{number}: {len(fields)} fields, a row has 10")
        name, arity, rule, torch = fields[0], fields[1], fields[2], fields[8]
        if not re.fullmatch('"[^"]+"', torch):
            raise OpTableError(f"dsl/ops.def:{number}: {name} has no text in PyTorch")
        if rule not in RULES:
            raise OpTableError(f"dsl/ops.def:{number}: {name} has the unknown type rule {rule}")
        cpp = _kernel(fields[7], int(arity), f"dsl/ops.def:{number}: {name}") if (
            rule == "elementwise") else ""
        rows.append(Row(name, int(arity), rule, torch[1:-1], cpp))
    if not rows:
        raise OpTableError("dsl/ops.def has no rows")
    return rows


def _function(row: Row) -> str:
    operands = ["a", "b", "c"][:row.arity]
    kind = "Sequence[Tensor]" if row.rule in OVER_MODEL else "Tensor"
    parameters = [f"{operand}: {kind}" for operand in operands]
    values = {operand: operand for operand in operands}
    if row.rule in ("reduce_over", "normalize_over", "swap"):
        parameters.append("axes: Tuple[int, ...]")
        values["axes"] = "*axes" if row.rule == "swap" else "axes"
    if row.rule == "contract":
        parameters.append("equation: str")
        values["equation"] = "equation"
    try:
        expression = row.torch.format(**values)
        ast.parse(expression, mode="eval")
    except (KeyError, IndexError, ValueError, SyntaxError) as error:
        raise OpTableError(f"{row.name}: {row.torch!r} is no text in PyTorch: {error}") from error
    return f"def _{row.name}({', '.join(parameters)}) -> Any:\n    return {expression}\n"


def table_text(rows: List[Row]) -> str:
    """The source of lathe._table."""
    entries = [f'    "{r.name}": Op("{r.name}", {r.arity}, "{r.rule}"),\n' for r in rows]
    return TABLE_HEADER + "".join(entries) + "}\n"


def calls_text(rows: List[Row]) -> str:
    """The source of lathe._ops."""
    functions = "".join("\n" + _function(row) + "\n" for row in rows)
    entries = "".join(f'    "{row.name}": _{row.name},\n' for row in rows)
    return f"{CALLS_HEADER}{functions}\nCALLS: Dict[str, Callable[..., Tensor]] = {{\n{entries}}}\n"


def kernels_text(rows: List[Row]) -> str:
    """The source of lathe._cpp."""
    entries = "".join(f'    "{r.name}": "{r.cpp}",\n' for r in rows if r.cpp)
    return KERNELS_HEADER + entries + "}\n"
