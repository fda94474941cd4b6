"""One stage of a program as a function of C++, over one parameter."""

from __future__ import annotations

import math
from typing import Dict, List, Sequence, Tuple

from lathe._layout import FIRST_STATE, G, W, Layout
from lathe._stages import COLUMN, MATRIX, ROW, Node, Ref
from lathe.axes import Axes, is_number

_GRAIN: Dict[Axes, str] = {MATRIX: "matrix", ROW: "row", COLUMN: "column"}
_SUMS = ("sum", "sum_square", "mean")


def number_text(layout: Layout, ref: Ref) -> str:
    """A number as a double, where `t`, `p`, `of_group` and `of_parameter` are known."""
    if ref.kind == "constant":
        return literal(ref.constant)
    if ref.kind == "input" and layout.stages.axes(ref):
        name = list(layout.stages.program.signature.inputs)[ref.index]
        return f"double(t.{name}[p])"
    if ref.kind == "state" and layout.stages.axes(ref):
        return f"*pointer<double>(t, {layout.slot(ref)}, p)"
    if ref.kind == "node" and layout.stages.axes(ref):
        return f"of_parameter[{layout.parameter_number(ref.index)}]"
    return f"of_group[{layout.group_number(ref)}]"


def literal(value: float) -> str:
    """Exact, as C++ reads it."""
    if math.isfinite(value):
        return f"({value.hex()})"
    return "NAN" if math.isnan(value) else "HUGE_VAL" if value > 0 else "(-HUGE_VAL)"


def start_of(op: str) -> str:
    return "0.0" if op in _SUMS else "-HUGE_VAL" if op == "max" else "HUGE_VAL"


def joined(op: str, total: str, value: str) -> str:
    """The statement that takes a value, a double, into a total."""
    if op == "sum_square":
        return f"{total} += {value} * {value};"
    return f"{total} += {value};" if op in _SUMS else f"{total} = the_{op}({total}, {value});"


class StageText:
    """Gathers statements by where they belong: what is done once, for each column before and after
    the rows, for each row before and after its elements, and for each element."""

    def __init__(self, layout: Layout, level: int, keeps_update: bool) -> None:
        self.layout = layout
        self.stages = layout.stages
        self.level = level
        self.parts: Dict[str, List[str]] = {name: [] for name in (
            "once", "column", "row", "matrix", "matrix_end", "row_end", "column_end", "end")}
        self._known: Dict[Tuple[str, str], str] = {}
        self._pointers: Dict[int, str] = {}
        self._lanes: List[Tuple[str, str, bool]] = []  # total, kind of reduction, of a row
        for i, node in enumerate(self.stages.nodes):
            if node.level == level and node.kind != "torch":
                self._compute(i, node)
        self._move(keeps_update)

    # Values.

    def _let(self, part: str, kind: str, key: str, text: str) -> str:
        """A name for a value that is computed once in its part."""
        known = (part, f"{kind} {key}")
        if known not in self._known:
            name = f"{kind}{len(self._known)}"
            self.parts[part].append(f"const {'double' if kind == 'd' else 'T'} {name} = {text};")
            self._known[known] = name
        return self._known[known]

    def _pointer(self, slot: int, kind: str = "T") -> str:
        self._pointers[slot] = kind
        return f"p{slot}"

    def _number(self, ref: Ref, wide: bool = False, text: str = "{}") -> str:
        value = text.format(number_text(self.layout, ref))
        return self._let("once", "d" if wide else "k", value, value if wide else f"T({value})")

    def _value(self, ref: Ref, part: str) -> str:
        """A value in the type T, in the part of a grain or in column_end."""
        axes = self.stages.axes(ref)
        if is_number(axes):
            return self._number(ref)
        grain = _GRAIN[axes]
        computed = f"v{ref.index}"
        here = ref.kind == "node" and self.stages.nodes[ref.index].level == self.level
        if here and (grain != "column" or part == "column"):
            return computed
        slot = self.layout.slot(ref)
        pointer = self._pointer(slot)
        if grain == "row":
            return self._let("row", "r", str(slot), f"{pointer}[r]")
        if grain == "column":
            return self._let(part, "c", str(slot), f"{pointer}[c]")
        sign = " * sign" if slot == G else ""
        return self._let("matrix", "m", str(slot), f"m{pointer}[c]{sign}")

    # Nodes.

    def _compute(self, i: int, node: Node) -> None:
        if node.kind == "reduce":
            if not is_number(self.stages.axes(node.operands[0])):
                self._reduce(i, node)
            return
        if is_number(node.axes):
            return
        part = _GRAIN[node.axes]
        self.parts[part].append(f"const T v{i} = {self._elementwise(node, part)};")
        if i in self.layout.slots and self.layout.slots[i] >= self.layout.first_buffer:
            self._store(part, self.layout.slots[i], f"v{i}", "matrix_end" if part == "matrix" else part)

    def _elementwise(self, node: Node, part: str) -> str:
        if node.op == "lerp":
            a, b = (self._value(ref, part) for ref in node.operands[:2])
            mix = node.operands[2]
            if is_number(self.stages.axes(mix)):
                rest = self._number(mix, text="1.0 - {}")
                return f"{rest} * {a} + {self._number(mix)} * {b}"
            return f"lerp_by_tensor<T>({a}, {b}, {self._value(mix, part)})"
        values = [self._value(ref, part) for ref in node.operands]
        if node.op == "clip_to_norm":
            values[2] = self._number(node.operands[2], wide=True)
        return f"f_{node.op}<T>({', '.join(values)})"

    def _store(self, grain: str, slot: int, value: str, part: str) -> None:
        pointer = self._pointer(slot)
        place = {"matrix": f"m{pointer}[c]", "row": f"{pointer}[r]", "column": f"{pointer}[c]"}
        self.parts[part].append(f"{place[grain]} = {value};")

    # Reductions.

    def _reduce(self, i: int, node: Node) -> None:
        operand = node.operands[0]
        axes = self.stages.axes(operand)
        grain = _GRAIN[axes]
        value = f"double({self._value(operand, grain)})"
        if node.axes == COLUMN:
            sums = self._pointer(self.layout.sums[i], "double")
            self.parts["column"].append(f"{sums}[c] = {start_of(node.op)};")
            self.parts["matrix_end"].append(joined(node.op, f"{sums}[c]", value))
            result = self._shared(f"{sums}[c]", node, axes)
            self._store("column", self.layout.slots[i], f"T({result})", "column_end")
            return
        total = f"a{i}"
        if grain == "matrix":
            self._lanes.append((total, node.op, node.axes == ROW))
            self.parts["matrix_end"].append(joined(node.op, f"{total}[l]", value))
        else:
            self.parts["once"].append(f"double {total} = {start_of(node.op)};")
            self.parts[grain].append(joined(node.op, total, value))
        result = self._shared(f"whole_{node.op}({total})" if grain == "matrix" else total, node, axes)
        if node.axes == ROW:
            self._store("row", self.layout.slots[i], f"T({result})", "row_end")
        else:
            place = self.layout.parameter_number(i)
            self.parts["end"].append(f"of_parameter[{place}] = {result};")

    @staticmethod
    def _shared(total: str, node: Node, axes: Axes) -> str:
        """A mean is divided by what it went over; that of a model, where all is known."""
        if node.op != "mean" or node.model:
            return total
        return f"{total} / {extent_text(axes - node.axes)}"

    # States and parameters.

    def _move(self, keeps_update: bool) -> None:
        """All is read before any of it is stored: a state may follow another one."""
        moving = [s for s, level in sorted(self.stages.moves.items()) if level == self.level]
        grains = [_GRAIN[self.stages.program.states[s].axes] for s in moving]
        values = [self._value(self.stages.nexts[s], self._read_part(grain))
                  for s, grain in zip(moving, grains)]
        for s, grain, value in zip(moving, grains, values):
            self._store(grain, FIRST_STATE + s, value, f"{grain}_end")
        if self.stages.update_level == self.level:
            update = self._value(self.stages.update, "matrix")
            w = self._value(Ref("input", W), "matrix")
            self._store("matrix", W, update if keeps_update else f"{w} - {update}", "matrix_end")

    @staticmethod
    def _read_part(grain: str) -> str:
        return "column_end" if grain == "column" else grain

    # The whole.

    def text(self) -> str:
        """The function `stage_LEVEL`; empty if there is nothing to do."""
        if not any(self.parts.values()):
            return ""
        parts = self.parts
        flat = not any(parts[name] for name in ("column", "row", "row_end", "column_end")) and not (
            any(of_row for _, _, of_row in self._lanes)) and not self._reads_columns()
        lines = [f"template <class T> void stage_{self.level}(const Table& t, const i64 p) {{",
                 "const double* const of_group = group_numbers(t, p);",
                 "double* const of_parameter = parameter_numbers(t, p);",
                 "const double R = double(t.rows[p]), C = double(t.cols[p]);",
                 "const T sign = T(t.sign[p]);"]
        lines.append("const i64 rows = 1, cols = t.rows[p] * t.cols[p];" if flat else
                     "const i64 rows = t.rows[p], cols = t.cols[p];")
        lines += [f"{kind}* const __restrict__ p{slot} = pointer<{kind}>(t, {slot}, p);"
                  for slot, kind in sorted(self._pointers.items())]
        lines += parts["once"]
        lines += self._loop("c", "cols", parts["column"])
        lines += self._declared(of_row=False)
        rows = [*parts["row"], *self._declared(of_row=True), *self._elements(), *parts["row_end"]]
        lines += self._loop("r", "rows", rows)
        lines += self._loop("c", "cols", parts["column_end"])
        return "\n".join([*lines, *parts["end"], "}\n"])

    def _reads_columns(self) -> bool:
        return any(known.startswith("c ") for _, known in self._known)

    def _declared(self, of_row: bool) -> List[str]:
        return [f"double {total}[LANES]; fill({total}, {start_of(op)});"
                for total, op, row in self._lanes if row == of_row]

    @staticmethod
    def _loop(index: str, end: str, body: Sequence[str]) -> List[str]:
        if not body:
            return []
        plain = ["LATHE_INDEPENDENT"] if index == "c" else []
        return [*plain, f"for (i64 {index} = 0; {index} < {end}; ++{index}) {{", *body, "}"]

    def _elements(self) -> List[str]:
        """The loop over a row. Sums have lanes, which the compiler may add to at once."""
        body = [*self.parts["matrix"], *self.parts["matrix_end"]]
        if not body:
            return []
        lines = [f"T* const __restrict__ mp{slot} = p{slot} + r * cols;"
                 for slot in sorted(self._pointers) if any(f"mp{slot}[c]" in line for line in body)]
        if not self._lanes:
            return [*lines, *self._loop("c", "cols", body)]
        return [*lines, "const auto element = [&](const i64 c, const i64 l) LATHE_INLINE {", *body,
                "};", "i64 begin = 0;",
                "for (; begin + LANES <= cols; begin += LANES) {", "LATHE_INDEPENDENT",
                "for (i64 l = 0; l < LANES; ++l) element(begin + l, l);", "}",
                "for (; begin < cols; ++begin) element(begin, begin % LANES);"]


def extent_text(axes: Axes) -> str:
    """How many elements a reduction over these axes takes together, as a double."""
    return "(" + " * ".join(sorted(axes & {"R", "C"}) or ["1.0"]) + ")"
