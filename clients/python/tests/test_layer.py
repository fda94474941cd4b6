"""Layers against torch's own, in training and evaluation."""

import copy

import pytest
import torch
from exported import exported
from torch import nn
from torch.nn import functional

import lathe

CHANNELS, GROUPS = 12, 4


@pytest.fixture(params=["loaded", "exported"])
def load(request, bin_folder):
    """Makes a layer of a known program, of the package or as it is exported."""
    if request.param == "loaded":
        return lathe.load_layer
    return lambda name, *sizes, **more: exported(bin_folder, name)(*sizes, **more)


def data(seed, shape=(5, CHANNELS, 6, 7), dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=dtype) * 2 + 0.5


def scaled(layer, seed=9):
    """The layer with parameters that are not all alike, in double."""
    generator = torch.Generator().manual_seed(seed)
    layer.double()
    for _, p in sorted(layer.named_parameters()):
        p.data = torch.rand(p.shape, generator=generator, dtype=p.dtype) + 0.5
    return layer


class OfTorch(nn.Module):
    def __init__(self, norm, activation):
        super().__init__()
        self.norm, self.activation = norm, activation
        self.gamma, self.beta = nn.Parameter(torch.ones(CHANNELS)), nn.Parameter(torch.zeros(CHANNELS))

    def forward(self, x):
        by_channel = [1, CHANNELS, *[1] * (x.dim() - 2)]
        y = self.norm(x) * self.gamma.reshape(by_channel) + self.beta.reshape(by_channel)
        return self.activation(y)


def layer_norm(x):
    return functional.layer_norm(x, x.shape[1:])


def rms_norm(x):
    return x / (x.square().mean((1, 2, 3), keepdim=True) + 1e-5).sqrt()


NORMS = {
    "batchnorm": lambda: nn.BatchNorm2d(CHANNELS, affine=False),
    "groupnorm": lambda: nn.GroupNorm(GROUPS, CHANNELS, affine=False),
    "instancenorm": lambda: nn.InstanceNorm2d(CHANNELS),
    "layernorm": lambda: layer_norm,
    "rmsnorm": lambda: rms_norm,
}
ACTIVATIONS = {"relu": functional.relu, "silu": functional.silu}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", NORMS)
def test_known_norms_equal_those_of_torch(norm, activation, load):
    mine = scaled(load(f"{norm}_{activation}", CHANNELS, GROUPS))
    other = scaled(OfTorch(NORMS[norm](), ACTIVATIONS[activation]))
    count = 5 * 6 * 7
    for step in range(4):
        x, z = data(step).requires_grad_(), data(step).requires_grad_()
        y, wanted = mine(x), other(z)
        torch.testing.assert_close(y, wanted, rtol=1e-10, atol=1e-12)
        y.square().sum().backward()
        wanted.square().sum().backward()
        torch.testing.assert_close(x.grad, z.grad, rtol=1e-8, atol=1e-9)
        torch.testing.assert_close(mine.gamma.grad, other.gamma.grad, rtol=1e-8, atol=1e-9)
    if norm == "batchnorm":
        running = other.norm
        torch.testing.assert_close(mine.running_mu.reshape(-1), running.running_mean)
        # torch's variance is unbiased: its start decays alike, the rest is n / (n - 1) of ours.
        start = 0.9 ** 4
        ours = (mine.running_v.reshape(-1) - start) * count / (count - 1) + start
        torch.testing.assert_close(ours, running.running_var, rtol=1e-10, atol=1e-12)
        running.running_var.copy_(mine.running_v.reshape(-1))
    mine.eval()
    other.eval()
    torch.testing.assert_close(mine(data(8)), other(data(8)), rtol=1e-10, atol=1e-12)


def statistics(x, dims):
    return x.mean(dims, keepdim=True), x.var(dims, unbiased=False, keepdim=True)


def by_channel(p):
    return p.reshape(1, -1, 1, 1)


def evonorm(name, layer, x):
    grouped = x.reshape(5, GROUPS, -1, 6, 7)
    batch = (statistics(x, (0, 2, 3))[1] + (1e-3 if name == "evonorm_b0" else 1e-5)).sqrt()
    instance = (statistics(x, (2, 3))[1] + 1e-3).sqrt()
    rms = (x.square().mean((2, 3), keepdim=True) + 1e-5).sqrt()
    group_std = (statistics(grouped, (2, 3, 4))[1] + 1e-5).sqrt().expand_as(grouped).reshape(x.shape)
    group_rms = (grouped.square().mean((2, 3, 4), keepdim=True) + 1e-5).sqrt()
    group_rms = group_rms.expand_as(grouped).reshape(x.shape)
    v1 = by_channel(layer.v1) if hasattr(layer, "v1") else None
    return {
        "evonorm_b0": lambda: x / torch.maximum(batch, v1 * x + instance),
        "evonorm_b1": lambda: x / torch.maximum(batch, (x + 1) * rms),
        "evonorm_b2": lambda: x / torch.maximum(batch, rms - x),
        "evonorm_s0": lambda: x * (v1 * x).sigmoid() / group_std,
        "evonorm_s1": lambda: functional.silu(x) / group_std,
        "evonorm_s2": lambda: functional.silu(x) / group_rms,
    }[name]() * by_channel(layer.gamma) + by_channel(layer.beta)


@pytest.mark.parametrize("name", [f"evonorm_{kind}{i}" for kind in "bs" for i in range(3)])
def test_evonorms_equal_their_formulas(name, load):
    layer = scaled(load(name, CHANNELS, GROUPS))
    x = data(1)
    torch.testing.assert_close(layer(x), evonorm(name, layer, x), rtol=1e-10, atol=1e-12)
    batch_dependent = name.startswith("evonorm_b")
    assert bool(list(layer.buffers())) == batch_dependent
    layer.eval()
    for part in (x[:2], x[2:]):
        torch.testing.assert_close(layer(part), layer(x)[0 if part.shape[0] == 2 else 2:][:len(part)])


def test_filter_response_norm_equals_its_formula(load):
    layer = scaled(load("frn_tlu", CHANNELS))
    x = data(2)
    normed = x / (x.square().mean((2, 3), keepdim=True) + 1e-6).sqrt()
    wanted = torch.maximum(normed * by_channel(layer.gamma) + by_channel(layer.beta),
                           by_channel(layer.v0))
    torch.testing.assert_close(layer(x), wanted, rtol=1e-10, atol=1e-12)


def test_every_known_layer_is_compared():
    layers = {name for name in lathe.known_programs()
              if lathe.load_program(name).signature.name == "layer"}
    compared = {f"{n}_{a}" for n in NORMS for a in ACTIVATIONS}
    compared |= {f"evonorm_{kind}{i}" for kind in "bs" for i in range(3)} | {"frn_tlu"}
    assert layers == compared


def test_state_dict_round_trip(load):
    layer = load("batchnorm_silu", CHANNELS)
    layer(data(1).float())
    other = load("batchnorm_silu", CHANNELS)
    assert set(layer.state_dict()) == {"gamma", "beta", "running_mu", "running_v"}
    other.load_state_dict(layer.state_dict())
    layer.eval()
    other.eval()
    assert torch.equal(layer(data(3).float()), other(data(3).float()))
    assert torch.equal(copy.deepcopy(layer)(data(3).float()), layer(data(3).float()))


@pytest.mark.parametrize("shape", [(4, CHANNELS), (4, CHANNELS, 5), (4, CHANNELS, 2, 3),
                                   (4, CHANNELS, 2, 3, 2)])
def test_inputs_of_two_to_five_dimensions(shape, load):
    layer = scaled(load("batchnorm_relu", CHANNELS))
    x = data(5, shape)
    flat = x.reshape(4, CHANNELS, -1)
    wanted = scaled(OfTorch(nn.BatchNorm1d(CHANNELS, affine=False), functional.relu))(flat)
    torch.testing.assert_close(layer(x), wanted.reshape(shape), rtol=1e-10, atol=1e-12)


# Autocast would take the einsum in half precision.
WITH_EINSUM = """lathe 1 layer with_einsum
input x[B,G,K,H,W]
size = einsum(x[B,G,K,H,W], x[B,G,K,H,W] -> [B,G])
y = mul(x, size)
"""


def test_autocast_and_half_precision_compute_in_float32(load, tmp_path):
    (tmp_path / "with_einsum.lathe").write_text(WITH_EINSUM)
    layer = load(tmp_path / "with_einsum.lathe", CHANNELS, GROUPS)
    x = data(6, dtype=torch.float32)
    wanted, wanted_low = layer(x), layer(x.bfloat16().float()).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.einsum("ij,ij->i", x[0, 0], x[0, 0]).dtype == torch.bfloat16
        assert torch.equal(layer(x), wanted)
        low = layer(x.bfloat16())
    assert low.dtype == torch.bfloat16
    assert torch.equal(low, wanted_low)


def test_a_batch_of_nothing_leaves_the_running_averages(load):
    layer = load("batchnorm_relu", CHANNELS)
    layer(data(7).float())
    before = {name: value.clone() for name, value in layer.named_buffers()}
    assert before
    assert layer(torch.zeros(0, CHANNELS, 6, 7)).shape == (0, CHANNELS, 6, 7)
    for name, value in layer.named_buffers():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("name", ["batchnorm_silu", "evonorm_s0"])
def test_layers_compute_where_there_is_no_autocast_and_no_double(without_doubles, name):
    layer = lathe.load_layer(name, CHANNELS, GROUPS).to("meta")
    with without_doubles:
        for training in (True, False):
            y = layer.train(training)(torch.empty(5, CHANNELS, 6, 7, device="meta"))
            assert (y.shape, y.dtype) == ((5, CHANNELS, 6, 7), torch.float32)


def test_groups_are_the_largest_divisor(load):
    assert load("groupnorm_relu", 48).groups == 24
    assert load("groupnorm_relu", 64).groups == 32
    assert load("groupnorm_relu", 7, groups=5).groups == 1


def test_what_a_layer_cannot_take_is_named(load):
    layer = load("batchnorm_relu", CHANNELS)
    with pytest.raises(ValueError, match=r"takes \[batch, 12, ...\].*not \[2, 11, 3, 3\]"):
        layer(torch.zeros(2, 11, 3, 3))
    with pytest.raises(ValueError, match="takes floating-point numbers, not torch.int64"):
        layer(torch.zeros(2, 12, 3, 3, dtype=torch.int64))
    with pytest.raises(ValueError, match="channels is 0"):
        load("batchnorm_relu", 0)


def test_a_layer_learns(load):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 8, 3), load("evonorm_s0", 8), nn.Flatten(),
                        nn.Linear(8 * 36, 2))
    optimizer = lathe.load_optimizer("adamw", net.parameters(), lr=0.01)
    x = torch.randn(64, 1, 8, 8)
    target = (x[:, 0, 2, 2] > 0).long()
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = functional.cross_entropy(net(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
