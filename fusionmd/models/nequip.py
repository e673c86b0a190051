"""`nequip`: convolutions with the one-vertex edge diagram (Y, h_j), gates between them.

Batzner et al., Nat. Commun. 13, 2453 (2022); a tensor field network (Thomas et al., arXiv:1802.08219) with skips by
species.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from fusionmd.errors import ConfigError
from fusionmd.fusion.plan import plan_of
from fusionmd.fusion.reach import couples
from fusionmd.models.frame import framed
from fusionmd.models.network_config import TensorConfig, natural
from fusionmd.nn.atomic_network import AtomicNetwork
from fusionmd.nn.convolution import Convolution
from fusionmd.o3.irreps import Irrep


class NequipConfig(TensorConfig):
    """NequIP: gated convolutions, the edge diagram (Y, h_j) with radial weights per path."""

    n_layers: int = Field(default=3, ge=1)
    hidden_irreps: str = Field(default="0e + 1o + 2e", description="irreps of the features between layers")


def nequip(config: NequipConfig, *, elements: Sequence[int], statistics: Mapping[str, Any]) -> AtomicNetwork:
    """The network for `elements` with random weights."""
    layers = []
    for irreps, target in reached_irreps(config):
        carried = {"Y": natural(config.l_max), "h_j": irreps}
        useful = [h for h in irreps if any(couples(y, h, out) for y in carried["Y"] for out in target)]
        layers.append(
            Convolution(
                plan_of("(Y, h_j)", carried | {"h_j": useful}, target),
                carried,
                n_channels=config.n_channels,
                n_species=len(elements),
                n_basis=config.n_basis,
                radial_widths=config.radial_widths,
                mean_degree=float(statistics.get("mean_degree", 1.0)),
            )
        )
    return framed(config, layers, elements, statistics, l_max=config.l_max)


def reached_irreps(config: TensorConfig) -> list[tuple[list[Irrep], list[Irrep]]]:
    """(in, out) of each layer: of the hidden irreps those that (Y, h_j) can make there, at last scalars."""
    irreps, found = [Irrep(0, 1)], []
    for t in range(config.n_layers):
        wanted = [Irrep(0, 1)] if t == config.n_layers - 1 else config.hidden
        target = [i for i in wanted if any(couples(y, h, i) for y in natural(config.l_max) for h in irreps)]
        found.append((irreps, target))
        irreps = target
    missing = [str(i) for i in config.hidden if config.n_layers > 1 and all(i not in out for _, out in found)]
    if missing:
        raise ConfigError(
            f"model.hidden_irreps: (Y, h_j) makes {', '.join(missing)} in none of {config.n_layers} layers with l_max "
            f"{config.l_max}; take it out, raise l_max, or take more layers"
        )
    return found
