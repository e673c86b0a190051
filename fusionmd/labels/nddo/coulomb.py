"""Coulomb and exchange matrices in the neglect of diatomic differential overlap.

J_ij = sum_kl (ij|kl) D_kl, i j on one atom and k l on one; K_ik = sum_jl (ij|kl) D_jl.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fusionmd.labels.nddo.molecule import Molecule
from fusionmd.labels.nddo.pairs import Block
from fusionmd.labels.protocol import Array


class Hamiltonian:
    """One- and two-electron integrals in NumPy; Hartree.

    one_electron: [n_orbitals, n_orbitals].  cores: Repulsion energy of the cores.
    """

    def __init__(self, molecule: Molecule, blocks: Sequence[Block]) -> None:
        self.molecule, n = molecule, molecule.n_atoms
        whole, resonance = np.zeros((n, n, 16, 16)), np.zeros((n, n, 4, 4))
        for block in blocks:
            w, b, i, j = block.repulsions.detach().numpy(), block.resonances.detach().numpy(), block.one, block.other
            whole[i, j, : w.shape[1], : w.shape[2]], whole[j, i, : w.shape[2], : w.shape[1]] = w, w.transpose(0, 2, 1)
            resonance[i, j, : b.shape[1], : b.shape[2]] = b
            resonance[j, i, : b.shape[2], : b.shape[1]] = b.transpose(0, 2, 1)
        atoms = np.arange(n)
        attraction = -np.einsum("abn,b->an", whole[:, :, :, 0], molecule.cores).reshape(n, 4, 4)
        resonance[atoms, atoms] = attraction + molecule.levels[:, :, None] * np.eye(4)
        whole[atoms, atoms] = molecule.repulsions.reshape(n, 16, 16)
        self._coulomb = np.ascontiguousarray(whole.transpose(0, 2, 1, 3)).reshape(16 * n, 16 * n)
        exchange = whole.reshape(n, n, 4, 4, 4, 4).transpose(0, 1, 2, 4, 3, 5)
        self._exchange = np.ascontiguousarray(exchange).reshape(n, n, 16, 16)
        self._inside = np.ix_(molecule.orbitals, molecule.orbitals)
        self.one_electron: Array = resonance.transpose(0, 2, 1, 3).reshape(4 * n, 4 * n)[self._inside]
        self.cores = float(sum(block.cores.detach() for block in blocks))

    def matrices(self, densities: Sequence[Array]) -> tuple[Array, Array]:
        """J and K of symmetric densities, each [n_densities, n_orbitals, n_orbitals]."""
        k, n = len(densities), self.molecule.n_atoms
        whole = padded(self.molecule, densities)
        blocks = whole.transpose(1, 3, 2, 4, 0).reshape(n, n, 16, k)  # atom, atom, product, density
        atoms = np.arange(n)
        coulomb = np.zeros((n, n, 16, k))
        coulomb[atoms, atoms] = (self._coulomb @ blocks[atoms, atoms].reshape(16 * n, k)).reshape(n, 16, k)
        return self._cut(coulomb), self._cut(self._exchange @ blocks)

    def _cut(self, blocks: Array) -> Array:
        """[k, n_orbitals, n_orbitals] from atom, atom, product, k."""
        n, k = len(blocks), blocks.shape[-1]
        whole = blocks.reshape(n, n, 4, 4, k).transpose(4, 0, 2, 1, 3).reshape(k, 4 * n, 4 * n)
        return np.ascontiguousarray(whole[:, self._inside[0], self._inside[1]])


def padded(molecule: Molecule, densities: Sequence[Array]) -> Array:
    """Four orbitals for every atom: [n_densities, n_atoms, 4, n_atoms, 4]."""
    n, o = molecule.n_atoms, molecule.orbitals
    whole = np.zeros((len(densities), 4 * n, 4 * n))
    whole[:, o[:, None], o] = densities
    return whole.reshape(len(densities), n, 4, n, 4)
