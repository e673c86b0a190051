"""`mace`: the product basis is the left tree ((A, A), A) without channel matrices on its internal legs.

Batatia, Kovacs, Simm, Ortner, Csanyi, NeurIPS 2022: A_i sums (Y_ij, h_j) over neighbours, B_i are products of A_i up to
`correlation` factors with one weight per species, channel and full labelling. Weights of `mace-torch` fit in
(`fusionmd convert mace`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from fusionmd.fusion.plan import plan_of
from fusionmd.models.frame import framed
from fusionmd.models.network_config import TensorConfig, layer_irreps, natural
from fusionmd.nn.atomic_network import AtomicNetwork
from fusionmd.nn.distance_transform import AgnesiTransform
from fusionmd.nn.mace_repulsion import MaceRepulsion
from fusionmd.nn.product import Product
from fusionmd.nn.product_layer import ProductLayer
from fusionmd.nn.reachable import reaching_plan
from fusionmd.o3.irreps import Irrep

Interaction = Literal["plain", "residual", "density", "density_residual"]


class MaceConfig(TensorConfig):
    """MACE: messages (Y, h_j), products of up to `correlation` of their sums A, species-dependent path weights."""

    correlation: int = Field(default=3, ge=1, le=4, description="largest number of factors A in a product")
    inner_l_max: int | None = Field(
        default=None, ge=0, description="products of A go on with l <= this and natural parity; null: with all"
    )
    first_interaction: Interaction = Field(default="residual", description="of the first layer")
    interaction: Interaction = Field(default="residual", description="of later layers")
    distance_transform: Literal["none", "agnesi"] = "none"
    repulsion: bool | Literal["mace"] = Field(  # type: ignore[assignment]
        default=False, description="add the Ziegler-Biersack-Littmark pair potential; mace: with mace-torch's constants"
    )

    @property
    def product(self) -> tuple[str, ...]:
        """The diagrams of the product basis, one an order."""
        return left_trees(self.correlation, "" if self.inner_l_max is None else f"@{self.inner_l_max}+")


def mace(config: MaceConfig, *, elements: Sequence[int], statistics: Mapping[str, Any]) -> AtomicNetwork:
    """The network for `elements` with random weights."""
    layers = layers_of(config, [f"(Y, h_j)@{config.l_max}+"], Product, len(elements), statistics)
    return network(config, layers, elements, statistics)


def layers_of(
    config: MaceConfig, messages: Sequence[str], product: type[Product], n_species: int, statistics: Mapping[str, Any]
) -> list[ProductLayer]:
    """One `ProductLayer` a layer; `messages` are its edge diagrams, summed."""
    layers = []
    for t, (irreps, target) in enumerate(layer_irreps(config.hidden, config.n_layers)):
        kind = config.interaction if t else config.first_interaction
        layers.append(_layer(config, messages, product, irreps, target, kind, n_species, statistics))
    return layers


def network(
    config: MaceConfig, layers: Sequence[ProductLayer], elements: Sequence[int], statistics: Mapping[str, Any]
) -> AtomicNetwork:
    """The layers in their frame."""
    transform = AgnesiTransform(elements) if config.distance_transform == "agnesi" else None
    repulsion = None
    if config.repulsion == "mace":
        scale = float(statistics.get("rms_force", 1.0))
        repulsion = MaceRepulsion(elements, power=config.cutoff_power, scale=scale)
    return framed(config, layers, elements, statistics, l_max=config.l_max, transform=transform, repulsion=repulsion)


def left_trees(n: int, inner: str) -> tuple[str, ...]:
    """A, (A, A), ((A, A), A), ... of up to n leaves, with the truncation `inner` on internal legs.

    >>> left_trees(3, "@2+")
    ('A', '(A, A)', '((A, A)@2+, A)')
    """
    trees = ["A"]
    for k in range(1, n):
        trees.append(f"({trees[-1]}{inner if k > 1 else ''}, A)")
    return tuple(trees)


def _layer(
    config: MaceConfig,
    messages: Sequence[str],
    product: type[Product],
    irreps: Sequence[Irrep],
    target: Sequence[Irrep],
    kind: Interaction,
    n_species: int,
    statistics: Mapping[str, Any],
) -> ProductLayer:
    carried = {"Y": natural(config.l_max), "h_j": irreps, "h_i": irreps}
    plans = [plan_of(messages[0], carried)]
    leaf = {"A": plans[0].lines[plans[0].outputs[0]].distinct}
    plans += [reaching_plan("model", [text], carried, leaf["A"]) for text in messages[1:]]
    plan = reaching_plan("model.hidden_irreps", config.product, leaf, target, resolved=True)
    return ProductLayer(
        plans,
        product(plan, leaf, target, config.n_channels, n_species, mixing=False),
        carried,
        target,
        n_channels=config.n_channels,
        n_species=n_species,
        n_basis=config.n_basis,
        radial_widths=config.radial_widths,
        mean_degree=float(statistics.get("mean_degree", 1.0)),
        has_residual=kind.endswith("residual"),
        has_density=kind.startswith("density"),
    )
