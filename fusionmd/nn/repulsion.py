"""Ziegler-Biersack-Littmark screened nuclear repulsion, switched off smoothly at the sum of covalent radii.

J. F. Ziegler, J. P. Biersack, U. Littmark, The Stopping and Range of Ions in Solids, Pergamon (1985):
V(r) = Z1 Z2 e^2 / (4 pi eps0 r) phi(r/a), phi(x) = sum_k c_k exp(-d_k x), a = 0.8854 a0 / (Z1^0.23 + Z2^0.23).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from fusionmd.fusion.constants import Constants
from fusionmd.units import ANGSTROM_PER_BOHR, EV_PER_HARTREE

_SCREENING = np.array([[0.18175, 3.19980], [0.50986, 0.94229], [0.28022, 0.40290], [0.02817, 0.20162]])
_COULOMB_EV_ANGSTROM = EV_PER_HARTREE * ANGSTROM_PER_BOHR
_SWITCH_POWER = 6


class ZBLRepulsion(Constants):
    """Half of every pair's repulsion on each of its atoms; zero beyond the sum of covalent radii."""

    def __init__(self, elements: Sequence[int]) -> None:
        super().__init__()
        from ase.data import covalent_radii

        z = np.asarray(elements, dtype=np.float64)
        screening = 0.8854 * ANGSTROM_PER_BOHR / (z[:, None] ** 0.23 + z[None] ** 0.23)
        radii = np.array([covalent_radii[int(k)] for k in elements])
        self.n_species, self.power = len(z), _SWITCH_POWER
        self.constant("charge", (0.5 * _COULOMB_EV_ANGSTROM * z[:, None] * z[None]).ravel())
        self.constant("length", screening.ravel())
        self.constant("reach", (radii[:, None] + radii[None]).ravel())
        self.constant("coefficients", _SCREENING[:, 0])
        self.constant("decays", _SCREENING[:, 1])

    def forward(
        self, edge_vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> Tensor:
        """[n_local, 1], eV."""
        pairs = species.index_select(0, receivers) * self.n_species + species.index_select(0, senders)
        r = torch.sqrt((edge_vectors * edge_vectors).sum(1))
        x = r / self.length.index_select(0, pairs)
        phi = (self.coefficients * torch.exp(-self.decays * x.unsqueeze(1))).sum(1)
        energies = (
            self.charge.index_select(0, pairs) / r * phi * _switch(r / self.reach.index_select(0, pairs), self.power)
        )
        padded = torch.cat([energies, torch.zeros_like(self.charge[:1])])
        return padded.index_select(0, slots[:n_local].reshape(-1)).view(n_local, slots.size(1)).sum(1, keepdim=True)


def _switch(x: Tensor, p: int) -> Tensor:
    """1 at 0, 0 with two vanishing derivatives at 1 and beyond."""
    y = x.clamp(max=1.0)
    return 1.0 - (p + 1) * (p + 2) / 2.0 * y.pow(p) + p * (p + 2.0) * y.pow(p + 1) - p * (p + 1) / 2.0 * y.pow(p + 2)
