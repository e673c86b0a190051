"""Whether a stationary point is a minimum: its Hessian from differences of gradients. Atomic units."""

from __future__ import annotations

import numpy as np

from fusionmd.namd.normal_modes import INVERSE_CM_PER_HARTREE, curvatures
from fusionmd.namd.protocol import Array, Surfaces

STEP = 0.01  # bohr, central differences
LEAST_IMAGINARY = 20.0 / INVERSE_CM_PER_HARTREE  # smaller ones are noise
AWAY = 0.3  # bohr; how far the atom goes that moves most


def imaginary_modes(surfaces: Surfaces, place: Array, state: int) -> list[Array] | None:
    """Ways down from a stationary point [n_dof], steepest first; None where a gradient beside it is missing.

    Each way [n_dof] is as long as the atom that moves most goes, `AWAY`.
    """
    second = hessian(surfaces, place, state)
    if not np.isfinite(second).all():
        return None
    squares, vectors = curvatures(second, place, surfaces.masses)
    down = vectors[:, squares < -(LEAST_IMAGINARY**2)] / np.sqrt(surfaces.masses)[:, None]
    return [AWAY * mode / np.linalg.norm(mode.reshape(-1, 3), axis=1).max() for mode in down.T]


def hessian(surfaces: Surfaces, place: Array, state: int) -> Array:
    """Of one state [n_dof, n_dof], Hartree/bohr^2, from 2 n_dof gradients, in one batch."""
    steps = STEP * np.eye(len(place))
    points = np.concatenate([place + steps, place - steps])
    asked = np.zeros((len(points), surfaces.n_states), dtype=bool)
    asked[:, state] = True
    ahead, behind = np.split(surfaces.evaluate(points, asked).gradients[:, state], 2)
    rows = (ahead - behind) / (2 * STEP)
    return np.asarray((rows + rows.T) / 2)
