"""What a user expects of an optimizer of torch, of one that runs a program."""

import copy
import io
import pickle

import pytest
import torch

import lathe
from lathe._tape import tape_of

MODEL_WIDE = """lathe 1 optimizer model_wide
input  w[P,R,C] g[P,R,C] lr[] t[] total_steps[]
hyper  bound = 0.5 in (0, inf)
state  m[P,R,C] = 0
state  start[P,R,C] = w
state  kept[P,R] = 1
state  mean_norm[] = 1
state  size[P] = 2
clipped = clip_by_global_norm(g, bound)
all = global_norm(g)
of_row = mean(clipped over C)
next kept = lerp(of_row, kept, 0.9)
next mean_norm = lerp(all, mean_norm, 0.5)
n = norm(w)
next size = n
m2 = lerp(clipped, m, 0.9)
left = div(t, total_steps)
a = mul(m2, left)
b = add(a, kept)
c = div(b, size)
d = sub(w, start)
e = add(c, d)
f = div(e, mean_norm)
update = mul(f, lr)
next m = m2
next start = start
"""
SHAPES = [(3, 4), (5,), (), (2, 3, 2)]


def make(seed=0, shapes=SHAPES, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return [torch.nn.Parameter(torch.randn(s, generator=generator, dtype=dtype)) for s in shapes]


def give_gradients(params, seed):
    generator = torch.Generator().manual_seed(1000 + seed)
    for p in params:
        p.grad = torch.randn(p.shape, generator=generator, dtype=p.dtype)


def load(source, params, **options):
    options.setdefault("lr", 0.05)
    if source == MODEL_WIDE:
        options.setdefault("total_steps", 50)
    return lathe.load_optimizer(source, params, **options)


def run(optimizer, params, steps, first=0):
    for step in range(first, first + steps):
        give_gradients(params, step)
        optimizer.step()


@pytest.mark.parametrize("source", ["adamw", "nadam", "muon", MODEL_WIDE])
def test_state_dict_round_trip_goes_on_as_before(source):
    params = make()
    optimizer = load(source, params)
    run(optimizer, params, 5)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    others = [torch.nn.Parameter(p.detach().clone()) for p in params]
    other = load(source, others)
    other.load_state_dict(torch.load(file))
    run(optimizer, params, 5, first=5)
    run(other, others, 5, first=5)
    for p, q in zip(params, others):
        assert torch.equal(p, q)
        for name, value in optimizer.state[p].items():
            assert torch.equal(value, other.state[q][name]) and value.dtype == other.state[q][name].dtype


@pytest.mark.parametrize("saved, loaded, kept", [
    (torch.float32, torch.float64, torch.float64), (torch.float64, torch.float32, torch.float32),
    (torch.float64, torch.bfloat16, torch.float32)])
@pytest.mark.parametrize("source, foreach", [("adamw", None), ("adamw", False), (MODEL_WIDE, None)])
def test_states_take_the_type_of_the_parameters_they_are_loaded_for(source, foreach, saved, loaded,
                                                                   kept):
    params, others = make(dtype=saved), make(dtype=loaded)
    optimizer, other = load(source, params), load(source, others, foreach=foreach)
    run(optimizer, params, 2)
    other.load_state_dict(optimizer.state_dict())
    run(other, others, 1)
    for q in others:
        for name, value in other.state[q].items():
            assert value.dtype == (torch.float64 if name == "size" else kept), name
    # In the type they were saved for they were left as they are.
    assert {value.dtype for name, value in optimizer.state[params[0]].items()
            if name != "size"} == {saved}


@pytest.mark.parametrize("foreach", [None, False])
@pytest.mark.parametrize("shapes", [[(0, 3), (4,)], [(0,)], [(2, 0, 3), (0, 2)]])
def test_parameters_without_elements_are_left_alone(shapes, foreach):
    params, others = make(6, shapes), make(6, shapes)
    run(load("adamw", params, foreach=foreach), params, 2)
    alone = [q for q in others if q.numel()]
    if alone:
        optimizer = load("adamw", alone, foreach=foreach)
        for step in range(2):
            give_gradients(others, step)
            optimizer.step()
    assert all(torch.equal(p, q) for p, q in zip(params, others))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["adamw", "lion", "adam", "nesterov", "rmsprop", "lion_raw", "sgd"])
def test_many_at_a_time_equals_one_after_another(name, dtype):
    # Slices of a large one, packs of small ones, one that is not contiguous.
    shapes = [(300, 200), (5000,), (), (3, 4), (100,), (64, 63)]
    params, others = make(1, shapes, dtype), make(1, shapes, dtype)
    params.append(torch.nn.Parameter(torch.ones(40, 30, dtype=dtype).t()))
    others.append(torch.nn.Parameter(torch.ones(40, 30, dtype=dtype).t()))
    many, one = load(name, params), load(name, others, foreach=False)
    assert many._tape is not None and one._tape is None
    for step in range(6):
        give_gradients(params, step)
        give_gradients(others, step)
        if step == 3:
            params[1].grad = others[1].grad = params[3].grad = others[3].grad = None
        many.step()
        one.step()
    accuracy = 5e-6 if dtype == torch.float32 else 1e-14
    for p, q in zip(params, others):
        pairs = [(p, q), *((value, one.state[q][state]) for state, value in many.state[p].items())]
        for a, b in pairs:
            assert (a - b).abs().max() <= accuracy * b.abs().max()


def test_parameters_without_a_gradient_take_no_part():
    params, others = make(), make()
    optimizer, other = load(MODEL_WIDE, params), load(MODEL_WIDE, [p for p in others[:2]])
    give_gradients(params, 1)
    give_gradients(others, 1)
    for p in params[2:]:
        p.grad = None
    before = [p.detach().clone() for p in params]
    optimizer.step()
    other.step()
    assert all(torch.equal(p, q) for p, q in zip(params[:2], others[:2])), "they are not reduced over"
    assert all(torch.equal(p, q) for p, q in zip(params[2:], before[2:]))
    assert all(p not in optimizer.state for p in params[2:])


def test_a_step_without_any_gradient_changes_nothing():
    params = make()
    optimizer = load("adamw", params)
    optimizer.step()
    assert optimizer.param_groups[0]["t"] == 0
    run(optimizer, params, 1)
    assert optimizer.param_groups[0]["t"] == 1


def test_reductions_over_the_model_go_over_all_groups():
    params, others = make(), make()
    together = load(MODEL_WIDE, params)
    apart = load(MODEL_WIDE, [{"params": others[:1]}, {"params": others[1:]}])
    run(together, params, 4)
    run(apart, others, 4)
    for p, q in zip(params, others):
        torch.testing.assert_close(p, q, rtol=1e-13, atol=1e-14)


def test_groups_have_hypers_of_their_own_and_schedules_move_them():
    params = make(shapes=[(3,), (3,)])
    optimizer = lathe.load_optimizer("momentum", [
        {"params": params[:1]}, {"params": params[1:], "momentum": 0.0, "lr": 0.5}], lr=0.1)
    assert [g["momentum"] for g in optimizer.param_groups] == [0.9, 0.0]
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4)
    for step in range(3):
        before = params[1].detach().clone()
        give_gradients(params, step)
        rate = optimizer.param_groups[1]["lr"]
        optimizer.step()
        torch.testing.assert_close(params[1], before - rate * params[1].grad)
        scheduler.step()
    optimizer.param_groups[0]["momentum"] = 0.5
    kept = optimizer.state[params[0]]["m"].clone()
    give_gradients(params, 9)
    optimizer.step()
    torch.testing.assert_close(optimizer.state[params[0]]["m"], 0.5 * kept + params[0].grad)


def test_groups_of_an_optimizer_with_a_schedule_are_groups():
    params = make(shapes=[(3,)])
    optimizer = torch.optim.SGD(params, lr=0.1)
    torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=10,
                                        cycle_momentum=False)
    rate = optimizer.param_groups[0]["lr"]
    assert "max_lr" in optimizer.param_groups[0]
    loaded = lathe.load_optimizer("sgd", optimizer.param_groups, lr=1.0)
    before = params[0].detach().clone()
    run(loaded, params, 1)
    torch.testing.assert_close(params[0].detach(), before - rate * params[0].grad)


def test_a_schedule_moves_the_rate():
    params = make(shapes=[(3,)])
    optimizer = load("adamw", params)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5 ** step)
    run(optimizer, params, 1)
    schedule.step()
    assert optimizer.param_groups[0]["lr"] == 0.025


def test_maximize_is_descent_of_the_negative():
    for foreach in (False, None):
        params, others = make(), make()
        up, down = load("adamw", params, maximize=True, foreach=foreach), load("adamw", others)
        for step in range(3):
            give_gradients(params, step)
            for p, q in zip(params, others):
                q.grad = -p.grad
            up.step()
            down.step()
        for p, q in zip(params, others):
            torch.testing.assert_close(p, q, rtol=1e-14, atol=1e-15)


def test_closure_gives_the_loss_and_gradient_clipping_works():
    params = make(shapes=[(4,)])
    optimizer = load("sgd", params, lr=1.0)
    start = params[0].detach().clone()

    def closure():
        optimizer.zero_grad()
        loss = (params[0] ** 2).sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        return loss
    loss = optimizer.step(closure)
    torch.testing.assert_close(loss, (start ** 2).sum())
    torch.testing.assert_close(params[0], start - start / start.norm(), rtol=1e-5, atol=1e-5)


def test_copies_and_pickles_go_on_as_the_original():
    params = make()
    optimizer = load("adamw", params)
    run(optimizer, params, 2)
    for again in (copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
        copied, other = again((params, optimizer))
        assert other.param_groups[0]["params"][0] is copied[0]
        run(other, copied, 1, first=2)
    run(optimizer, params, 1, first=2)
    assert all(torch.equal(p, q) for p, q in zip(params, copied))


def test_half_precision_is_updated_in_float32():
    shapes = [(40, 3), (7000,)]
    for foreach in (False, None):
        params = [torch.nn.Parameter(p.detach().bfloat16()) for p in make(2, shapes)]
        exact = [torch.nn.Parameter(p.detach().float()) for p in params]
        low, full = load("adamw", params, foreach=foreach), load("adamw", exact)
        give_gradients(params, 0)
        for p, q in zip(params, exact):
            q.grad = p.grad.float()
        low.step()
        full.step()
        for p, q in zip(params, exact):
            assert low.state[p]["m"].dtype == torch.float32
            torch.testing.assert_close(p.float(), q, rtol=0.01, atol=1e-3)
            torch.testing.assert_close(low.state[p]["m"], full.state[q]["m"])


@pytest.mark.parametrize("source", ["adamw", "muon", MODEL_WIDE])
def test_steps_need_no_doubles_on_the_device(without_doubles, source):
    params = [torch.nn.Parameter(torch.empty(s, device="meta")) for s in SHAPES]
    optimizer = load(source, params, foreach=False)
    with without_doubles:
        for _ in range(2):
            for p in params:
                p.grad = torch.empty_like(p)
            optimizer.step()
    assert optimizer.param_groups[0]["t"] == 2


def test_moved_data_and_replaced_states_are_noticed():
    params = make(shapes=[(5000,), (30,), (20,)], dtype=torch.float32)
    optimizer = load("momentum", params)
    run(optimizer, params, 1)
    params[0].data = params[0].data.clone()
    for p in params:
        optimizer.state[p]["m"] = torch.full_like(p, 2.0)
    before = [p.detach().clone() for p in params]
    give_gradients(params, 4)
    optimizer.step()
    for p, start in zip(params, before):
        torch.testing.assert_close(p.detach(), start - 0.05 * (1.8 + p.grad))


@pytest.mark.parametrize("foreach", [True, False])
def test_moved_memory_of_states_is_noticed(foreach):
    params = make(3, [(3, 2), (200, 100)])  # small ones are packed, large ones are cut
    optimizer = load("momentum", params, foreach=foreach)
    run(optimizer, params, 1)
    for p in params:
        state = optimizer.state[p]["m"]
        state.data = torch.full_like(state, 8)
        p.grad = torch.zeros_like(p)
    optimizer.step()
    for p in params:
        assert (optimizer.state[p]["m"] == 8 * optimizer.param_groups[0]["momentum"]).all()


def test_transposed_data_are_noticed():
    params, others = make(8, [(200, 200), (3, 3)]), make(8, [(200, 200), (3, 3)])
    many, one = load("momentum", params), load("momentum", others, foreach=False)
    for step in range(3):
        give_gradients(params, step)
        give_gradients(others, step)
        many.step()
        one.step()
        for p in (*params, *others):
            p.data = p.data.t()
    for p, q in zip(params, others):
        torch.testing.assert_close(p, q, rtol=1e-14, atol=1e-15)


def test_total_steps_is_asked_for():
    with pytest.raises(TypeError, match="reads total_steps"):
        lathe.load_optimizer(MODEL_WIDE, make(), lr=0.1)


@pytest.mark.parametrize("hypers, error, told", [
    ({"beta1": 0.9}, TypeError, "adamw has no hyper 'beta1'; it has: b1, b2, eps, weight_decay"),
    ({"b1": 1.0}, ValueError, r"the hyper b1 of adamw is 1, which is not in its range \[0, 1\)"),
])
def test_wrong_hypers_are_named(hypers, error, told):
    with pytest.raises(error, match=told):
        load("adamw", make(), **hypers)


def test_groups_may_have_other_keys_but_no_wrong_hypers():
    first, second = make(shapes=[(2,), (2,)])
    optimizer = load("adamw", [{"params": [first], "name": "first", "mine": 3}])
    assert optimizer.param_groups[0]["mine"] == 3
    with pytest.raises(ValueError, match="the hyper b1 of adamw is 2"):
        optimizer.add_param_group({"params": [second], "b1": 2.0})
    with pytest.raises(TypeError, match="the hyper b1 of adamw is None, which is no number"):
        optimizer.add_param_group({"params": [second], "b1": None})
    assert len(optimizer.param_groups) == 1
    optimizer.add_param_group({"params": [second], "b1": 0.5})
    assert [group["b1"] for group in optimizer.param_groups] == [0.9, 0.5]
    text = "lathe 1 optimizer p\ninput g[P,R,C]\nhyper maximize = 1\nupdate = mul(g, maximize)\n"
    with pytest.raises(ValueError, match="the hyper 'maximize' of p has a name"):
        load(text, [first])


def test_a_hyper_that_leaves_its_range_is_named():
    params = make()
    optimizer = load("adamw", params)
    optimizer.param_groups[0]["eps"] = -1.0
    give_gradients(params, 0)
    with pytest.raises(ValueError, match="the hyper eps of adamw is -1"):
        optimizer.step()


def test_parameters_that_no_program_can_update_are_named():
    for bad in (torch.zeros(3, dtype=torch.complex64), torch.zeros(3, dtype=torch.int64)):
        with pytest.raises(ValueError, match="parameter 1 of the group is torch"):
            load("sgd", [torch.zeros(2), bad])
    table = torch.nn.Embedding(5, 2, sparse=True)
    optimizer = load("sgd", table.parameters())
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(ValueError, match=r"shape \(5, 2\) in group 0 has a sparse gradient"):
        optimizer.step()


def test_a_state_of_another_program_is_refused():
    params = make()
    optimizer = load("momentum", params)
    run(optimizer, params, 1)
    with pytest.raises(ValueError, match="lacks 'v'"):
        load("adamw", params).load_state_dict(optimizer.state_dict())


@pytest.mark.parametrize("lacks", ["momentum", "lr", "t", "total_steps", "maximize", "numbers"])
def test_a_saved_group_that_lacks_what_a_step_reads_is_refused(lacks):
    params, other = make(), load("momentum", make())
    run(other, other.param_groups[0]["params"], 3)
    optimizer = load("momentum", params, lr=0.25)
    run(optimizer, params, 1)
    saved = other.state_dict()
    saved["param_groups"] = [{k: v for k, v in group.items() if k != lacks}
                             for group in saved["param_groups"]]
    with pytest.raises(ValueError, match=f"saved group 0 lacks {lacks!r}, which momentum needs"):
        optimizer.load_state_dict(saved)
    assert (optimizer.param_groups[0]["t"], optimizer.param_groups[0]["lr"]) == (1, 0.25)
    with pytest.raises(ValueError, match="lacks 'momentum'|lacks 't'"):
        optimizer.load_state_dict(torch.optim.SGD(make(), lr=0.1).state_dict())
    run(optimizer, params, 1)


@pytest.mark.parametrize("line", ["update = m", "update = mul(m, lr)", "update = w", "update = 0.5"])
def test_what_is_passed_on_as_it_is(line):
    text = (f"lathe 1 optimizer p\ninput w[P,R,C] g[P,R,C] lr[]\nstate m[P,R,C] = 1\n"
            f"state old[P,R,C] = w\nstate swap[P,R,C] = 2\n{line}\nnext m = add(g, old)\n"
            "next old = w\nnext swap = g\n")
    results = []
    for foreach in (None, False):
        params = make(4, [(6,), (3, 2)])
        optimizer = load(text, params, foreach=foreach)
        run(optimizer, params, 3)
        results.append([*params, *(v for p in params for v in optimizer.state[p].values())])
    for p, q in zip(*results):
        torch.testing.assert_close(p, q, rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("shape, type_of_m, line, expected", [
    ((6,), "P,R,C", "m", [1.0, 5.0, 6.0]),
    ((3, 2), "P,R,C", "transpose(m)", [1.0, 5.0, 6.0]),
    ((3, 2), "P", "m", [1.0, 5.0, 6.0]),
    ((3, 2), "P,R", "m", [1.0, 5.0, 6.0]),
    ((3, 2), "", "m", [1.0, 2.0, 2.0]),
])
def test_an_update_that_is_a_state_is_what_the_state_was(shape, type_of_m, line, expected):
    following = {"P,R,C": "g", "P": "mean(g over R,C)", "P,R": "mean(g over C)", "": "2"}[type_of_m]
    text = (f"lathe 1 optimizer p\ninput g[P,R,C]\nstate m[{type_of_m}] = 1\nupdate = {line}\n"
            f"next m = {following}\n")
    for dtype in (torch.float32, torch.float64):
        p = torch.nn.Parameter(torch.zeros(shape, dtype=dtype))
        optimizer = load(text, [p])
        for gradient, update in zip((5.0, 6.0, 7.0), expected):
            before = p.detach().clone()
            p.grad = torch.full_like(p, gradient)
            optimizer.step()
            assert torch.equal(p.detach(), before - update), (dtype, gradient)


def test_programs_that_compute_element_by_element_have_a_tape():
    elementwise = ["adam", "adamw", "lion", "sgd", "momentum", "nesterov", "nadam", "rmsprop",
                   "adagrad", "amsgrad", "signsgd"]
    for name in elementwise:
        assert tape_of(lathe.load_program(name)) is not None, name
    assert tape_of(lathe.load_program("muon")) is None
    assert tape_of(lathe.parse(MODEL_WIDE)) is None


def test_the_compiled_step_is_the_step(monkeypatch):
    compiled = []

    def take(function):
        compiled.append(function)
        return function
    monkeypatch.setattr(torch, "compile", take, raising=False)
    shapes = [(300, 200), (), (3, 4), (6,)]
    for name in ("adamw", "lion", "nadam"):
        params, others = make(5, shapes, torch.float32), make(5, shapes, torch.float32)
        optimizer, other = load(name, params, compile=True), load(name, others, foreach=False)
        run(optimizer, params, 4)
        run(other, others, 4)
        for p, q in zip(params, others):
            torch.testing.assert_close(p, q, rtol=1e-5, atol=1e-6)
    assert len(compiled) == 3
    monkeypatch.delattr(torch, "compile")
    with pytest.raises(ValueError, match="has no torch.compile"):
        load("adamw", make(), compile=True)
