"""The singlets of two holes in a few active orbitals above a closed core: n orbitals hold 2 n - 2 electrons.

|M> = sum_tu M_tu |t alpha, u beta> of the holes, M symmetric with Tr M^2 = 1. With T = A M A^T, G = 2 A M^2 A^T, P the
projector on core and active orbitals and F = h + 2 J[P] - K[P]:

    E = Tr (h + F) P - Tr F G + Tr T K[T].

Two orbitals hold two electrons: CASCI(2,2). Three hold four: CASCI(4,3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusionmd.labels.nddo.coulomb import Hamiltonian
from fusionmd.labels.protocol import Array


@dataclass(frozen=True, eq=False)
class Singlets:
    """energies: Ascending [n], Hartree.  pairs: M of each [n, n_active, n_active].  field: F."""

    energies: Array
    pairs: Array
    field: Array


def functions(n_active: int) -> Array:
    """Symmetric, orthonormal M of two holes [n (n + 1) / 2, n, n]."""
    rows, columns = np.triu_indices(n_active)
    found = np.zeros((len(rows), n_active, n_active))
    found[np.arange(len(rows)), rows, columns] = found[np.arange(len(rows)), columns, rows] = 0.5**0.5
    found[rows == columns] *= 2**0.5
    return found


def singlets(hamiltonian: Hamiltonian, core: Array, active: Array) -> Singlets:
    """core: Projector [n, n].  active: [n, n_active]."""
    filled = core + active @ active.T
    (coulomb,), (exchange,) = hamiltonian.matrices([filled])
    field = hamiltonian.one_electron + 2 * coulomb - exchange
    inside, own = active.T @ field @ active, functions(active.shape[1])
    pairs = active @ own @ active.T
    _, exchanges = hamiltonian.matrices(list(pairs))
    single = np.einsum("tu,iuv,jvt->ij", inside, own, own)
    matrix = np.einsum("iab,jab->ij", pairs, exchanges) - single - single.T
    energies, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    below = np.sum((hamiltonian.one_electron + field) * filled) + hamiltonian.cores
    return Singlets(energies + below, np.einsum("ik,iab->kab", vectors, own), field)


def slopes(hamiltonian: Hamiltonian, core: Array, active: Array, pair: Array, field: Array) -> tuple[Array, Array]:
    """Derivatives of the energy of a state M by the core's projector [n, n] and the active orbitals [n, n_active]."""
    holes, function = 2 * active @ pair @ pair @ active.T, active @ pair @ active.T
    (coulomb, _), (exchange, of_pair) = hamiltonian.matrices([holes, function])
    by_filled = 2 * field - 2 * coulomb + exchange
    return by_filled, 2 * by_filled @ active + 4 * (of_pair @ active - field @ active @ pair) @ pair
