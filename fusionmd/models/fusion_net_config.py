"""The settings of `fusion_net`, checked: what stands in the section `model` of a configuration."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from fusionmd.fusion.basis import Basis
from fusionmd.fusion.diagram import Diagram
from fusionmd.o3.irreps import Irrep, Irreps


class FusionNetConfig(BaseModel):
    """Message passing on edges and many-body products on nodes, both written as fusion diagrams.

    Leaves: `Y` (edge direction times radial weights), `h_j` (neighbour), `h_i` (centre), `A` (the message).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cutoff: float = Field(default=5.0, gt=0, description="angstrom")
    n_layers: int = Field(default=2, ge=1)
    n_channels: int = Field(default=64, ge=1)
    l_max: int = Field(default=3, ge=0, le=11, description="largest l of the spherical harmonics")
    hidden_irreps: str = Field(default="0e + 1o", description="irreps of the features between layers")
    message: str = Field(default="(Y, h_j)@3+", description="edge diagram of Y, h_j, h_i, summed over neighbours")
    product: tuple[str, ...] = Field(
        default=("A", "(A, A)@3+", "((A, A)@3+, A)"), description="node diagrams of A, h_i, one a body order"
    )
    internal_mixing: bool = Field(
        default=True, description="channel matrices on internal legs; false: one weight per full labelling"
    )
    basis: Basis = Field(default="spherical", description="of components: spherical (2l+1) or cartesian (3^l)")
    n_basis: int = Field(default=8, ge=1, description="Bessel functions")
    cutoff_power: int = Field(default=5, ge=2)
    radial_widths: tuple[int, ...] = (64, 64, 64)
    radial_species: bool = Field(default=False, description="radial weights depend on the two species")
    radial_per_path: bool = Field(default=True, description="weights per (l1, l2, l3); false: shared between the l3")
    species_spread: float = Field(
        default=1.0, ge=0, description="differences between elements at the start; 0: all elements start alike"
    )
    readout_width: int = Field(default=16, ge=1)
    n_outputs: int = Field(default=1, ge=1, description="one energy per electronic state, or what the head wants")
    odd_outputs: tuple[int, ...] = Field(
        default=(), description="outputs that change sign under reflection: couplings of a diabatic head"
    )
    repulsion: bool = Field(default=False, description="add the Ziegler-Biersack-Littmark pair potential")

    @field_validator("hidden_irreps")
    @classmethod
    def _one_copy_each(cls, text: str) -> str:
        irreps = Irreps(text).merged()
        if irreps.n_irreps != len(irreps) or (1, Irrep(0, 1)) not in irreps:
            raise ValueError("each irrep once, 0e among them, as in '0e + 1o'; n_channels says how many of each")
        return text

    @field_validator("message")
    @classmethod
    def _edge_diagram(cls, text: str) -> str:
        _demand_leaves(text, ("Y", "h_j", "h_i"))
        if "Y" not in Diagram.parse(text).leaf_names:
            raise ValueError("an edge diagram needs the leaf Y, which ends at the cutoff, as in '(Y, h_j)@3+'")
        return text

    @field_validator("product")
    @classmethod
    def _node_diagrams(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            _demand_leaves(text, ("A", "h_i"))
        if not any("A" in Diagram.parse(text).leaf_names for text in texts):
            raise ValueError("one of the node diagrams at least needs the leaf A, the message")
        return texts


def _demand_leaves(text: str, allowed: tuple[str, ...]) -> None:
    unknown = [name for name in Diagram.parse(text).leaf_names if name not in allowed]
    if unknown:
        raise ValueError(f"leaf {', '.join(unknown)} is not known here; leaves are {', '.join(allowed)}")
