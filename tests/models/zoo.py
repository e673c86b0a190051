"""Every architecture of the registry, small enough for tests; those with options more than once."""

from functools import cache
from typing import Any

import torch
from torch import nn

from fusionmd.models import build_model
from tests.models.nets import ELEMENTS, STATISTICS

COMMON = {"cutoff": 4.0, "n_channels": 3, "readout_width": 4, "radial_widths": [6]}
ZOO: dict[str, dict[str, Any]] = {
    "fusion_net": {"name": "fusion_net", "l_max": 2},
    "mace": {"name": "mace"},
    "mace, plain": {
        "name": "mace",
        "first_interaction": "plain",
        "interaction": "plain",
        "inner_l_max": 2,
        "repulsion": True,
        "n_outputs": 2,
    },
    "mace, density": {
        "name": "mace",
        "correlation": 2,
        "hidden_irreps": "0e + 1o + 2e",
        "first_interaction": "density",
        "interaction": "density_residual",
        "distance_transform": "agnesi",
    },
    "mace_fusion": {"name": "mace_fusion"},
    "eninet": {"name": "eninet", "n_layers": 1},
    "tensor_frames": {"name": "tensor_frames"},
    "allegro": {"name": "allegro", "pair": "(V, A)@2"},
    "ictp": {"name": "ictp"},
    "nequip": {"name": "nequip", "n_layers": 2},
    "nequip, both parities": {"name": "nequip", "n_layers": 4, "hidden_irreps": "0e + 0o + 1o + 1e"},
    "cormorant": {"name": "cormorant"},
    "cormorant_fusion": {"name": "cormorant_fusion", "hidden_irreps": "0e + 1o"},
}


@cache
def member(key: str, **settings: Any) -> nn.Module:
    """The architecture of ZOO with random float64 weights, one for all tests, which leave it as it is."""
    torch.manual_seed(5)
    config = {**COMMON, **ZOO[key], **settings}
    return build_model(config, elements=ELEMENTS, statistics=STATISTICS).double()
