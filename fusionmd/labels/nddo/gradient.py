"""Gradients of the states by the positions.

E depends on them through the integrals at fixed orbitals, through the p and sigma orbitals that are filtered, and
through the Fock matrix: with L from the response of the density (`field.response`),

    dE = dE|orbitals + (dE/dp) dp + sum L (dh + 2 dJ[D] - dK[D]).

The first and last are sums of integrals times densities: these are contracted first, and differentiated as one scalar.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from fusionmd.labels.nddo.coulomb import padded
from fusionmd.labels.nddo.molecule import Indices, Molecule
from fusionmd.labels.nddo.pairs import Block
from fusionmd.labels.protocol import Array

Products = Sequence[tuple[Array, Array]]


def integral_sum(
    molecule: Molecule, blocks: Sequence[Block], one: Array, coulomb: Products, exchange: Products
) -> Tensor:
    """sum one h + sum_AB A J[B] + sum_AB A K[B] + core repulsion, without what is on one atom; Hartree.

    one: Symmetric density [n, n].  coulomb, exchange: Pairs A, B of symmetric densities.
    """
    first = padded(molecule, [one, *(a for a, _ in coulomb), *(a for a, _ in exchange)])
    second = padded(molecule, [*(b for _, b in coulomb), *(b for _, b in exchange)])
    density, left, right = first[0], first[1:], second
    total = sum(block.cores for block in blocks)
    for block in blocks:
        i, j, n, m = block.one, block.other, block.repulsions.shape[1], block.repulsions.shape[2]
        weights = _coulomb(left[: len(coulomb)], right[: len(coulomb)], i, j)
        weights += _exchange(left[len(coulomb) :], right[len(coulomb) :], i, j)
        own = density.transpose(0, 2, 1, 3).reshape(len(density), len(density), 16)
        weights[:, :, 0] -= own[i, i] * molecule.cores[j][:, None]
        weights[:, 0, :] -= own[j, j] * molecule.cores[i][:, None]
        between = density[i, :, j, :][:, : block.resonances.shape[1], : block.resonances.shape[2]]
        total = total + (torch.from_numpy(weights[:, :n, :m].copy()) * block.repulsions).sum()
        total = total + 2 * (torch.from_numpy(between.copy()) * block.resonances).sum()
    return torch.as_tensor(total)


def _coulomb(left: Array, right: Array, i: Indices, j: Indices) -> Array:
    """Weights of (ij|kl) in sum A J[B], both orders of the atoms [n_pairs, 16, 16]."""
    a, b = (x.diagonal(0, 1, 3).transpose(0, 3, 1, 2).reshape(len(x), -1, 16) for x in (left, right))
    return np.einsum("kpi,kpj->pij", a[:, i], b[:, j]) + np.einsum("kpi,kpj->pij", b[:, i], a[:, j])


def _exchange(left: Array, right: Array, i: Indices, j: Indices) -> Array:
    """Weights of (ij|kl) in sum A K[B], both orders of the atoms [n_pairs, 16, 16]."""
    a, b = left[:, i, :, j, :], right[:, i, :, j, :]  # pair, density, orbital, orbital
    weights = np.einsum("pkac,pkbd->pabcd", a, b)
    return (weights + weights.transpose(0, 2, 1, 4, 3)).reshape(-1, 16, 16)
