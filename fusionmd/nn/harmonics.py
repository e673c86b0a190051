"""Spherical harmonics as symmetric traceless tensors: one constant matrix changes the basis."""

from __future__ import annotations

import torch
from scipy.linalg import block_diag
from torch import Tensor

from fusionmd.fusion.constants import Constants
from fusionmd.o3.cartesian import cartesian_basis


class CartesianHarmonics(Constants):
    """t_l = Q_l Y_l for l = 0 ... l_max."""

    def __init__(self, l_max: int) -> None:
        super().__init__()
        self.constant("table", block_diag(*(cartesian_basis(l).T for l in range(l_max + 1))))

    def forward(self, harmonics: Tensor) -> Tensor:
        """[n, (l_max + 1)^2] -> [n, sum of 3^l]."""
        return torch.mm(harmonics, self.table)
