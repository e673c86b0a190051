import copy

import pytest
import torch
from torch import nn

from fusionmd.training.clipping import clip_
from fusionmd.training.config import OptimizerConfig
from fusionmd.training.muon import Muon, orthogonalised
from fusionmd.training.optimizers import build_optimizer, hidden_matrices, parameter_groups
from fusionmd.training.soap import Soap


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.embedding = nn.Parameter(torch.randn(3, 1, 4, generator=generator, dtype=torch.float64))
        self.mixing = nn.Parameter(torch.randn(2, 4, 5, generator=generator, dtype=torch.float64))
        self.bias = nn.Parameter(torch.randn(5, generator=generator, dtype=torch.float64))
        self.unused = nn.Parameter(torch.zeros(0, 4, dtype=torch.float64))

    def loss(self) -> torch.Tensor:
        """Ill-conditioned, smallest (0) at mixing = embedding = 0, bias = 1."""
        scales = torch.logspace(0, -1.5, 5, dtype=torch.float64)
        return ((self.mixing * scales) ** 2).sum() + (self.embedding**2).sum() + ((self.bias - 1) ** 2).sum()


class OfferingNet(Net):
    def parameter_groups(self) -> dict[str, list[str]]:
        return {"decay": ["mixing"], "no_decay": ["embedding", "bias"]}

    def learning_rate_scales(self) -> dict[str, float]:
        return {"bias": 0.1}


def names_in(group, net):
    names = {id(p): name for name, p in net.named_parameters()}
    return {names[id(p)] for p in group["params"]}


def minimised(net, optimizer, n_steps):
    for step in range(n_steps):
        for parameter, gradient in zip(
            net.parameters(), torch.autograd.grad(net.loss(), list(net.parameters()), allow_unused=True), strict=True
        ):
            parameter.grad = gradient
        optimizer.step(1.0 - step / n_steps)
    return net.loss().item()


@pytest.mark.parametrize("name", ["adamw", "amsgrad", "muon", "soap"])
def test_every_rule_finds_the_minimum(name):
    net = Net()
    first = net.loss().item()
    optimizer = build_optimizer(net, OptimizerConfig(name=name, learning_rate=0.1, betas=(0.9, 0.95)))
    assert minimised(net, optimizer, 300) < 1e-3 * first


def test_soap_needs_fewer_steps_than_adam_on_a_rotated_valley():
    generator = torch.Generator().manual_seed(1)
    left, _ = torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64))
    scales = torch.logspace(0, -2, 6, dtype=torch.float64)
    target = torch.randn(6, 6, generator=generator, dtype=torch.float64)

    def left_over(rule):
        weight = nn.Parameter(torch.zeros(6, 6, dtype=torch.float64))
        optimizer = rule(weight)
        for step in range(400):
            optimizer.param_groups[0]["lr"] = 0.1 * (1 - step / 400)
            weight.grad = torch.autograd.grad((((left @ (weight - target)) * scales[:, None]) ** 2).sum(), weight)[0]
            optimizer.step()
        return float(((weight - target) ** 2).sum().detach())

    soap = left_over(lambda w: Soap([w], 0.1, betas=(0.9, 0.95), frequency=5))
    adam = left_over(lambda w: torch.optim.AdamW([w], 0.1, betas=(0.9, 0.95), weight_decay=0.0))
    assert soap < 0.1 * adam


def test_groups_follow_the_model_or_the_number_of_axes():
    offering, plain = OfferingNet(), Net()
    decaying, rest = parameter_groups(offering, weight_decay=0.1)
    assert names_in(decaying, offering) == {"mixing"} and decaying["weight_decay"] == 0.1
    assert names_in(rest, offering) == {"embedding", "bias", "unused"} and rest["weight_decay"] == 0.0
    decaying, rest = parameter_groups(plain, weight_decay=0.1, frozen=frozenset({"mixing"}))
    assert names_in(decaying, plain) == {"embedding", "unused"} and names_in(rest, plain) == {"bias"}


def test_learning_rates_are_scaled_as_the_model_asks():
    net = OfferingNet()
    optimizer = build_optimizer(net, OptimizerConfig(name="adamw", learning_rate=0.5))
    optimizer.step(0.5)
    rates = {name: group["lr"] for group in optimizer.optimizers[0].param_groups for name in names_in(group, net)}
    assert rates == {"mixing": 0.25, "embedding": 0.25, "unused": 0.25, "bias": 0.025}


def test_decay_shrinks_only_what_decays():
    net = OfferingNet()
    before = {name: parameter.detach().clone() for name, parameter in net.named_parameters()}
    for parameter in net.parameters():
        parameter.grad = torch.zeros_like(parameter)
    build_optimizer(net, OptimizerConfig(name="amsgrad", learning_rate=0.1, weight_decay=0.5)).step(1.0)
    assert torch.allclose(net.mixing, 0.95 * before["mixing"]) and torch.equal(net.embedding, before["embedding"])


def test_orthogonalised_matrices_have_singular_values_near_one():
    generator = torch.Generator().manual_seed(2)
    matrices = torch.randn(3, 4, 7, generator=generator, dtype=torch.float64)
    flat = torch.linalg.svdvals(orthogonalised(matrices))
    assert flat.min() > 0.6 and flat.max() < 1.3
    tall = orthogonalised(matrices.mT)
    assert torch.allclose(tall, orthogonalised(matrices).mT)
    u, _, vh = torch.linalg.svd(matrices[0], full_matrices=False)
    assert torch.linalg.matrix_norm(orthogonalised(matrices[0]) - u @ vh, 2) < 0.4


def test_muon_moves_matrices_and_adam_the_rest():
    net = OfferingNet()
    assert [p.shape for p in hidden_matrices(net)] == [(2, 4, 5)]
    first, second = build_optimizer(net, OptimizerConfig(name="muon")).optimizers
    assert isinstance(first, Muon) and names_in(first.param_groups[0], net) == {"mixing"}
    assert {name for group in second.param_groups for name in names_in(group, net)} == {"embedding", "bias", "unused"}


@pytest.mark.parametrize("name", ["muon", "soap"])
def test_a_loaded_state_goes_on_bit_identically(name):
    config = OptimizerConfig(name=name, learning_rate=0.05, soap_frequency=3)
    whole, parts = Net(), Net()
    minimised(whole, build_optimizer(whole, config), 1)
    first = build_optimizer(whole, config)
    minimised(whole, first, 7)
    parts.load_state_dict(whole.state_dict())
    second = build_optimizer(parts, config)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert minimised(whole, first, 5) == minimised(parts, second, 5)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), parts.parameters(), strict=True))


def test_clipping_limits_the_common_norm():
    gradients = [torch.tensor([3.0, 0.0]), torch.tensor([[4.0]])]
    assert clip_(gradients, 10.0).item() == pytest.approx(5.0) and gradients[1].item() == 4.0
    assert clip_(gradients, 1.0).item() == pytest.approx(5.0)
    assert torch.cat([g.reshape(-1) for g in gradients]).norm().item() == pytest.approx(1.0)
    assert clip_(gradients, None).item() == pytest.approx(1.0)
