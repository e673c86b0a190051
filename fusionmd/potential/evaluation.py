"""What a potential says about one structure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusionmd.errors import MissingQuantityError

Array = NDArray[np.float64]


def largest(values: Array) -> float:
    """Largest magnitude; NaN counts as infinite."""
    return float(np.nan_to_num(np.abs(values), nan=np.inf).max(initial=0.0))


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Energies and derivatives of one structure, float64; committee means where there are several members.

    energies: Of every state [n_states], eV, E0 included.
    states: Which states were differentiated [n_requests].
    atomic_energies: [n_requests, n_atoms], eV; they sum to the energy of the state.
    forces: [n_requests, n_atoms, 3], eV/angstrom.
    virials: -sum r (x) dE/dr [n_requests, 3, 3], eV.
    volume: Of the cell, angstrom^3; 0 if not periodic.
    energies_std, forces_std: Standard deviations over the committee [n_states], [n_requests, n_atoms, 3].
    Of one model with a diabatic head also
    diabatic: The matrix W [n_states, n_states], eV, E0 on its diagonal; its eigenvalues are the energies.
    vectors: Its eigenvectors as columns, diabatic x adiabatic [n_states, n_states]; largest components are positive.
    interstate: If asked for, <a|grad W|b> of the pairs (0, 1), (0, 2), ..., (1, 2), ... [n_pairs, n_atoms, 3],
        eV/angstrom, with the signs of those vectors.
    """

    energies: Array
    states: NDArray[np.int64]
    atomic_energies: Array
    forces: Array
    virials: Array
    volume: float
    energies_std: Array
    forces_std: Array
    diabatic: Array | None = None
    vectors: Array | None = None
    interstate: Array | None = None

    @property
    def energy(self) -> float:
        """Energy of the first requested state, eV."""
        return float(self.energies[self.states[0]])

    @property
    def couplings(self) -> Array:
        """Non-adiabatic couplings <a|grad b> = interstate / (E_b - E_a) [n_pairs, n_atoms, 3], 1/angstrom."""
        if self.interstate is None:
            raise MissingQuantityError("no couplings were asked for; evaluate(..., couplings=True)")
        lower, upper = np.triu_indices(len(self.energies), 1)
        return self.interstate / (self.energies[upper] - self.energies[lower])[:, None, None]

    @property
    def stresses(self) -> Array:
        """dE/dstrain / volume, positive under tension (the sign of ASE) [n_requests, 3, 3], eV/angstrom^3."""
        if not self.volume > 0:
            raise MissingQuantityError(
                "the structure is not periodic, so it has no stress; use `virials`, or give it a cell"
            )
        return -0.5 * (self.virials + self.virials.transpose(0, 2, 1)) / self.volume

    def __repr__(self) -> str:
        energies = np.array2string(self.energies, precision=6)
        return f"Evaluation(energies={energies} eV, {self.forces.shape[1]} atoms, states {self.states.tolist()})"
