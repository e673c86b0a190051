"""What an edge vector becomes, in native operations."""

from typing import Tuple

import torch
from torch import Tensor, nn

from fusionmd.fusion.constants import Constants
from fusionmd.nn.harmonics import CartesianHarmonics
from fusionmd.nn.radial import BesselBasis, PolynomialCutoff
from fusionmd.o3.spherical_harmonics import SphericalHarmonics


class NativeEdgeBasis(Constants):
    """Harmonics (degree <= 3, either basis), `BesselBasis` and `PolynomialCutoff` as one operation."""

    def __init__(
        self,
        harmonics: SphericalHarmonics,
        in_basis: CartesianHarmonics | nn.Identity,
        basis: BesselBasis,
        envelope: PolynomialCutoff,
    ) -> None:
        super().__init__()
        self.constant("frequencies", basis.exact("frequencies"))
        self.cutoff, self.power = float(envelope.cutoff), int(envelope.p)
        coefficients = harmonics.polynomial_coefficients()
        if isinstance(in_basis, CartesianHarmonics):
            coefficients = coefficients @ in_basis.exact("table")
        self.constant("coefficients", coefficients)

    def forward(self, vectors: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        """vectors [n_edges, 3], angstrom -> harmonics [n_edges, m], basis [n_edges, n_basis], envelope [n_edges, 1]."""
        harmonics, basis, envelope = torch.ops.fusionmd.edge_basis(
            vectors, self.coefficients, self.frequencies, self.cutoff, self.power
        )
        return harmonics, basis, envelope
