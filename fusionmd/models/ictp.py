"""`ictp`: the trees of MACE in irreducible Cartesian tensors, symmetric traceless tensors with all 3^l components.

Zaverkin et al., NeurIPS 2024, arXiv:2405.14253, from its mathematics: products of irreducible Cartesian tensors in
place of Clebsch-Gordan products; `full` products couple every ordered pair of factors, `symmetric` ones each unordered
pair once; `coupled` features mix channels after every product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, model_validator

from fusionmd.fusion.basis import Basis
from fusionmd.fusion.plan import Plan, plan_of
from fusionmd.models.frame import framed
from fusionmd.models.mace import left_trees
from fusionmd.models.network_config import TensorConfig, layer_irreps, natural
from fusionmd.nn.atomic_network import AtomicNetwork
from fusionmd.nn.product import Product
from fusionmd.nn.product_layer import ProductLayer
from fusionmd.nn.reachable import reaching_plan
from fusionmd.o3.irreps import Irrep

LARGEST_L = 3


class IctpConfig(TensorConfig):
    """ICTP: message passing and many-body products in irreducible Cartesian tensors, l <= 3."""

    correlation: int = Field(default=3, ge=1, le=3, description="largest number of factors A in a product")
    products: Literal["symmetric", "full"] = "symmetric"
    coupled: bool = Field(default=True, description="channels mix after every product; false: path weights only")
    pseudotensors: bool = Field(default=False, description="inner irreps of both parities; false: l1 + l2 + l3 even")
    basis: Basis = Field(default="cartesian", description="spherical: the same function, for comparison")

    @model_validator(mode="after")
    def _within_tables(self) -> IctpConfig:
        largest = max(self.l_max, *(irrep.l for irrep in self.hidden))
        if largest > LARGEST_L:
            raise ValueError(
                f"l = {largest} is beyond the Cartesian tensors of this architecture, which end at l = {LARGEST_L}; "
                "lower l_max and hidden_irreps, or take mace or mace_fusion"
            )
        return self

    @property
    def truncation(self) -> str:
        """Of messages and inner legs."""
        return f"@{self.l_max}" + ("" if self.pseudotensors else "+")


def ictp(config: IctpConfig, *, elements: Sequence[int], statistics: Mapping[str, Any]) -> AtomicNetwork:
    """The network for `elements` with random weights."""
    layers = []
    for irreps, target in layer_irreps(config.hidden, config.n_layers):
        carried = {"Y": natural(config.l_max), "h_j": irreps, "h_i": irreps}
        message = plan_of(f"(Y, h_j){config.truncation}", carried, basis=config.basis)
        leaf = {"A": message.lines[message.outputs[0]].distinct}
        plan = product_plan(config, leaf, target)
        layers.append(
            ProductLayer(
                [message],
                Product(plan, leaf, target, config.n_channels, len(elements), mixing=config.coupled),
                carried,
                target,
                n_channels=config.n_channels,
                n_species=len(elements),
                n_basis=config.n_basis,
                radial_widths=config.radial_widths,
                mean_degree=float(statistics.get("mean_degree", 1.0)),
            )
        )
    return framed(config, layers, elements, statistics, l_max=config.l_max, basis=config.basis)


def product_plan(config: IctpConfig, leaf: Mapping[str, Sequence[Irrep]], target: Sequence[Irrep]) -> Plan:
    """The plan of A, (A, A), ... for the irreps of A."""
    return reaching_plan(
        "model.hidden_irreps",
        left_trees(config.correlation, config.truncation),
        leaf,
        target,
        resolved=not config.coupled,
        symmetric_leaves=config.products == "symmetric",
        basis=config.basis,
    )
