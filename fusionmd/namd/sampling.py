"""Initial conditions: positions and velocities drawn from Wigner functions, numbered so that no batch changes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fusionmd.namd.protocol import Array, ComplexArray, IntArray, Surfaces
from fusionmd.namd.randomness import Purpose, normal, uniform


def wigner_packet(
    trajectory: IntArray,
    *,
    centre: ArrayLike,
    width: ArrayLike,
    wave_number: ArrayLike,
    masses: Array,
    seed: int,
) -> tuple[Array, Array]:
    """Positions, velocities [n, n_dof] from the Wigner function of prod exp(i k x - ((x - x0)/s)^2).

    x is normal with mean x0 and deviation s/2, the momentum with mean k and deviation 1/s: exact for a Gaussian.
    """
    s = np.asarray(width, dtype=np.float64)
    modes = np.arange(len(s))
    at_random = (
        normal(seed, trajectory[:, None], 0, purpose, modes) for purpose in (Purpose.POSITION, Purpose.VELOCITY)
    )
    places, momenta = (values.reshape(len(trajectory), len(s)) for values in at_random)
    return np.array(centre) + places * s / 2, (np.array(wave_number) + momenta / s) / masses


def adiabatic_start(trajectory: IntArray, state: int | IntArray, n_states: int) -> tuple[IntArray, ComplexArray]:
    """On one adiabatic state, of all trajectories or of each [n]: active states [n], amplitudes [n, n_states]."""
    active = np.full(len(trajectory), state, dtype=np.int64)
    return active, np.eye(n_states, dtype=np.complex128)[active]


def diabatic_start(
    trajectory: IntArray, state: int, positions: Array, surfaces: Surfaces, seed: int
) -> tuple[IntArray, ComplexArray]:
    """All on one diabatic state d: amplitudes are row d of U, active states drawn with their squares."""
    asked = np.zeros((len(trajectory), surfaces.n_states), dtype=bool)
    vectors = surfaces.evaluate(positions, asked).vectors
    assert vectors is not None
    row = vectors[:, state, :]
    limits = np.cumsum(row**2, axis=1)
    random = uniform(seed, trajectory, 0, Purpose.ACTIVE_STATE)
    active = np.minimum((random[:, None] >= limits).sum(axis=1), surfaces.n_states - 1)
    return active, row.astype(np.complex128)
