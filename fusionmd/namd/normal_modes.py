"""Normal modes of a molecule at a minimum, and the Wigner function of their thermal state. Atomic units.

x = x_eq + sum_i Q_i/sqrt(w_i) M^-1/2 n_i, v = sum_i P_i sqrt(w_i) M^-1/2 n_i; Q and P normal with variance
coth(w/(2 k T))/2: exact for harmonic modes at any temperature. Wigner, Phys. Rev. 40, 749 (1932).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusionmd.errors import DataError
from fusionmd.namd.protocol import Array, IntArray
from fusionmd.namd.randomness import Purpose, normal
from fusionmd.units import BOLTZMANN_HARTREE_PER_K, HARTREE_PER_EV, INVERSE_CM_PER_EV

INVERSE_CM_PER_HARTREE = INVERSE_CM_PER_EV / HARTREE_PER_EV
RIGID_RANK = 1e-8


@dataclass(frozen=True, eq=False)
class NormalModes:
    """Vibrations without translation and rotation.

    positions, masses: [n_dof].  frequencies: Ascending [n_modes], Hartree.  vectors: Mass-weighted [n_dof, n_modes].
    """

    positions: Array
    masses: Array
    frequencies: Array
    vectors: Array


def normal_modes(hessian: Array, positions: Array, masses: Array) -> NormalModes:
    """Modes from a Hessian [n_dof, n_dof], Hartree/bohr^2, at positions [n_dof], bohr.

    DataError if it is no minimum: if a frequency is imaginary.
    """
    squares, vectors = curvatures(hessian, positions, masses)
    if not (squares > 0).all():
        shown = ", ".join(f"{-np.sqrt(-s) * INVERSE_CM_PER_HARTREE:.0f}" for s in squares if s <= 0)
        raise DataError(f"the Hessian has imaginary frequencies ({shown} 1/cm); relax the structure to a minimum first")
    return NormalModes(positions, masses, np.sqrt(squares), vectors)


def curvatures(hessian: Array, positions: Array, masses: Array) -> tuple[Array, Array]:
    """Squared frequencies [n_modes], ascending, negative where imaginary, and mass-weighted vectors [n_dof, n_modes].

    Without translation and rotation; the stationary point may be a saddle. Arguments as in `normal_modes`.
    """
    weighted = hessian / np.sqrt(masses[:, None] * masses)
    inner = _internal_space(positions, masses)
    squares, vectors = np.linalg.eigh(inner.T @ (weighted + weighted.T) @ inner / 2)
    return squares, inner @ vectors


def wigner_molecule(
    modes: NormalModes,
    trajectory: IntArray,
    *,
    seed: int,
    temperature_K: float = 0.0,
    min_frequency: float = 0.0,
    classical_below: float = 0.0,
) -> tuple[Array, Array]:
    """Positions, velocities [n, n_dof] from the Wigner function at a temperature.

    min_frequency: Softer modes, Hartree, stay where they are: their straight displacements stretch bonds.
    classical_below: Softer modes, Hartree, are drawn from the classical distribution, of variance k T/w.
    """
    variances = thermal_variances(modes.frequencies, temperature_K, classical_below=classical_below)
    variances = np.where(modes.frequencies < min_frequency, 0.0, variances)
    numbers = np.arange(len(modes.frequencies))
    q, p = (
        np.sqrt(variances) * normal(seed, trajectory[:, None], 0, purpose, numbers).reshape(len(trajectory), -1)
        for purpose in (Purpose.POSITION, Purpose.VELOCITY)
    )
    places = _cartesian(modes, q / np.sqrt(modes.frequencies))
    return modes.positions + places, _cartesian(modes, p * np.sqrt(modes.frequencies))


def thermal_variances(frequencies: Array, temperature_K: float, *, classical_below: float = 0.0) -> Array:
    """Variance of the dimensionless Q and P of each mode [n_modes]."""
    if not temperature_K >= 0:
        raise DataError(f"the temperature is {temperature_K} K; it must not be negative")
    if temperature_K == 0:
        return np.where(frequencies < classical_below, 0.0, 0.5)
    thermal = BOLTZMANN_HARTREE_PER_K * temperature_K
    quantum = 0.5 / np.tanh(frequencies / (2 * thermal))
    return np.where(frequencies < classical_below, thermal / frequencies, quantum)


def _cartesian(modes: NormalModes, amplitudes: Array) -> Array:
    """Sums over modes written one after the other: each row is the same in any batch."""
    total = np.zeros((len(amplitudes), len(modes.masses)))
    for mode in range(len(modes.frequencies)):
        total = total + amplitudes[:, mode, None] * modes.vectors[:, mode]
    return total / np.sqrt(modes.masses)


def _internal_space(positions: Array, masses: Array) -> Array:
    """Orthonormal mass-weighted vectors [n_dof, n_modes] orthogonal to translation and rotation."""
    weights = np.sqrt(masses.reshape(-1, 3)[:, :1])
    points = positions.reshape(-1, 3)
    arms = points - (weights**2 * points).sum(axis=0) / (weights**2).sum()
    moves = [np.tile(axis, (len(points), 1)) for axis in np.eye(3)] + [np.cross(axis, arms) for axis in np.eye(3)]
    rigid = np.stack([(weights * move).ravel() for move in moves], axis=1)
    left, sizes, _ = np.linalg.svd(rigid, full_matrices=True)
    return np.asarray(left[:, int((sizes > RIGID_RANK * sizes[0]).sum()) :])
