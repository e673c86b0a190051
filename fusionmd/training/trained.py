"""A trained model out of a checkpoint or a run folder, ready to be evaluated or exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from fusionmd.errors import PotentialFormatError
from fusionmd.models import build_model
from fusionmd.training.checkpoint import load_checkpoint


@dataclass(frozen=True)
class Trained:
    """model: With the best averaged weights.  e0: eV by atomic number.

    description: model, elements, e0, statistics, head: what rebuilds the model.
    config: The resolved training configuration.
    """

    model: nn.Module
    e0: Mapping[int, float]
    description: Mapping[str, Any]
    config: Mapping[str, Any]


def load_trained(path: str | Path) -> Trained:
    """The best model of a run folder or checkpoint so far; before the first validation, the current one."""
    checkpoint = load_checkpoint(path)
    state, config = checkpoint["state"], yaml.safe_load(checkpoint["config"])
    description: dict[str, Any] = {
        key: checkpoint[key] for key in ("model", "elements", "e0", "statistics", "head") if key in checkpoint
    }
    weights = state["best_weights"] or {**state["model"], **state["average"]["average"]}
    model = rebuilt(description).to(getattr(torch, config["training"]["dtype"]))
    fill_(model, weights)
    return Trained(model, {int(z): energy for z, energy in checkpoint["e0"].items()}, description, config)


def rebuilt(description: Mapping[str, Any]) -> nn.Module:
    """The model that `description` describes, with arbitrary weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_model(description["model"], elements=description["elements"], statistics=description["statistics"])


@torch.no_grad()
def fill_(model: nn.Module, weights: Mapping[str, Tensor]) -> nn.Module:
    """Copy `weights` by name into `model`: parameters and persistent buffers; tables are made by the code."""
    for name, tensor in model.state_dict(keep_vars=True).items():
        found = weights.get(name)
        if found is None or found.shape != tensor.shape:
            came = "missing" if found is None else f"of shape {list(found.shape)}"
            raise PotentialFormatError(
                f"the weights {name} are {came}, the model wants {list(tensor.shape)}; another version of fusionmd "
                "wrote them: use that version, or train again"
            )
        tensor.copy_(found)
    return model
