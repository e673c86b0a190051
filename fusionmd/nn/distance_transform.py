"""Distances bent before they reach the radial basis, so that short bonds of all elements use it alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from fusionmd.fusion.constants import Constants

EXPONENTS = {"a": 1.0805, "q": 0.9183, "p": 4.5791}
"""Those of the published MACE models; the form is from Witt et al., J. Chem. Phys. 159, 164101 (2023)."""


class AgnesiTransform(Constants):
    """y = 1 / (1 + a x^q / (1 + x^(q-p))), x = r over the mean covalent radius of the pair."""

    def __init__(self, elements: Sequence[int]) -> None:
        super().__init__()
        from ase.data import covalent_radii

        radii = np.array([covalent_radii[int(z)] for z in elements])
        self.a, self.q, self.p = (EXPONENTS[name] for name in "aqp")
        self.constant("lengths", 0.5 * (radii[:, None] + radii[None]).ravel())

    def forward(self, distances: Tensor, pairs: Tensor) -> Tensor:
        """distances [n_edges, 1], angstrom, pairs z_i * n_species + z_j -> [n_edges, 1] in (0, 1]."""
        x = distances / self.lengths.index_select(0, pairs).unsqueeze(1)
        return 1.0 / (1.0 + self.a * x.pow(self.q) / (1.0 + x.pow(self.q - self.p)))
