"""What a user expects of an optimizer of torch, of an exported one; and that free text and names in
a program change nothing but comments."""

import ast
import copy
import io
import keyword
import pickle
import subprocess
import sys

import pytest
import torch
from exported import class_of, export, exported
from test_optimizer import MODEL_WIDE, give_gradients, make, run

import lathe

HOSTILE = '"""\n#"""\\\n\\"""\n# \'\'\' {x} %s \\N{BULLET} */ \u2028 raise SystemExit\u202e\t\x1b[2J ??/\n'


@pytest.fixture(params=["adamw", "nadam", "adafactor", "model_wide"])
def kind(request, bin_folder, tmp_path):
    source = request.param
    if source == "model_wide":
        (tmp_path / "model_wide.lathe").write_text(MODEL_WIDE)
        source = tmp_path / "model_wide.lathe"
    exported_kind = exported(bin_folder, source)
    # Classes are pickled by name.
    module = type(sys)(exported_kind.__module__)
    setattr(module, exported_kind.__name__, exported_kind)
    sys.modules[exported_kind.__module__] = module
    options = {"total_steps": 50} if request.param == "model_wide" else {}
    return lambda params, **more: exported_kind(params, **{"lr": 0.05, **options, **more})


def test_state_dict_round_trip_goes_on_as_before(kind):
    params = make()
    optimizer = kind(params)
    run(optimizer, params, 5)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    others = [torch.nn.Parameter(p.detach().clone()) for p in params]
    other = kind(others)
    other.load_state_dict(torch.load(file))
    run(optimizer, params, 5, first=5)
    run(other, others, 5, first=5)
    for p, q in zip(params, others):
        assert torch.equal(p, q)
        for name, value in optimizer.state[p].items():
            assert torch.equal(value, other.state[q][name])
            assert value.dtype == other.state[q][name].dtype


def test_copies_and_pickles_go_on_as_the_original(kind):
    params = make()
    optimizer = kind(params)
    run(optimizer, params, 2)
    for again in (copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
        copied, other = again((params, optimizer))
        run(other, copied, 1, first=2)
    run(optimizer, params, 1, first=2)
    assert all(torch.equal(p, q) for p, q in zip(params, copied))


@pytest.mark.parametrize("source", ["adamw", "muon", MODEL_WIDE])
def test_equals_the_loaded_optimizer_in_float32(bin_folder, tmp_path, source):
    path = source
    if source == MODEL_WIDE:
        path = tmp_path / "p.lathe"
        path.write_text(source)
    options = {"total_steps": 50} if source == MODEL_WIDE else {}
    shapes = [(30, 20), (50,), (), (3, 4, 2, 2)]
    params, others = make(1, shapes, torch.float32), make(1, shapes, torch.float32)
    # One that is not contiguous, and one without a gradient in the second step; two groups.
    params.append(torch.nn.Parameter(torch.ones(4, 6).t()))
    others.append(torch.nn.Parameter(torch.ones(4, 6).t()))
    one = exported(bin_folder, path)([{"params": params[:2]}, {"params": params[2:], "lr": 0.01}],
                                     lr=0.1, **options)
    other = lathe.load_optimizer(source, [{"params": others[:2]},
                                          {"params": others[2:], "lr": 0.01}], lr=0.1,
                                 foreach=False, **options)
    for step in range(4):
        give_gradients(params, step)
        give_gradients(others, step)
        if step == 1:
            params[1].grad = others[1].grad = None
        one.step()
        other.step()
    for p, q in zip(params, others):
        torch.testing.assert_close(p, q, rtol=1e-6, atol=1e-7)


def test_parameters_without_a_gradient_take_no_part(kind):
    params, others = make(), make()
    optimizer, other = kind(params), kind(others[:2])
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


def test_reductions_over_the_model_go_over_all_groups(kind):
    params, others = make(), make()
    together = kind(params)
    apart = kind([{"params": others[:1]}, {"params": others[1:]}])
    run(together, params, 4)
    run(apart, others, 4)
    for p, q in zip(params, others):
        torch.testing.assert_close(p, q, rtol=1e-13, atol=1e-14)


def test_a_step_without_any_gradient_changes_nothing(kind):
    params = make()
    optimizer = kind(params)
    optimizer.step()
    assert optimizer.param_groups[0].get("t", 0) == 0 and not optimizer.state


def test_schedules_move_the_rate_and_maximize_climbs(bin_folder):
    params, others = make(), make()
    up = exported(bin_folder, "adamw")(params, lr=0.05, maximize=True)
    down = exported(bin_folder, "adamw")(others, lr=0.05)
    schedules = [torch.optim.lr_scheduler.LambdaLR(o, lambda step: 0.5 ** step) for o in (up, down)]
    for step in range(3):
        give_gradients(params, step)
        for p, q in zip(params, others):
            q.grad = -p.grad
        for optimizer, schedule in zip((up, down), schedules):
            optimizer.step()
            schedule.step()
    assert up.param_groups[0]["lr"] == 0.05 / 8
    for p, q in zip(params, others):
        torch.testing.assert_close(p, q, rtol=1e-13, atol=1e-14)


def test_closure_gives_the_loss(bin_folder):
    params = make(shapes=[(4,)])
    optimizer = exported(bin_folder, "sgd")(params, lr=0.25)
    start = params[0].detach().clone()

    def closure():
        optimizer.zero_grad()
        loss = (params[0] ** 2).sum()
        loss.backward()
        return loss
    torch.testing.assert_close(optimizer.step(closure), (start ** 2).sum())
    torch.testing.assert_close(params[0].detach(), start / 2)


def test_half_precision_is_updated_in_float32(bin_folder):
    params = [torch.nn.Parameter(p.detach().bfloat16()) for p in make(2, [(40, 3), (70,)])]
    exact = [torch.nn.Parameter(p.detach().float()) for p in params]
    low, full = (exported(bin_folder, "adamw")(of, lr=0.05) for of in (params, exact))
    give_gradients(params, 0)
    for p, q in zip(params, exact):
        q.grad = p.grad.float()
    low.step()
    full.step()
    low.load_state_dict(low.state_dict())
    for p, q in zip(params, exact):
        assert low.state[p]["m"].dtype == torch.float32
        torch.testing.assert_close(low.state[p]["m"], full.state[q]["m"])
        torch.testing.assert_close(p.float(), q, rtol=0.01, atol=1e-3)


@pytest.mark.parametrize("saved", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("loaded", [torch.bfloat16, torch.float32, torch.float64])
def test_states_take_the_type_of_the_parameters_they_are_loaded_for(kind, saved, loaded):
    params, others = make(dtype=torch.float32), make(dtype=loaded)
    optimizer, other = kind(params), kind(others)
    run(optimizer, params, 3)
    run(other, others, 1)
    types = [{name: value.dtype for name, value in other.state[p].items()} for p in others]
    kept = optimizer.state_dict()
    for state in kept["state"].values():
        for name in state:
            state[name] = state[name].to(saved)
    other.load_state_dict(kept)
    before = [{name: value.clone() for name, value in other.state[p].items()} for p in others]
    run(other, others, 1, first=3)
    for p, place, known, was in zip(others, kept["state"], types, before):
        assert {name: value.dtype for name, value in other.state[p].items()} == known
        for name, value in was.items():
            assert torch.equal(value, kept["state"][place][name].to(known[name]))
        assert all(not torch.equal(was[name], value) for name, value in other.state[p].items()
                   if name != "start"), "they have moved on"


def test_states_that_a_user_stores_in_half_precision_move_on(bin_folder):
    params = make(dtype=torch.float32)
    optimizer = exported(bin_folder, "momentum")(params, lr=0.05)
    run(optimizer, params, 1)
    for p in params:
        optimizer.state[p]["m"] = torch.ones_like(p, dtype=torch.bfloat16)
        p.grad = torch.ones_like(p)
    optimizer.step()
    for p in params:
        assert (optimizer.state[p]["m"].float() - 1.9).abs().max() < 0.01


def test_a_group_that_cannot_be_is_not_added(bin_folder):
    optimizer = exported(bin_folder, "adamw")(make(), lr=0.1)
    for bad, error in (({"b1": None}, TypeError), ({"b1": 1.0}, ValueError)):
        with pytest.raises(error):
            optimizer.add_param_group({"params": make(1), **bad})
        assert len(optimizer.param_groups) == 1
    optimizer.add_param_group({"params": make(1)})


def test_what_it_cannot_take_is_named(bin_folder):
    adamw = exported(bin_folder, "adamw")
    with pytest.raises(ValueError, match=r"the hyper b1 is 1, which is not in its range \[0, 1\)"):
        adamw(make(), lr=0.1, b1=1.0)
    with pytest.raises(TypeError, match="beta1"):
        adamw(make(), lr=0.1, beta1=0.9)
    for bad in (torch.zeros(3, dtype=torch.complex64), torch.zeros(3, dtype=torch.int64)):
        with pytest.raises(ValueError, match="parameter 1 of the group is torch"):
            adamw([torch.zeros(2), bad], lr=0.1)
    table = torch.nn.Embedding(5, 2, sparse=True)
    optimizer = adamw(table.parameters(), lr=0.1)
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(ValueError, match=r"of shape \(5, 2\), has a sparse gradient"):
        optimizer.step()
    params = make()
    momentum = exported(bin_folder, "momentum")(params, lr=0.1)
    run(momentum, params, 1)
    with pytest.raises(ValueError, match="the saved state of parameter 0 has the shapes"):
        adamw(params, lr=0.1).load_state_dict(momentum.state_dict())
    with pytest.raises(TypeError, match="total_steps"):
        class_of(export_text(bin_folder, MODEL_WIDE))(make(), lr=0.1)


def export_text(bin_folder, text, to="pytorch"):
    done = subprocess.run([str(bin_folder / "lathe"), "export", "-", "--to", to], input=text,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def code_of(source):
    """The syntax tree without the docstring of the file."""
    tree = ast.parse(source)
    assert isinstance(tree.body[0].value, ast.Constant)
    return ast.dump(ast.Module(tree.body[1:], []))


@pytest.mark.parametrize("name", ["adamw", "batchnorm_relu"])
def test_notes_stay_notes(bin_folder, name):
    text = lathe.known.known_text(name)
    hostile = "".join("# " + line + "\n" for line in HOSTILE.split("\n")) + text + "# \\"
    plain, noted = export_text(bin_folder, text), export_text(bin_folder, hostile)
    assert code_of(plain) == code_of(noted)
    told = ast.get_docstring(ast.parse(noted), clean=False)
    assert "raise SystemExit" in told and all(c not in told for c in "\u2028\u202e\x1b\t")


NAMES = [word for word in keyword.kwlist if word.islower()] + [
    "self", "torch", "math", "group", "groups", "p", "params", "closure", "loss", "number",
    "matrix", "at", "of", "slots", "maximize", "defaults", "name", "fused", "super", "zip",
    "range", "tuple", "enumerate", "dtype", "a__b", "x_"]


@pytest.mark.parametrize("first", range(0, len(NAMES), 20))
def test_every_name_may_be_that_of_a_hyper_or_a_value(bin_folder, first):
    names = [n for n in NAMES[first:first + 20] if n != "in"]  # a word of the language itself
    values = "".join(f"{name}1x = mul(m, {name})\n" for name in names)
    update = "".join(f"s{i} = add({'m' if i == 0 else f's{i - 1}'}, {name}1x)\n"
                     for i, name in enumerate(names))
    text = ("lathe 1 optimizer none\ninput g[P,R,C] w[P,R,C]\n" +
            "".join(f"hyper {name} = 0.5 in [0, 1]\n" for name in names) +
            f"state m[P,R,C] = w\n{values}{update}update = mul(s{len(names) - 1}, g)\nnext m = g\n")
    params, others = make(), make()
    optimizer = class_of(export_text(bin_folder, text))(params, lr=1.0)
    run(optimizer, params, 2)
    # m is what the weights were, then the gradient; the update is m (1 + half of the names) g.
    factor = 1 + 0.5 * len(names)
    kept = [q.detach().clone() for q in others]
    for step in range(2):
        give_gradients(others, step)
        for i, q in enumerate(others):
            q.data.sub_(kept[i] * factor * q.grad)
            kept[i] = q.grad.clone()
    for p, q in zip(params, others):
        torch.testing.assert_close(p, q, rtol=1e-12, atol=1e-13)


def test_text_is_exported_as_it_is(bin_folder):
    assert export(bin_folder, "adamw", "text") == lathe.known.known_text("adamw")
