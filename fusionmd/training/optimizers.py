"""The optimizer of a configuration: parameter groups with and without weight decay, and the rule that moves them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from fusionmd.training.config import OptimizerConfig
from fusionmd.training.muon import Muon
from fusionmd.training.soap import Soap
from fusionmd.training.species_pull import NO_PULL, SpeciesPull, species_pull

Groups = list[dict[str, Any]]


class OptimizerSet:
    """One or several optimizers that move disjoint parameters, with the schedule's factor, and the pull on elements."""

    def __init__(self, optimizers: Iterable[torch.optim.Optimizer], pull: SpeciesPull = NO_PULL) -> None:
        self.optimizers, self.pull = tuple(optimizers), pull
        self.first_rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in self.optimizers]

    def step(self, factor: float) -> None:
        """Move all parameters along their `.grad`, with all learning rates times `factor`."""
        self.pull.add_gradients()
        for optimizer, rates in zip(self.optimizers, self.first_rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            optimizer.step()

    def state_dict(self) -> list[dict[str, Any]]:
        return [optimizer.state_dict() for optimizer in self.optimizers]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        for optimizer, state in zip(self.optimizers, states, strict=True):
            optimizer.load_state_dict(state)


def build_optimizer(model: nn.Module, config: OptimizerConfig, *, frozen: Iterable[str] = ()) -> OptimizerSet:
    """The optimizer set for all parameters of `model` that are not `frozen`.

    AdamW: Loshchilov & Hutter, ICLR 2019. AMSGrad: Reddi et al., ICLR 2018. Muon, SOAP: see their files;
    with Muon, everything but `hidden_matrices` is moved by AdamW.
    """
    groups = scaled_groups(model, config, frozen=frozenset(frozen))
    pull = species_pull(model, groups, config)
    if config.name == "soap":
        return OptimizerSet(
            [
                Soap(
                    groups,
                    config.learning_rate,
                    betas=config.betas,
                    eps=config.epsilon,
                    frequency=config.soap_frequency,
                )
            ],
            pull,
        )
    if config.name == "muon":
        matrices, rest = _split(groups, frozenset(id(p) for p in hidden_matrices(model)))
        matrices = [{key: value for key, value in group.items() if key != "lr"} for group in matrices]
        muon = (
            [Muon(matrices, config.muon_learning_rate or config.learning_rate, momentum=config.muon_momentum)]
            if matrices
            else []
        )
        return OptimizerSet([*muon, *([_adamw(rest, config)] if rest else [])], pull)
    return OptimizerSet([_adamw(groups, config)], pull)


def parameter_groups(model: nn.Module, *, weight_decay: float, frozen: frozenset[str] = frozenset()) -> Groups:
    """Groups with and without decay.

    A model may offer `parameter_groups() -> {"decay": [names], "no_decay": [names]}`; otherwise parameters of two or
    more axes decay.
    """
    named = {name: p for name, p in model.named_parameters() if name not in frozen}
    decaying = _decaying_names(model, named)
    groups = [
        {"params": [p for name, p in named.items() if name in decaying], "weight_decay": weight_decay},
        {"params": [p for name, p in named.items() if name not in decaying], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def scaled_groups(model: nn.Module, config: OptimizerConfig, *, frozen: frozenset[str] = frozenset()) -> Groups:
    """The parameter groups, divided further by learning rate.

    A model may offer `learning_rate_scales() -> {name: factor}`. With the standard deviation of its initial weights as
    factors, Adam-like rules change every parameter at the same relative speed (as with unit weights and 1/sqrt(fan-in)
    in the forward pass).
    """
    offered = getattr(model, "learning_rate_scales", None)
    by_name = offered() if callable(offered) else {}
    scales = {id(p): by_name.get(name, 1.0) for name, p in model.named_parameters()}
    groups = []
    for group in parameter_groups(model, weight_decay=config.weight_decay, frozen=frozen):
        for scale in sorted({scales.get(id(p), 1.0) for p in group["params"]}):
            chosen = [p for p in group["params"] if scales.get(id(p), 1.0) == scale]
            groups.append({**group, "params": chosen, "lr": config.learning_rate * scale})
    return groups


def hidden_matrices(model: nn.Module) -> list[Tensor]:
    """Parameters that decay (so no embeddings) and are matrices, or batches of them, of more than one row."""
    named = dict(model.named_parameters())
    decaying = _decaying_names(model, named)
    return [p for name, p in named.items() if name in decaying and p.ndim >= 2 and min(p.shape[-2:]) > 1]


def _decaying_names(model: nn.Module, named: Mapping[str, Tensor]) -> frozenset[str]:
    offered = getattr(model, "parameter_groups", None)
    if callable(offered):
        return frozenset(offered()["decay"])
    return frozenset(name for name, parameter in named.items() if parameter.ndim >= 2)


def _adamw(groups: Groups, config: OptimizerConfig) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        groups,
        lr=config.learning_rate,
        betas=config.betas,
        eps=config.epsilon,
        weight_decay=0.0,
        amsgrad=config.name == "amsgrad",
        foreach=True,
    )


def _split(groups: Groups, first: frozenset[int]) -> tuple[Groups, Groups]:
    """The groups with the parameters whose id is in `first`, and those with the others."""
    parts: tuple[Groups, Groups] = ([], [])
    for group in groups:
        for part, is_first in zip(parts, (True, False), strict=True):
            chosen = [p for p in group["params"] if (id(p) in first) == is_first]
            if chosen:
                part.append({**group, "params": chosen})
    return parts
