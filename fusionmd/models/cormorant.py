"""`cormorant` and `cormorant_fusion`: Clebsch-Gordan levels, no other non-linearity.

Cormorant (Anderson, Hy, Kondor, NeurIPS 2019): h_i (+) (h_i, h_i) (+) sum_j (G_ij, h_j), mixed. Its fusion variant
(Li, Pengmei et al., Mach. Learn.: Sci. Technol. 5, 025044 (2024), section 4) has diagrams of three legs with learnable
internal legs besides; without weight on them it is `cormorant`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, field_validator

from fusionmd.fusion.diagram import Diagram
from fusionmd.models.frame import framed
from fusionmd.models.network_config import TensorConfig, layer_irreps, natural
from fusionmd.nn.atomic_network import AtomicNetwork
from fusionmd.nn.level import Level


class CormorantConfig(TensorConfig):
    """Cormorant: Clebsch-Gordan levels h_i (+) (h_i, h_i) (+) sum_j (G_ij, h_j); the leaf Y stands for G_ij."""

    hidden_irreps: str = Field(default="0e + 1o + 2e", description="irreps of the features between levels")
    node: tuple[str, ...] = Field(default=("h_i", "(h_i, h_i)"), min_length=1, description="diagrams of h_i")
    edge: tuple[str, ...] = Field(default=("(Y, h_j)",), min_length=1, description="diagrams of Y, h_j, h_i")

    @field_validator("node")
    @classmethod
    def _of_nodes(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        return _demand_leaves(texts, {"h_i"}, needed="h_i")

    @field_validator("edge")
    @classmethod
    def _of_edges(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        return _demand_leaves(texts, {"Y", "h_j", "h_i"}, needed="Y")


class CormorantFusionConfig(CormorantConfig):
    """Cormorant with fusion diagrams of three legs, which mix channels on their internal legs."""

    node: tuple[str, ...] = Field(
        default=("h_i", "(h_i, h_i)", "((h_i, h_i)@2+, h_i)"), min_length=1, description="diagrams of h_i"
    )
    edge: tuple[str, ...] = Field(
        default=("(Y, h_j)", "((Y, h_j)@2+, h_i)"), min_length=1, description="diagrams of Y, h_j, h_i"
    )


def cormorant(config: CormorantConfig, *, elements: Sequence[int], statistics: Mapping[str, Any]) -> AtomicNetwork:
    """The network for `elements` with random weights."""
    levels = []
    for irreps, target in layer_irreps(config.hidden, config.n_layers):
        carried = {"Y": natural(config.l_max), "h_j": irreps, "h_i": irreps}
        levels.append(
            Level(
                config.node,
                config.edge,
                carried,
                target,
                n_channels=config.n_channels,
                n_basis=config.n_basis,
                radial_widths=config.radial_widths,
                mean_degree=float(statistics.get("mean_degree", 1.0)),
            )
        )
    return framed(config, levels, elements, statistics, l_max=config.l_max)


def _demand_leaves(texts: tuple[str, ...], allowed: set[str], *, needed: str) -> tuple[str, ...]:
    for text in texts:
        leaves = set(Diagram.parse(text).leaf_names)
        if not leaves <= allowed or needed not in leaves:
            raise ValueError(
                f"{text} has the leaves {sorted(leaves)}; wanted {needed}, and no others than {sorted(allowed)}"
            )
    return texts
