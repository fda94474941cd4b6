"""Known optimizers against torch's own, or against their formulas: 100 steps, before each of which
both sides get the same parameters and gradients."""

import math

import pytest
import torch
from exported import exported

import lathe

SHAPES = [(7, 5), (6,), (), (4, 3, 2), (1, 9)]
STEPS = 100


def models(seed):
    generator = torch.Generator().manual_seed(seed)
    weights = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in SHAPES]

    def parameters():
        return [torch.nn.Parameter(w.clone()) for w in weights]
    return generator, parameters(), parameters()


def compare(make_loaded, make_other, tolerance=1e-11):
    generator, mine, others = models(3)
    loaded, other = make_loaded(mine), make_other(others)
    for step in range(STEPS):
        for p, q in zip(mine, others):
            p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float64) * 10 ** (step % 5 - 2)
            q.grad = p.grad.clone()
            q.data.copy_(p.data)
        before = [p.detach().clone() for p in mine]
        loaded.step()
        other.step()
        for start, p, q in zip(before, mine, others):
            update, wanted = start - p.detach(), start - q.detach()
            assert (update - wanted).abs().max() <= tolerance * wanted.abs().max() + 1e-15, step


TORCH = {
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.01, weight_decay=0.03),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.03),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.03),
    "amsgrad": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.03, amsgrad=True),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.01, weight_decay=0.03, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.01, weight_decay=0.03, momentum=0.9,
                                          nesterov=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, weight_decay=0.03),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01, weight_decay=0.03),
}


@pytest.fixture(params=["one by one", "many at a time", "exported"])
def load(request, bin_folder):
    """Makes an optimizer of a known program, of the package or as it is exported."""
    def made(name, params, **options):
        if request.param == "exported":
            return exported(bin_folder, name)(params, **options)
        foreach = False if request.param == "one by one" else None
        return lathe.load_optimizer(name, params, foreach=foreach, **options)
    return made


@pytest.mark.parametrize("name", TORCH)
def test_equals_torch(name, load):
    compare(lambda p: load(name, p, lr=0.01, weight_decay=0.03), TORCH[name])


class Formula:
    """w <- w - rule(w, g, t, state)."""

    def __init__(self, params, rule):
        self.params, self.rule, self.t = params, rule, 0
        self.states = [{} for _ in params]

    def step(self):
        self.t += 1
        for p, state in zip(self.params, self.states):
            p.data.sub_(self.rule(p.detach(), p.grad, self.t, state))


def lion(w, g, t, s):
    m = s.get("m", torch.zeros_like(w))
    s["m"] = 0.99 * m + 0.01 * g
    return 0.01 * ((0.9 * m + 0.1 * g).sign() + 0.03 * w)


def signsgd(w, g, t, s):
    return 0.01 * (g.sign() + 0.03 * w)


def adamw_warm_start(w, g, t, s):
    s["m"] = 0.1 * g + 0.9 * s.get("m", torch.zeros_like(w))
    s["v"] = 0.001 * g ** 2 + 0.999 * s.get("v", torch.zeros_like(w))
    return 0.01 * 0.001 * (s["m"] / (s["v"].sqrt() + 1e-8) + 0.01 * w)


def lion_raw(w, g, t, s):
    v = s.get("v", torch.zeros_like(w))
    a = g.clamp(-0.01, 0.01).asin()
    m = (1 - 0.899) * a + 0.899 * v
    s["v"] = (1 - 1.109) * a + 1.109 * m
    return (m / (m.abs() + 1e-8) + 0.4602 * w) * 0.01 * 2e-4


def matrix(x):
    return x.reshape(x.shape[0], -1) if x.dim() else x.reshape(1, 1)


def adafactor(w, g, t, s):
    x, y = matrix(w), matrix(g)
    b2 = 1 - t ** -0.8
    squares = y * y + 1e-30
    s["row"] = (1 - b2) * squares.mean(1) + b2 * s.get("row", torch.zeros(len(x)).double())
    s["col"] = (1 - b2) * squares.mean(0) + b2 * s.get("col", torch.zeros(x.shape[1]).double())
    v = torch.outer(s["row"], s["col"]) / s["row"].mean()
    u = y / v.sqrt()
    u = u / max(1.0, (u * u).mean().sqrt().item())
    alpha = max(1e-3, (x * x).mean().sqrt().item()) * min(0.01, 1 / math.sqrt(t))
    return (alpha * u).reshape(w.shape)


def muon(w, g, t, s):
    s["m"] = 0.95 * s.get("m", torch.zeros_like(w)) + g
    x = matrix(g + 0.95 * s["m"])
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.775 * gram + 2.0315 * gram @ gram) @ x
    x = x * math.sqrt(max(1.0, x.shape[0] / x.shape[1]))
    return 0.01 * (x.reshape(w.shape) + 0.03 * w)


def nadam(w, g, t, s):
    """As Dozat has it; torch before 2.0 counts the momentum of a step twice."""
    def momentum(step):
        return 0.9 * (1 - 0.5 * 0.96 ** (step * 0.004))
    g = g + 0.03 * w
    s["m"] = 0.9 * s.get("m", torch.zeros_like(w)) + 0.1 * g
    s["v"] = 0.999 * s.get("v", torch.zeros_like(w)) + 0.001 * g * g
    now, ahead = momentum(t), momentum(t + 1)
    s["product"] = s.get("product", 1.0) * now
    look = (1 - now) / (1 - s["product"]) * g + ahead / (1 - s["product"] * ahead) * s["m"]
    return 0.01 * look / ((s["v"] / (1 - 0.999 ** t)).sqrt() + 1e-8)


FORMULAS = {"nadam": nadam, "lion": lion, "signsgd": signsgd, "adamw_warm_start": adamw_warm_start,
            "lion_raw": lion_raw, "adafactor": adafactor, "muon": muon}


@pytest.mark.parametrize("name", FORMULAS)
def test_equals_its_formula(name, load):
    hypers = {} if name in ("adafactor", "adamw_warm_start", "lion_raw") else {"weight_decay": 0.03}
    compare(lambda p: load(name, p, lr=0.01, **hypers), lambda p: Formula(p, FORMULAS[name]),
            tolerance=1e-8)


def test_every_known_optimizer_is_compared():
    names = {name for name in lathe.known_programs()
             if lathe.load_program(name).signature.name == "optimizer"}
    assert names == set(TORCH) | set(FORMULAS)
