"""The three singlets of two electrons in two orbitals above a closed core.

|M> = sum_tu M_tu |t alpha, u beta>, M symmetric with Tr M^2 = 1. With T = A M A^T, G = 2 A M^2 A^T, C the core's
projector and F = h + 2 J[C] - K[C]:

    E = Tr (h + F) C + Tr F G + Tr T K[T].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusionmd.labels.nddo.coulomb import Hamiltonian
from fusionmd.labels.protocol import Array

SQRT_HALF = 0.5**0.5
SINGLETS: Array = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]], [[0, SQRT_HALF], [SQRT_HALF, 0]]], dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Singlets:
    """energies: Ascending [3], Hartree.  pairs: M of each [3, 2, 2].  field: F [n_orbitals, n_orbitals]."""

    energies: Array
    pairs: Array
    field: Array


def singlets(hamiltonian: Hamiltonian, core: Array, active: Array) -> Singlets:
    """core: Projector [n, n].  active: [n, 2]."""
    (coulomb,), (exchange,) = hamiltonian.matrices([core])
    field = hamiltonian.one_electron + 2 * coulomb - exchange
    inside = active.T @ field @ active
    functions = active @ SINGLETS @ active.T
    _, exchanges = hamiltonian.matrices(list(functions))
    single = np.einsum("tu,iuv,jvt->ij", inside, SINGLETS, SINGLETS)
    matrix = single + single.T + np.einsum("iab,jab->ij", functions, exchanges)
    energies, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    below = np.sum((hamiltonian.one_electron + field) * core) + hamiltonian.cores
    return Singlets(energies + below, np.einsum("ik,iab->kab", vectors, SINGLETS), field)


def slopes(hamiltonian: Hamiltonian, core: Array, active: Array, pair: Array, field: Array) -> tuple[Array, Array]:
    """Derivatives of the energy of a state M by the core's projector [n, n] and by the active orbitals [n, 2]."""
    density, function = 2 * active @ pair @ pair @ active.T, active @ pair @ active.T
    (coulomb, _), (exchange, of_pair) = hamiltonian.matrices([density, function])
    by_core = 2 * field + 2 * coulomb - exchange
    return by_core, 4 * (field @ active @ pair + of_pair @ active) @ pair
