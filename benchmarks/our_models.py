"""Our side of the benchmarks: the architecture of the shipped potential with other sizes and random weights."""

from functools import cache

import torch
import yaml

from benchmarks.machine import ROOT
from fusionmd.models import build_model
from fusionmd.potential import Potential, load_potential
from fusionmd.potential.export import potential_bytes

CONFIG = ROOT / "models" / "acac-300K" / "config.yaml"
ELEMENTS = (1, 6, 8)
E0 = {1: -13.6, 6: -1027.0, 8: -2038.0}
STATISTICS = {"mean_degree": 12.0, "rms_force": 1.0, "shift": 0.0}


@cache
def potential_of(n_channels: int, product: tuple[str, ...]) -> Potential:
    """The model as an exported file, loaded."""
    content, _ = potential_bytes(model_of(n_channels, product), atomic_energies=E0, name="speed", frames=())
    return load_potential(content)


def model_of(n_channels: int, product: tuple[str, ...]) -> torch.nn.Module:
    """The architecture of the shipped potential with other channels, float32; `product` replaces its node diagrams."""
    section = {**yaml.safe_load(CONFIG.read_text())["model"], "n_channels": n_channels}
    changed = {"product": list(product)} if product else {}
    torch.manual_seed(0)
    return build_model(section | changed, elements=ELEMENTS, statistics=STATISTICS)
