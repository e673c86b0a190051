"""The self-consistent field of equally filled active orbitals, and how it answers.

F = h + 2 J[D] - K[D],  D = C(F) + (1 - 1/n) A(F) A(F)^T (`active`); D is half the density of electrons.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fusionmd.errors import LabelError
from fusionmd.labels.nddo.active import ActiveSpace, Filter
from fusionmd.labels.nddo.coulomb import Hamiltonian
from fusionmd.labels.protocol import Array

TOLERANCE, RESPONSE_TOLERANCE = 1e-9, 1e-6
MOST, N_KEPT = 200, 8
LEAST_GAP = 0.02  # Hartree


def self_consistent(
    hamiltonian: Hamiltonian, orbitals: Array, settings: Filter, start: Array | None = None
) -> tuple[ActiveSpace, Array]:
    """With the Fock matrix; LabelError where it does not converge.

    orbitals: p and sigma, [n_orbitals, n_active].  start: A Fock matrix near the wanted one; None: that of neutral
        atoms.
    """
    neutral = np.diag(hamiltonian.molecule.start)
    fock, kept = _field(hamiltonian, neutral) if start is None else start, Extrapolation()
    for _ in range(MOST):
        space = ActiveSpace(hamiltonian.molecule, fock, orbitals, settings)
        field = _field(hamiltonian, space.density)
        if np.abs(field - fock).max() < TOLERANCE:
            return _checked(space), fock
        fock = kept.add(field, field - fock)
    raise LabelError(f"the density did not converge in {MOST} iterations; look at the geometry")


def _checked(space: ActiveSpace) -> ActiveSpace:
    if space.gap < LEAST_GAP:
        raise LabelError(f"core and empty orbitals are {space.gap:.3f} Hartree apart; look at the geometry")
    return space


def _field(hamiltonian: Hamiltonian, density: Array) -> Array:
    (coulomb,), (exchange,) = hamiltonian.matrices([density])
    return np.asarray(hamiltonian.one_electron + 2 * coulomb - exchange)


def response(
    hamiltonian: Hamiltonian, space: ActiveSpace, slopes: Sequence[tuple[Array, Array]]
) -> list[tuple[Array, Array]]:
    """Derivatives of energies by the field and by the p and sigma orbitals, from those by core and active orbitals.

    The energy changes by sum_ij L_ij (dh + 2 dJ[D] - dK[D])_ij at fixed D, with L = dE/dF + dD/dF [2 J[L] - K[L]]: the
    adjoint of the equation of the field.
    """
    active, kept = space.active, Extrapolation()
    found = np.zeros((len(slopes), *space.core.shape))
    size = max(1.0, *(float(np.abs(by_core).max()) for by_core, _ in slopes))
    for _ in range(MOST):
        coulomb, exchange = hamiltonian.matrices(list(found))
        fields = 2 * coulomb - exchange
        answers = [
            space.backward(by_core + field, by_active + 2 * space.occupation * field @ active)
            for (by_core, by_active), field in zip(slopes, fields, strict=True)
        ]
        new = np.stack([by_fock for by_fock, _ in answers])
        if np.abs(new - found).max() < RESPONSE_TOLERANCE * size:
            return answers
        found = kept.add(new, new - found)
    raise LabelError(f"the response of the density did not converge in {MOST} iterations; look at the geometry")


class Extrapolation:
    """Direct inversion in the iterative subspace. Pulay, Chem. Phys. Lett. 73, 393 (1980)."""

    def __init__(self) -> None:
        self._values: list[Array] = []
        self._errors: list[Array] = []

    def add(self, value: Array, error: Array) -> Array:
        """The combination of the last values whose error is least."""
        self._values, self._errors = [*self._values, value][-N_KEPT:], [*self._errors, error][-N_KEPT:]
        n = len(self._values)
        errors = np.stack(self._errors).reshape(n, -1)
        matrix = np.ones((n + 1, n + 1))
        matrix[:n, :n] = errors @ errors.T / max(float(errors[-1] @ errors[-1]), np.finfo(float).tiny)
        matrix[n, n] = 0.0
        weights = np.linalg.lstsq(matrix, np.append(np.zeros(n), 1.0), rcond=None)[0][:n]
        return np.asarray(np.tensordot(weights, np.stack(self._values), 1))
