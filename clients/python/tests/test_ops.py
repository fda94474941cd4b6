"""Every op of one instruction, loaded and exported, on plain and special numbers, against the
reference in double."""

import itertools
import json
import math
import subprocess

import pytest
import torch
from exported import Recorded, class_of, export

import lathe
from lathe._interpreter import GroupNumbers, Interpreter, Slot
from lathe._table import TABLE

SPECIAL = [0.0, 1.0, -1.0, 0.5, -0.3, 2.0, -7.25, 1e-300, -1e-9, 1e200, -1e200, math.inf, -math.inf,
           math.nan, 0.999, 30.0, -40.0, 700.0]


def reference(bin_folder, program, w, g, shape):
    def spelt(rows):
        names = {math.inf: "Infinity", -math.inf: "-Infinity"}
        return [[names.get(x, "NaN" if math.isnan(x) else x) for x in row] for row in rows]
    text, tmp_path = program.read_text(), program.parent
    arguments = []
    for name, values in (("w", w), ("g", g)):
        if f" {name}[" in text:
            (tmp_path / f"{name}.json").write_text(json.dumps([spelt(values.tolist())]))
            arguments += ["--input", f"{name}={tmp_path / (name + '.json')}"]
    done = subprocess.run([str(bin_folder / "lathe"), "prog", "run", str(program),
                           "--shape", f"{shape[0]}x{shape[1]}", "--input", "lr=0.3", *arguments,
                           "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)["results"][0]["arrays"][0]["values"]
    return torch.tensor([float(x) for x in values], dtype=torch.float64).reshape(shape)


def run(text, w, g):
    interpreter = Interpreter(lathe.parse(text))
    group = GroupNumbers({"lr": 0.3, "t": 1.0, "total_steps": 1.0}, [], {})
    return interpreter.step([Slot(w, g, 0, {})], [group])[0]


def run_exported(bin_folder, program, w, g):
    p = Recorded(w.clone())
    p.grad = g.clone()
    class_of(export(bin_folder, program))([p], lr=0.3).step()
    return torch.as_tensor(p.update, dtype=torch.float64).expand(w.shape)


def call_of(row, operands):
    if row.rule in ("reduce_over", "normalize_over"):
        return f"{row.name}({operands[0]} over C)"
    if row.rule == "contract":
        return f"{row.name}(w[R,C], g[R',C] -> [R,C])"
    return f"{row.name}({', '.join(operands)})"


@pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.name)
def test_op_equals_the_reference(bin_folder, tmp_path, row):
    # Variances of large numbers are all rounding.
    numbers = [min(max(x, -50.0), 50.0) if row.name in ("var", "stddev") else x for x in SPECIAL]
    pairs = torch.tensor(list(itertools.product(numbers, numbers)), dtype=torch.float64)
    w, g = (pairs[:, i].reshape(len(SPECIAL), len(SPECIAL)).contiguous() for i in (0, 1))
    orders = (["w", "g", "lr"], ["g", "lr", "w"], ["w", "w", "g"])
    for place, operands in enumerate(orders[:row.arity]):
        program = tmp_path / f"{row.name}{place}.lathe"
        program.write_text(f"lathe 1 optimizer p\ninput w[P,R,C] g[P,R,C] lr[]\n"
                           f"update = {call_of(row, operands[:row.arity])}\n")
        expected = reference(bin_folder, program, w, g, w.shape)
        smallest = {"var": 1e-28, "stddev": 1e-14}.get(row.name, 1e-300)
        for found in (run(program.read_text(), w, g), run_exported(bin_folder, program, w, g)):
            differ = ~((found == expected) | (found.isnan() & expected.isnan()))
            torch.testing.assert_close(
                found, expected, rtol=1e-12, atol=smallest, equal_nan=True,
                msg=lambda m: f"{program.read_text()}{m}\n{w[differ][:6]} {g[differ][:6]} "
                f"{found[differ][:6]} {expected[differ][:6]}")
