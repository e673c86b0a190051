"""Settings that every message passing architecture of the registry has."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, field_validator

from fusionmd.fusion.reach import by_parity
from fusionmd.o3.irreps import Irrep, Irreps


class NetworkConfig(BaseModel):
    """What the frame around the layers needs to know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cutoff: float = Field(default=5.0, gt=0, description="angstrom")
    n_layers: int = Field(default=2, ge=1)
    n_channels: int = Field(default=32, ge=1)
    n_basis: int = Field(default=8, ge=1, description="Bessel functions")
    cutoff_power: int = Field(default=5, ge=2)
    radial_widths: tuple[int, ...] = Field(default=(64, 64, 64), min_length=1)
    readout_width: int = Field(default=16, ge=1)
    n_outputs: int = Field(default=1, ge=1, description="one energy per electronic state")
    repulsion: bool = Field(default=False, description="add the Ziegler-Biersack-Littmark pair potential")


class TensorConfig(NetworkConfig):
    """What networks of tensors know besides."""

    l_max: int = Field(default=2, ge=0, le=11, description="largest l of the spherical harmonics")
    hidden_irreps: str = Field(default="0e + 1o", description="irreps of the features between layers")

    @field_validator("hidden_irreps")
    @classmethod
    def _each_once(cls, text: str) -> str:
        irreps = Irreps(text).merged()
        if any(count != 1 for count, _ in irreps) or Irrep(0, 1) not in [irrep for _, irrep in irreps]:
            raise ValueError("one copy of each irrep, and 0e among them, as in '0e + 1o'; n_channels counts copies")
        return text

    @property
    def hidden(self) -> list[Irrep]:
        """The irreps between layers, even ones first."""
        return sorted((irrep for _, irrep in Irreps(self.hidden_irreps)), key=by_parity)


def natural(l_max: int) -> list[Irrep]:
    """0e, 1o, 2e, ... up to l_max: what spherical harmonics carry."""
    return [Irrep(l, (-1) ** l) for l in range(l_max + 1)]


def layer_irreps(hidden: Sequence[Irrep], n_layers: int) -> list[tuple[list[Irrep], list[Irrep]]]:
    """(in, out) of each layer: scalars first and last, `hidden` between."""
    between = [[Irrep(0, 1)], *[list(hidden)] * (n_layers - 1), [Irrep(0, 1)]]
    return list(zip(between[:-1], between[1:], strict=True))
