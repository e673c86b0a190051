"""Where an ensemble is: arrays with one row per trajectory. Atomic units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusionmd.namd.hermitian import dot
from fusionmd.namd.protocol import Array, ComplexArray, Electronic, IntArray

N_PAST = 3  # earlier energies that the methods look at
N_STRENGTHS = 2  # earlier strengths of coupling


@dataclass(frozen=True, eq=False)
class State:
    """All that the next step depends on.

    trajectory: Number of each trajectory in its ensemble [n].  step: Steps done [n].
    positions, velocities: [n, n_dof], bohr and bohr per atomic time.
    amplitudes: Of the adiabatic states [n, n_states].  active: State that drives [n].
    electronic: Surfaces at `positions`; eigenvectors with phases that follow the trajectory.
    tdc: T_ij = <i|d/dt j> [n, n_states, n_states]; zeros for methods that use none.
    past_energies: One, two, three steps ago [n, 3, n_states]; NaN where there was no such step.
    past_slopes: dE/dt one step ago [n, n_states]; NaN where unknown.
    moments: How far packets on the other states have moved away, and their momenta [n, 2, n_states, n_dof]; or None.
    coherent: Amplitudes without decay [n, n_states], of mean-field motion; or None.
    past_strengths: sum_i |T_iK| one and two steps ago [n, 2], of mean-field motion; or None.
    """

    trajectory: IntArray
    step: IntArray
    positions: Array
    velocities: Array
    amplitudes: ComplexArray
    active: IntArray
    electronic: Electronic
    tdc: Array
    past_energies: Array
    past_slopes: Array
    moments: Array | None = None
    coherent: ComplexArray | None = None
    past_strengths: Array | None = None

    @property
    def n_trajectories(self) -> int:
        """Rows."""
        return len(self.trajectory)

    @property
    def active_energies(self) -> Array:
        """Potential energy [n], Hartree."""
        return active_rows(self.electronic.energies, self.active)

    @property
    def driving_energies(self) -> Array:
        """Potential energy of the motion [n], Hartree: of the active state, or the mean over populations."""
        if self.coherent is None:
            return self.active_energies
        return dot(populations(self.amplitudes), self.electronic.energies)

    @property
    def active_gradients(self) -> Array:
        """[n, n_dof], Hartree/bohr."""
        return active_rows(self.electronic.gradients, self.active)

    @property
    def slopes(self) -> Array:
        """dE/dt of every state [n, n_states]; NaN where its gradient is unknown."""
        return dot(self.electronic.gradients, self.velocities[:, None, :])


def active_rows(values: Array, states: IntArray) -> Array:
    """values[k, states[k]] for every trajectory k."""
    return values[np.arange(len(states)), states]


def kinetic_energy(velocities: Array, masses: Array) -> Array:
    """[n], Hartree."""
    return dot(velocities, velocities * masses) / 2


def populations(amplitudes: ComplexArray) -> Array:
    """|c|^2 [n, n_states]."""
    return amplitudes.real**2 + amplitudes.imag**2
