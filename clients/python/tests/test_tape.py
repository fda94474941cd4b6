"""Random programs that compute element by element, many parameters at a time against one after
another: what is computed in place, fused or kept must not show."""

import random

import pytest
import torch

import lathe
from lathe._table import TABLE
from lathe._tape import tape_of

SEED = 17
# Smooth enough that a last bit stays one. More often, what calls are fused of.
OPS = ["add", "sub", "mul", "square", "neg", "abs", "tanh", "max", "min", "clip", "sin", "sigmoid",
       "add", "add", "sub", "mul", "mul", "mul", "lerp", "lerp", "lerp", "square", "atan", "erf"]
TENSORS = ["w", "g"]
NUMBERS = ["lr", "h0", "0.5", "-2", "0.9"]


def random_program(draw):
    states = [f"s{i}" for i in range(draw.randrange(4))]
    lines = ["lathe 1 optimizer p", "input w[P,R,C] g[P,R,C] lr[]", "hyper h0 = 0.25"]
    lines += [f"state {s}[P,R,C] = {draw.choice(['0', '1', 'w'])}" for s in states]
    made, numbers = [], list(NUMBERS)
    for i in range(draw.randrange(3, 14)):
        op = draw.choice(OPS)
        pool = TENSORS + states + made[-4:] * 2
        operands = [draw.choice(pool if draw.random() < 0.7 else numbers)
                    for _ in range(TABLE[op].arity)]
        lines.append(f"v{i} = {op}({', '.join(operands)})")
        number = all(operand in numbers for operand in operands)
        (numbers if number else made).append(f"v{i}")

    def end():
        return draw.choice(made + ["0.5", "w", "g"] if draw.random() < 0.2 else made or ["g"])
    lines += [f"next {s} = {end()}" for s in states]
    if made:
        lines.append(f"u = tanh({made[-1]})")  # so that parameters stay where they are
        made.append("u")
    last = draw.choice(["mul(u, lr)", "u", "add(u, s0)" if states else "u"]) if made else "mul(g, lr)"
    return "\n".join([*lines, f"update = {last}", ""])


def results(text, foreach):
    torch.manual_seed(SEED)
    params = [torch.nn.Parameter(torch.randn(shape, dtype=torch.float64))
              for shape in [(70, 300), (5, 3), (), (11,)]]
    optimizer = lathe.load_optimizer(text, params, lr=0.05, foreach=foreach)
    for _ in range(3):
        for p in params:
            p.grad = torch.randn_like(p)
        optimizer.step()
    return params + [value for p in params for value in optimizer.state[p].values()]


@pytest.mark.parametrize("block", range(10))
def test_random_elementwise_programs(block, monkeypatch):
    monkeypatch.setattr("lathe._chunks.SLICE_ON_CPU", 8192)  # so that the large one is cut
    taped = 0
    for case in range(40):
        text = random_program(random.Random(f"{SEED} {block} {case}"))
        taped += tape_of(lathe.parse(text)) is not None
        for a, b in zip(results(text, None), results(text, False)):
            torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-9, equal_nan=True,
                                       msg=lambda m: f"{text}\n{m}")
    assert taped > 25


@pytest.mark.parametrize("end", ["add(b, c)", "add(c, b)", "sub(b, c)"])
@pytest.mark.parametrize("states", ["x", "y", "z"])
def test_quotients_are_fused_into_sums(end, states):
    """(x / k) / y + f z, with each of x, y and z in the register that the sum goes to."""
    values = {"x": "g", "y": "y0", "z": "w", states: "s"}
    text = ("lathe 1 optimizer p\ninput w[P,R,C] g[P,R,C] lr[] t[]\nstate s[P,R,C] = 1\n"
            f"g2 = square(g)\ny0 = add(g2, 1)\nk = add(t, 1)\na = div({values['x']}, k)\n"
            f"b = div(a, {values['y']})\nc = mul({values['z']}, 0.3)\nu = {end}\n"
            "update = mul(u, lr)\nnext s = u\n")
    for a, b in zip(results(text, None), results(text, False)):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)
