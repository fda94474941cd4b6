"""A program as C++: one function that takes a step of all parameters.

Names in the text are numbers: none of a program's own words gets into it. Hypers, rates and other
inputs are read from tables, so that no value of theirs is compiled in.
"""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

from lathe._cpp import KERNELS
from lathe._cpp_stage import StageText, extent_text, joined, number_text, start_of
from lathe._layout import Layout
from lathe._stages import OF_PARAMETER, Node, Ref
from lathe._table import TABLE
from lathe.axes import NONE, Axes, is_number

# What instructions are taken apart into, beside ops of the table.
EXTRA: Dict[str, Tuple[str, str]] = {
    "finite_or_zero": ("T a", "std::isinf(a) ? T(0) : a"),
    "clip_to_norm": ("T a, T b, double n", "a * T(clip_factor(n, std::fabs(double(b))))"),
}
TYPES = ("float", "double")

_HEAD = """#include <cmath>
#include <cstdint>
namespace {
using i64 = std::int64_t;
#if defined(__clang__)
#define LATHE_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define LATHE_INDEPENDENT _Pragma("GCC ivdep")
#else
#define LATHE_INDEPENDENT
#endif
#define LATHE_INLINE __attribute__((always_inline))
constexpr i64 LANES = 16;
struct Table {
  i64 count, groups, numbers_of_group, numbers_of_parameter;
  const i64 *rows, *cols, *group, *wide;
  const double* sign;
  void* const* pointers;
  double *of_groups, *of_parameters;
};
template <class U> U* pointer(const Table& t, i64 slot, i64 p) {
  return static_cast<U*>(t.pointers[slot * t.count + p]);
}
inline double* parameter_numbers(const Table& t, i64 p) {
  return t.of_parameters + p * t.numbers_of_parameter;
}
inline double* numbers_of(const Table& t, i64 g) { return t.of_groups + g * t.numbers_of_group; }
inline double* group_numbers(const Table& t, i64 p) { return numbers_of(t, t.group[p]); }
inline double the_max(double a, double x) { return x > a || x != x ? x : a; }
inline double the_min(double a, double x) { return x < a || x != x ? x : a; }
inline void fill(double* lanes, double value) {
  for (i64 l = 0; l < LANES; ++l) lanes[l] = value;
}
inline double whole_sum(double* lanes) {
  for (i64 half = LANES / 2; half > 0; half /= 2)
    for (i64 l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  return lanes[0];
}
inline double whole_mean(double* lanes) { return whole_sum(lanes); }
inline double whole_sum_square(double* lanes) { return whole_sum(lanes); }
inline double whole_max(double* lanes) {
  double a = lanes[0];
  for (i64 l = 1; l < LANES; ++l) a = the_max(a, lanes[l]);
  return a;
}
inline double whole_min(double* lanes) {
  double a = lanes[0];
  for (i64 l = 1; l < LANES; ++l) a = the_min(a, lanes[l]);
  return a;
}
inline double clip_factor(double n, double bound) {
  return n > bound ? bound / n : n <= bound ? 1.0 : n + bound;
}
template <class T> T lerp_by_tensor(T a, T b, T c) {
  return T((1.0 - double(c)) * double(a) + double(c) * double(b));
}
"""


def source_of(layouts: Sequence[Layout], types: Sequence[str], keeps_update: bool = False) -> str:
    """The functions lathe_step_0, ... of these programs, for parameters of these `TYPES`. With
    `keeps_update` a parameter is not moved but written over with its update."""
    ops = sorted({node.op for layout in layouts for node in layout.stages.nodes
                  if node.kind == "elementwise"})
    functions = [_function(op) for op in ops]
    programs = [_program(index, layout, types, keeps_update)
                for index, layout in enumerate(layouts)]
    return "".join([_HEAD, *functions, "}  // namespace\n", *programs])


def _function(op: str) -> str:
    operands, kernel = EXTRA[op] if op in EXTRA else (
        ", ".join(f"T {name}" for name in "abc"[:TABLE[op].arity]), KERNELS[op])
    return f"template <class T> inline T f_{op}({operands}) {{ return {kernel}; }}\n"


def _program(index: int, layout: Layout, types: Sequence[str], keeps_update: bool) -> str:
    stages = layout.stages
    texts = [StageText(layout, level, keeps_update).text() for level in range(stages.count)]
    heads = [_numbers(layout, level) for level in range(stages.end + 1)]
    cases = []
    for level in range(stages.end + 1):
        calls = f"head_{level}(t);" if heads[level] else ""
        if level < len(texts) and texts[level]:
            calls += f" for (i64 p = 0; p < t.count; ++p) {_call(level, types)}"
        cases.append(f"case {level}: {calls} break;\n")
    return (f"namespace program_{index} {{\nnamespace {{\n{''.join(heads)}{''.join(texts)}"
            "void step(i64 stage, const Table& t) {\nswitch (stage) {\n"
            f"{''.join(cases)}}}\n}}\n}}\n}}\n"
            f'extern "C" void lathe_step_{index}(i64 first, i64 end, const void* table) {{\n'
            f"for (; first < end; ++first) program_{index}::step(first, "
            "*static_cast<const Table*>(table));\n}\n")


def _call(level: int, types: Sequence[str]) -> str:
    if len(types) == 1:
        return f"stage_{level}<{types[0]}>(t, p);"
    return f"t.wide[p] ? stage_{level}<double>(t, p) : stage_{level}<float>(t, p);"


def _numbers(layout: Layout, level: int) -> str:
    """The function `head_LEVEL`, which computes the numbers of a stage."""
    stages = layout.stages
    body: List[str] = []
    for i, node in enumerate(stages.nodes):
        if node.model and node.kind == "reduce" and node.level == level - 1:
            body += _of_model(layout, i, node)
    body += _loop(NONE, _computed(layout, level, NONE))
    body += _loop(OF_PARAMETER, _computed(layout, level, OF_PARAMETER))
    if level == stages.end:
        body += _loop(NONE, _moved(layout, NONE))
        body += _loop(OF_PARAMETER, _moved(layout, OF_PARAMETER))
    return "\n".join([f"void head_{level}(const Table& t) {{", *body, "}\n"]) if body else ""


def _loop(axes: Axes, body: List[str]) -> List[str]:
    if not body:
        return []
    if axes:
        return ["for (i64 p = 0; p < t.count; ++p) {",
                "const double* const of_group = group_numbers(t, p);",
                "double* const of_parameter = parameter_numbers(t, p);", *body, "}"]
    return ["for (i64 g = 0; g < t.groups; ++g) {", "double* const of_group = numbers_of(t, g);",
            *body, "}"]


def _computed(layout: Layout, level: int, axes: Axes) -> List[str]:
    lines = []
    for i, node in enumerate(layout.stages.nodes):
        if node.kind == "elementwise" and node.level == level and node.axes == axes:
            values = ", ".join(number_text(layout, ref) for ref in node.operands)
            lines.append(f"{number_text(layout, Ref('node', i))} = f_{node.op}<double>({values});")
    return lines


def _moved(layout: Layout, axes: Axes) -> List[str]:
    """States may move on to one another: all are read before any is written."""
    stages = layout.stages
    places = [s for s, state in enumerate(stages.program.states) if state.axes == axes]
    reads = [f"const double s{s} = {number_text(layout, stages.nexts[s])};" for s in places]
    return reads + [f"{number_text(layout, Ref('state', s))} = s{s};" for s in places]


def _of_model(layout: Layout, i: int, node: Node) -> List[str]:
    """A sum over all parameters, each of which has told its own."""
    operand = node.operands[0]
    axes = layout.stages.axes(operand)
    told, op = f"of_parameter[{layout.parameter_number(i)}]", node.op
    if is_number(axes):
        told = number_text(layout, operand)
    elif op == "sum_square":
        op = "sum"
    terms = [f"const double R = double(t.rows[p]), C = double(t.cols[p]); n += "
             f"{extent_text(axes)};", f"const double x = {told};", joined(op, "a", "x")]
    result = "a / n" if node.op == "mean" else "a"
    target = number_text(layout, Ref("node", i))
    return ["{", f"double a = {start_of(node.op)}, n = 0;", *_loop(OF_PARAMETER, terms),
            *_loop(NONE, [f"{target} = {result};"]), "}"]
