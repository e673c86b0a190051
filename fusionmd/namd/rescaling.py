"""Velocities after a hop: along which direction they pay for the energy, and what happens where they cannot.

v' = v - g h/m with A = sum h^2/(2 m), B = v . h and A g^2 - B g + dE = 0, the root of smaller size. Along h = m v this
is v' = v sqrt(1 - dE/E_kin). All functions act on rows: trajectories that attempt a hop to `target`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fusionmd.namd.hermitian import dot
from fusionmd.namd.protocol import Array, BoolArray, IntArray
from fusionmd.namd.state import State, active_rows

Direction = Callable[[State, IntArray, Array], Array]
Frustrated = Callable[[State, IntArray, Array, Array], Array]


def along_velocity(state: State, target: IntArray, masses: Array) -> Array:
    """The momentum."""
    return state.velocities * masses


def along_coupling(state: State, target: IntArray, masses: Array) -> Array:
    """d between the active and the target state."""
    assert state.electronic.couplings is not None
    return state.electronic.couplings[np.arange(len(target)), state.active, target]


def along_gradient_difference(state: State, target: IntArray, masses: Array) -> Array:
    """g_target - g_active."""
    return active_rows(state.electronic.gradients, target) - state.active_gradients


def projected(direction: Direction) -> Direction:
    """`direction` of atoms without its translation and rotation: hops then keep momentum and angular momentum."""

    def without_rigid_motion(state: State, target: IntArray, masses: Array) -> Array:
        found = direction(state, target, masses)
        return np.array(
            [_internal(vector, place, masses) for vector, place in zip(found, state.positions, strict=True)]
        ).reshape(found.shape)

    return without_rigid_motion


def rescaled(velocities: Array, direction: Array, masses: Array, cost: Array) -> tuple[Array, BoolArray]:
    """Velocities that have paid `cost` [n], Hartree, along `direction`, and which of them could."""
    a = dot(direction, direction / masses) / 2
    b = dot(velocities, direction)
    root = b**2 - 4 * a * cost
    is_possible = (root >= 0) & (a > 0)
    size = (b - np.copysign(np.sqrt(np.maximum(root, 0.0)), b)) / np.where(a > 0, 2 * a, 1.0)
    changed = velocities - np.where(is_possible, size, 0.0)[:, None] * direction / masses
    return changed, is_possible


def keep(state: State, target: IntArray, direction: Array, masses: Array) -> Array:
    """A frustrated hop changes nothing."""
    return state.velocities


def reverse(state: State, target: IntArray, direction: Array, masses: Array) -> Array:
    """A frustrated hop reverses the velocity along the direction: v - 2 (v . h)/(sum h^2/m) h/m."""
    a = dot(direction, direction / masses)
    size = 2 * dot(state.velocities, direction) / np.where(a > 0, a, 1.0)
    return state.velocities - size[:, None] * direction / masses


def delta_v(state: State, target: IntArray, direction: Array, masses: Array) -> Array:
    """Reversed only where the target state would push back, (F_target . h)(p . h) < 0.

    Jasper, Truhlar, Chem. Phys. Lett. 369, 60 (2003). Needs the gradient of the target state.
    """
    force = -dot(active_rows(state.electronic.gradients, target), direction)
    momentum = dot(state.velocities * masses, direction)
    return np.where((force * momentum < 0)[:, None], reverse(state, target, direction, masses), state.velocities)


def _internal(vector: Array, positions: Array, masses: Array) -> Array:
    """One vector [3 n_atoms] without the part along rigid motions.

    Momentum changes along the vector: sum of it, and sum of r x it, must vanish, whatever the masses. The part is that
    of the mass-weighted least squares, so that the kinetic energy of internal motion alone pays.
    """
    points = positions.reshape(-1, 3)
    weights = masses.reshape(-1, 3)[:, :1]
    arms = points - (weights * points).sum(axis=0) / weights.sum()
    moves = [np.tile(axis, (len(points), 1)) for axis in np.eye(3)] + [np.cross(axis, arms) for axis in np.eye(3)]
    rigid = np.stack([(np.sqrt(weights) * move).ravel() for move in moves], axis=1)
    weighted = vector / np.sqrt(masses)
    rest = weighted - rigid @ np.linalg.lstsq(rigid, weighted, rcond=1e-10)[0]
    return np.asarray(rest * np.sqrt(masses))
