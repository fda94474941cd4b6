"""Optimizers as compiled C++, against the path that takes every program."""

import copy
import math
import pickle

import pytest
import torch
from test_optimizer import MODEL_WIDE, give_gradients, load, make, run

import lathe

SHAPES = [(7, 5), (6,), (), (4, 3, 2), (1, 9), (60, 130)]
OPTIMIZERS = [name for name in lathe.known_programs()
              if lathe.load_program(name).signature.name == "optimizer"]
# What adds, multiplies, divides and compares only, beside functions of numbers.
EXACT = {"lion", "momentum", "nesterov", "sgd", "signsgd"}
# And takes roots, which not every torch rounds exactly: Intel's library does not.
_SQUARES = torch.rand(1000, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
if _SQUARES.sqrt().tolist() == [math.sqrt(x) for x in _SQUARES.tolist()]:
    EXACT |= {"adagrad", "adam", "adamw", "adamw_warm_start", "amsgrad", "nadam", "rmsprop"}
# Rows and columns; means in and of them; a softmax; all with states of their own.
SIDES = """lathe 1 optimizer sides
input w[P,R,C] g[P,R,C] lr[] rows[P]
state r[P,R] = 0
state c[P,C] = 1
state old[P,R,C] = w
state most[P] = 0
state count[] = 0
a = stddev(g over C)
b = reduce_max(g over R)
r2 = lerp(a, r, 0.9)
c2 = lerp(b, c, 0.5)
s = softmax(g over C)
l = logsumexp(w over R)
x = mul(r2, c2)
y = add(x, s)
z = sub(y, l)
v = div(z, rows)
m = reduce_max(v over R,C)
u = add(v, old)
k = cosine_sim(u, g)
j = add(k, count)
i = add(u, j)
update = mul(i, lr)
next r = r2
next c = c2
next old = w
next most = max(m, most)
next count = add(count, 1)
"""


def pairs(params, optimizer, others, other):
    yield from zip(params, others)
    for p, q in zip(params, others):
        assert set(optimizer.state[p]) == set(other.state[q])
        for name, value in other.state[q].items():
            yield optimizer.state[p][name], value


def assert_same(params, optimizer, others, other, dtype, exact=False):
    for a, b in pairs(params, optimizer, others, other):
        assert a.dtype == b.dtype and a.shape == b.shape
        if exact:
            assert torch.equal(a, b)
        else:
            scale = b.abs().max() if b.numel() else 0
            accuracy = 1e-5 if dtype == torch.float32 and b.dtype == dtype else 1e-6 if (
                dtype == torch.float32) else 1e-12
            assert bool(((a - b).abs() <= accuracy * scale + 1e-300).all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("source", [*OPTIMIZERS, MODEL_WIDE, SIDES],
                         ids=[*OPTIMIZERS, "model_wide", "sides"])
def test_compiled_is_the_ordinary_path(source, dtype):
    params, others = make(6, SHAPES, dtype), make(6, SHAPES, dtype)
    optimizer, other = load(source, params, compiled=True), load(source, others, foreach=False)
    for step in range(6):
        give_gradients(params, step)
        give_gradients(others, step)
        if step == 3:
            params[1].grad = others[1].grad = params[3].grad = others[3].grad = None
        optimizer.step()
        other.step()
        assert optimizer._kernels._tables is not None, "it has not fallen back"
        assert_same(params, optimizer, others, other, dtype, source in EXACT)
        for p, q in zip(params, others):
            q.data.copy_(p.data)


def both(source, seed=7, shapes=SHAPES, dtype=torch.float32, groups=None, **options):
    """(parameters, optimizer), compiled and not."""
    made = []
    for compiled in (True, False):
        params = make(seed, shapes, dtype)
        made.append((params, load(source, groups(params) if groups else params, compiled=compiled,
                                  **({} if compiled else {"foreach": False}), **options)))
    return made


@pytest.mark.parametrize("source", ["adamw", MODEL_WIDE])
def test_groups_schedules_and_maximize(source):
    (params, optimizer), (others, other) = both(
        source, dtype=torch.float64, lr=0.1,
        groups=lambda p: [{"params": p[:2], "maximize": True}, {"params": []},
                          {"params": p[2:], "lr": 0.5}])
    schedules = [torch.optim.lr_scheduler.ExponentialLR(o, 0.7) for o in (optimizer, other)]
    for step in range(5):
        give_gradients(params, step)
        give_gradients(others, step)
        for p in [*params[:2], *others[:2]] if step == 2 else []:
            p.grad = None  # of a whole group
        for o, schedule in zip((optimizer, other), schedules):
            o.param_groups[2]["maximize"] = step == 3
            o.step()
            schedule.step()
    assert [g["t"] for g in optimizer.param_groups] == [4, 0, 5]
    assert_same(params, optimizer, others, other, torch.float64)
    numbers, expected = (o.param_groups[0]["numbers"] for o in (optimizer, other))
    assert numbers.keys() == expected.keys()
    for name, number in expected.items():
        assert float(numbers[name]) == pytest.approx(float(number)), name


def test_hypers_are_read_in_each_step(monkeypatch):
    params = make(1, [(4,)])
    optimizer = load("momentum", params, compiled=True)
    monkeypatch.setattr("lathe._library.load", None)  # nothing is built again
    for value in (0.5, 0.0):
        before = optimizer.state[params[0]]["m"].clone() if optimizer.state[params[0]] else 0
        optimizer.param_groups[0]["momentum"] = value
        give_gradients(params, 2)
        optimizer.step()
        torch.testing.assert_close(optimizer.state[params[0]]["m"], value * before + params[0].grad)


@pytest.mark.parametrize("source", ["adamw", "muon", MODEL_WIDE])
@pytest.mark.parametrize("first", [True, False])
def test_states_pass_from_one_path_to_the_other(source, first):
    params = make(8)
    optimizer = load(source, params, compiled=first)
    run(optimizer, params, 3)
    others = [torch.nn.Parameter(p.detach().clone()) for p in params]
    other = load(source, others, compiled=not first)
    run(other, others, 1, first=7)  # tables are laid out for states that go
    for p, q in zip(params, others):
        q.data.copy_(p.data)
    other.load_state_dict(optimizer.state_dict())
    run(optimizer, params, 3, first=3)
    run(other, others, 3, first=3)
    assert_same(params, optimizer, others, other, torch.float64)


def test_copies_and_pickles_go_on_as_the_original():
    params = make(9)
    optimizer = load("nadam", params, compiled=True)
    run(optimizer, params, 2)
    copies = [again((params, optimizer)) for again in
              (copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x)))]
    run(optimizer, params, 2, first=2)
    for copied, other in copies:
        run(other, copied, 2, first=2)
        assert other._kernels is not None and other._kernels._tables is not None
        assert all(torch.equal(p, q) for p, q in zip(params, copied))


@pytest.mark.parametrize("source", ["adamw", "adafactor", "muon"])
def test_what_does_not_lie_row_by_row(source):
    results = []
    for compiled in (True, False):
        p = torch.nn.Parameter(make(3, [(5, 4)])[0].detach().t())
        q = torch.nn.Parameter(make(4, [(4, 5)])[0].detach())
        assert not p.is_contiguous()
        optimizer = load(source, [p, q], compiled=compiled, foreach=False)
        for step in range(3):
            for x in (p, q):
                x.grad = make(step, [(5, 4)])[0].detach().t()
            optimizer.step()
        results += [[p.detach(), q.detach()]]
    for a, b in zip(*results):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("source", ["adamw", MODEL_WIDE])
def test_types_may_be_mixed(source):
    results = []
    dtypes = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
    for compiled in (True, False):
        params = [torch.nn.Parameter(p.detach().to(dtype))
                  for p, dtype in zip(make(5, [(30, 20)] * 4), dtypes)]
        optimizer = load(source, params, compiled=compiled, foreach=False)
        run(optimizer, params, 3)
        results.append((params, optimizer))
    for p, q in zip(results[0][0], results[1][0]):
        accuracy = {torch.float64: 1e-6, torch.float32: 1e-5}.get(p.dtype, 1e-2)
        torch.testing.assert_close(p.double(), q.double(), rtol=accuracy, atol=accuracy)
        for name, value in results[1][1].state[q].items():
            torch.testing.assert_close(results[0][1].state[p][name], value, rtol=1e-5, atol=1e-5)
    if source in EXACT:
        assert all(torch.equal(p, q) for p, q in zip(results[0][0], results[1][0]))


def test_moved_and_reshaped_data_are_noticed():
    (params, optimizer), (others, other) = both("momentum", shapes=[(6, 6), (30,), (20,)])
    for mine, o in ((params, optimizer), (others, other)):
        run(o, mine, 2)
        mine[0].data = mine[0].data.t()  # the same pointer and shape
        mine[1].data = mine[1].data.clone()
        o.state[mine[2]]["m"] = torch.full_like(mine[2], 2.0)
        run(o, mine, 2, first=2)
    assert_same(params, optimizer, others, other, torch.float32)
    for shorter in (params[1].data[:7], params[1].data[:7].clone()):
        params[1].grad = None
        params[1].data = shorter
        give_gradients(params, 5)
        with pytest.raises(ValueError, match=r"'m' of a parameter of shape \(7,\) has .* \(30,\)"):
            optimizer.step()


def test_states_of_another_type_take_the_ordinary_path():
    params, others = make(7), make(7)
    optimizer = load("adamw", params, compiled=True, foreach=False)
    other = load("adamw", others, foreach=False)
    for mine, o in ((params, optimizer), (others, other)):
        run(o, mine, 2)
        o.state[mine[0]]["m"] = o.state[mine[0]]["m"].float()
        run(o, mine, 2, first=2)
    assert optimizer._kernels._tables is None
    assert_same(params, optimizer, others, other, torch.float32)


def test_parameters_of_other_devices_take_the_ordinary_path(monkeypatch):
    monkeypatch.setattr("lathe._library.load", None)  # nothing is built for them
    p = torch.nn.Parameter(torch.zeros(3, device="meta"))
    p.grad = torch.zeros(3, device="meta")
    optimizer = load("sgd", [p], compiled=True)
    optimizer.step()
    assert optimizer._kernels._tables is None and optimizer.param_groups[0]["t"] == 1


def test_a_step_without_any_gradient_changes_nothing():
    params = make()
    optimizer = load(MODEL_WIDE, params, compiled=True)
    optimizer.step()
    assert optimizer.param_groups[0]["t"] == 0


def negative(tensor):
    """The same numbers, as a view that negates what lies in memory."""
    view = torch._neg_view(-tensor)
    assert view.is_neg() and view.is_contiguous() and torch.equal(view, tensor)
    return view


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_views_that_negate_are_read_as_what_they_are(dtype):
    (params, optimizer), (others, other) = both("momentum", shapes=[(3, 2), (4,)], dtype=dtype)
    params[1].data = negative(params[1].data)
    for step in range(3):
        give_gradients(params, step)
        give_gradients(others, step)
        params[0].grad = negative(params[0].grad)
        if step == 1:
            state = optimizer.state[params[0]]
            state["m"] = negative(state["m"])
        optimizer.step()
        other.step()
        assert optimizer._kernels._tables is not None, "it has not fallen back"
    assert params[1].is_neg()
    assert_same(params, optimizer, others, other, torch.float32, exact=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_autograd_knows_of_a_step(dtype):
    params = make(3, [(2, 3), (), (2, 3), (0,)], dtype)
    params[2].data = params[2].data.t()
    optimizer = load("momentum", params, compiled=True)
    loss = sum((p * p).sum() for p in params)
    loss.backward(retain_graph=True)
    for _ in range(2):
        before = [p._version for p in params]
        optimizer.step()
        assert all(p._version > version for p, version in zip(params, before))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_empty_parameters_and_parameters_that_are_added():
    (params, optimizer), (others, other) = both("adamw", shapes=[(0, 3), (4,)])
    for mine, o in ((params, optimizer), (others, other)):
        run(o, mine, 2)
        more = make(11, [(3, 3)], torch.float64)
        o.add_param_group({"params": more})
        mine += more
        run(o, mine, 2, first=2)
    assert_same(params, optimizer, others, other, torch.float32, exact="adamw" in EXACT)


def test_one_kind_of_compiling_at_a_time():
    with pytest.raises(ValueError, match="give one of them"):
        load("adamw", make(), compile=True, compiled=True)


@pytest.mark.parametrize("line", ["update = m", "update = mul(m, lr)", "update = w", "update = 0.5"])
def test_what_is_passed_on_as_it_is(line):
    text = (f"lathe 1 optimizer p\ninput w[P,R,C] g[P,R,C] lr[] rows[P]\nstate m[P,R,C] = 1\n"
            "state old[P,R,C] = w\nstate swap[P,R,C] = 2\nstate a[P,R] = 1\nstate b[P,R] = 2\n"
            "state c[P,C] = 1\nstate d[P,C] = 2\nstate e[P,C] = 3\n"
            "state i[] = 1\nstate j[] = 2\nstate k[P] = 3\nstate l[P] = 4\n"
            f"{line}\nnext m = add(g, old)\nnext old = w\nnext swap = m\nnext a = b\nnext b = a\n"
            "next c = d\nnext d = c\nnext e = d\nnext i = j\nnext j = i\nnext k = rows\nnext l = k\n")
    (params, optimizer), (others, other) = both(text, shapes=[(6,), (3, 2)])
    run(optimizer, params, 3)
    run(other, others, 3)
    assert_same(params, optimizer, others, other, torch.float32, exact=True)
    assert optimizer.param_groups[0]["numbers"] == other.param_groups[0]["numbers"]


@pytest.mark.parametrize("op", ["sign", "max", "min", "clip", "less", "where", "sqrt_abs"])
def test_special_numbers_are_the_same(op):
    special = torch.tensor([0.0, -0.0, 1.0, -1.0, float("inf"), -float("inf"), float("nan"), 1e-42])
    grid = torch.cartesian_prod(special, special)
    operands = {"sign": "g", "sqrt_abs": "g", "where": "g, w, g"}.get(op, "g, w")
    text = (f"lathe 1 optimizer p\ninput w[P,R,C] g[P,R,C]\nstate s[P,R,C] = 0\n"
            f"v = {op}({operands})\nupdate = mul(v, 0)\nnext s = v\n")
    kept = []
    for compiled in (True, False):
        p = torch.nn.Parameter(grid[:, 0].clone())
        p.grad = grid[:, 1].clone()
        optimizer = load(text, [p], compiled=compiled, foreach=False)
        optimizer.step()
        kept.append(optimizer.state[p]["s"])
    assert torch.equal(kept[0].isnan(), kept[1].isnan())
    finite = ~kept[0].isnan()
    assert torch.equal(kept[0][finite], kept[1][finite])
    if op not in ("max", "min", "clip"):  # of two zeros, torch's maximum is either
        zero = kept[0] == 0
        assert torch.equal(kept[0][zero].signbit(), kept[1][zero].signbit())
