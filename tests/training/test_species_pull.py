"""The gradient that holds elements together is that of the penalty, on what elements have of their own."""

import torch
from torch import nn

from fusionmd.training.config import OptimizerConfig
from fusionmd.training.optimizers import build_optimizer, scaled_groups
from fusionmd.training.species_pull import NO_PULL, SpeciesPull, species_pull

SPREAD = 0.5


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.embedding = nn.Parameter(torch.randn(3, 1, 4, generator=generator, dtype=torch.float64))
        self.mixing = nn.Parameter(torch.randn(3, 4, 5, generator=generator, dtype=torch.float64))
        for parameter in self.parameters():
            parameter.grad = torch.ones_like(parameter)

    def species_parameters(self) -> list[str]:
        return ["embedding"]

    def learning_rate_scales(self) -> dict[str, float]:
        return {"embedding": SPREAD}


def pull_on(net: nn.Module, strength: float) -> SpeciesPull:
    config = OptimizerConfig(learning_rate=0.1, species_pull=strength)
    return species_pull(net, scaled_groups(net, config), config)


def test_gradients_are_those_of_the_penalty() -> None:
    net = Net()
    pull_on(net, 3.0).add_gradients()
    deviations = net.embedding - net.embedding.mean(0)
    (gradient,) = torch.autograd.grad(3.0 * (deviations / SPREAD).square().sum(), [net.embedding])
    assert torch.allclose(net.embedding.grad, 1 + gradient, rtol=1e-12)
    assert torch.equal(net.mixing.grad, torch.ones_like(net.mixing))


def test_every_rule_brings_elements_together_if_nothing_else_matters() -> None:
    for name in ("adamw", "amsgrad", "muon", "soap"):
        net = Net()
        config = OptimizerConfig(name=name, learning_rate=0.1, betas=(0.9, 0.95), species_pull=1.0)
        optimizer = build_optimizer(net, config)
        for step in range(300):
            for parameter in net.parameters():
                parameter.grad = torch.zeros_like(parameter)
            optimizer.step(1 - step / 300)
        assert (net.embedding - net.embedding.mean(0)).abs().max() < 1e-3, name
        assert torch.equal(net.mixing, Net().mixing)


def test_there_is_no_pull_unless_asked_for_and_possible() -> None:
    net = Net()
    assert pull_on(net, 0.0) is NO_PULL and pull_on(nn.Linear(2, 2), 1.0) is NO_PULL
    config = OptimizerConfig(species_pull=1.0)
    assert species_pull(net, scaled_groups(net, config, frozen=frozenset({"embedding"})), config).stiffnesses == ()
