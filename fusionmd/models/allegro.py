"""`allegro`: strictly local pair features, products of the leg of a pair with the leg of its centre.

Musaelian et al., Nat. Commun. 14, 579 (2023). Whatever `n_layers`, an atom feels one cutoff.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, field_validator

from fusionmd.fusion.diagram import Diagram
from fusionmd.fusion.plan import plan_of
from fusionmd.models.frame import framed
from fusionmd.models.network_config import NetworkConfig, natural
from fusionmd.nn.atomic_network import AtomicNetwork
from fusionmd.nn.pair_stack import PairStack
from fusionmd.o3.irreps import Irrep


class AllegroConfig(NetworkConfig):
    """Allegro-like: strictly local features of pairs, with the diagram (V, A) of pair and centre in every layer."""

    l_max: int = Field(default=2, ge=0, le=11, description="largest l of the spherical harmonics")
    pair: str = Field(default="(V, A)@2+", description="diagram of V, the pair, and A, its centre")
    pair_width: int = Field(default=64, ge=1, description="hidden width of the networks of pairs")

    @field_validator("pair")
    @classmethod
    def _of_pairs(cls, text: str) -> str:
        leaves = list(Diagram.parse(text).leaf_names)
        if "V" not in leaves or not set(leaves) <= {"V", "A"}:
            raise ValueError("a pair diagram has the leaf V, and A besides, as in '(V, A)@2+'")
        return text


def allegro(config: AllegroConfig, *, elements: Sequence[int], statistics: Mapping[str, Any]) -> AtomicNetwork:
    """The network for `elements` with random weights."""
    harmonics = natural(config.l_max)
    plans, irreps = [], tuple(harmonics)
    for t in range(config.n_layers):
        target = [Irrep(0, 1)] if t == config.n_layers - 1 else None
        plans.append(plan_of(config.pair, {"V": irreps, "A": harmonics}, target))
        irreps = plans[-1].lines[plans[-1].outputs[0]].distinct
    stack = PairStack(
        plans,
        harmonics,
        n_channels=config.n_channels,
        n_species=len(elements),
        n_basis=config.n_basis,
        radial_widths=config.radial_widths,
        width=config.pair_width,
        mean_degree=float(statistics.get("mean_degree", 1.0)),
    )
    return framed(config, [stack], elements, statistics, l_max=config.l_max)
