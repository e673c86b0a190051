"""Landmarks of surfaces: minima of a state, and points of lowest energy where two states cross. Atomic units.

Crossings by a penalty on the gap D that grows until the gap is small enough; energies and gradients are all it needs:

    (E_i + E_j)/2 + s D^2/(|D| + a),   a = 0.02 Ha, s = 3.5, 3 x 3.5, 9 x 3.5, ...

Levine, Coe, Martinez, J. Phys. Chem. B 112, 405 (2008). Both terms are smooth at a cone, where D itself is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from fusionmd.errors import ConfigError
from fusionmd.namd.protocol import Array, Surfaces

SMOOTHING = 0.02  # Hartree
FIRST_STRENGTH, STRENGTH_RATIO, MAX_ROUNDS = 3.5, 3.0, 10
BOX = 0.3  # bohr; how far a coordinate goes before the box about the geometry is moved
N_FIRST_STEPS = 3.0  # first displacements in a box
MEMORY = 30  # steps that L-BFGS remembers
TIGHTER = 0.3  # of the wanted gradient: what the optimiser is told

Objective = Callable[[Array], tuple[float, Array]]


@dataclass(frozen=True, eq=False)
class Landmark:
    """Where an optimisation ended.

    positions: [n_dof], bohr.  states: One for a minimum, two for a crossing.  energies: Of all states, Hartree.
    gradient: Largest component that should be 0, Hartree/bohr: of the state, or of the mean energy of both states
    without its part along the difference of their gradients.
    """

    positions: Array
    states: tuple[int, ...]
    energies: Array
    gradient: float
    n_evaluations: int
    is_converged: bool

    @property
    def gap(self) -> float | None:
        """Between the states of a crossing, Hartree; None for a minimum."""
        return abs(float(np.subtract(*self.energies[list(self.states)]))) if len(self.states) == 2 else None


def minimum(
    surfaces: Surfaces, positions: Array, state: int, *, gradient: float, max_evaluations: int, box: float = BOX
) -> Landmark:
    """The minimum of one state near `positions` [n_dof], to its largest gradient component."""
    _check(surfaces, (state,))
    point = _Point(surfaces, (state,))
    place = _lowered(point, lambda x: (point(x)[0][state], point(x)[1][0]), positions, gradient, max_evaluations, box)
    energies, gradients = point(place)
    left = float(np.abs(gradients[0]).max())
    return Landmark(place, (state,), energies, left, point.n_evaluations, left <= gradient)


def crossing(
    surfaces: Surfaces,
    positions: Array,
    states: tuple[int, int],
    *,
    gap: float,
    gradient: float,
    max_evaluations: int,
    box: float = BOX,
) -> Landmark:
    """The lowest crossing of two states near `positions` [n_dof], to a gap and a largest gradient component."""
    _check(surfaces, states)
    point, place, strength = _Point(surfaces, states), positions, FIRST_STRENGTH
    for _ in range(MAX_ROUNDS):
        left = max_evaluations - point.n_evaluations
        if left <= 0:
            break
        place = _lowered(point, _penalised(point, strength), place, gradient, left, box)
        found = _at_crossing(point, place, gap, gradient)
        if found.is_converged:
            break
        strength *= STRENGTH_RATIO
    return _at_crossing(point, place, gap, gradient)


class _Point:
    """Energies of all states and the gradients of some, remembered for the last geometry."""

    def __init__(self, surfaces: Surfaces, states: tuple[int, ...]) -> None:
        self._surfaces, self._states = surfaces, list(states)
        self._asked = np.isin(np.arange(surfaces.n_states), states)[None]
        self._place: Array | None = None
        self.n_evaluations = 0

    def __call__(self, place: Array) -> tuple[Array, Array]:
        """[n_states] and [n_chosen, n_dof]."""
        if self._place is None or not np.array_equal(place, self._place):
            found = self._surfaces.evaluate(place[None], self._asked)
            self._found = found.energies[0], found.gradients[0, self._states]
            self._place = place.copy()
            self.n_evaluations += 1
        return self._found


def _penalised(point: _Point, strength: float) -> Objective:
    first, second = point._states

    def objective(place: Array) -> tuple[float, Array]:
        energies, gradients = point(place)
        difference = energies[first] - energies[second]
        size = abs(difference)
        penalty = difference**2 / (size + SMOOTHING)
        slope = difference * (size + 2 * SMOOTHING) / (size + SMOOTHING) ** 2
        mean = (energies[first] + energies[second]) / 2
        return mean + strength * penalty, gradients.mean(axis=0) + strength * slope * (gradients[0] - gradients[1])

    return objective


def _at_crossing(point: _Point, place: Array, gap: float, gradient: float) -> Landmark:
    energies, gradients = point(place)
    states = (point._states[0], point._states[1])
    left = float(np.abs(seam_gradient(*gradients)).max())
    is_converged = left <= gradient and abs(energies[states[0]] - energies[states[1]]) <= gap
    return Landmark(place, states, energies, left, point.n_evaluations, bool(is_converged))


def seam_gradient(one: Array, other: Array) -> Array:
    """Mean gradient without its part along the difference [n_dof]: 0 at the lowest point of a seam."""
    mean, between = (one + other) / 2, one - other
    size = between @ between
    return mean - (mean @ between) / (size if size > 0 else 1.0) * between


def _lowered(
    point: _Point, objective: Objective, start: Array, gradient: float, max_evaluations: int, box: float
) -> Array:
    """L-BFGS in a box about the geometry, which follows it: no step goes so far that atoms collide."""
    place, begun = start, point.n_evaluations
    while (left := max_evaluations - (point.n_evaluations - begun)) > 0:
        centre, place = place, _lowered_in_box(objective, place, gradient, left, box)
        if np.abs(place - centre).max() < box * (1 - 1e-9):
            break
    return place


def _lowered_in_box(objective: Objective, start: Array, gradient: float, max_evaluations: int, box: float) -> Array:
    """The unit of the coordinates is the length of the first move."""
    unit = box / N_FIRST_STEPS

    def scaled(shift: Array) -> tuple[float, Array]:
        value, slope = objective(start + shift * unit)
        return value, slope * unit

    options = {
        "gtol": TIGHTER * gradient * unit,
        "ftol": 0.0,
        "maxcor": MEMORY,
        "maxfun": max_evaluations,
        "maxiter": max_evaluations,
    }
    bounds = np.tile([-N_FIRST_STEPS, N_FIRST_STEPS], (len(start), 1))
    found = minimize(scaled, np.zeros(len(start)), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return np.asarray(start + found.x * unit)


def _check(surfaces: Surfaces, states: tuple[int, ...]) -> None:
    if len(set(states)) < len(states) or not all(0 <= state < surfaces.n_states for state in states):
        raise ConfigError(
            f"states {', '.join(map(str, states))} were asked for; {surfaces.name} has 0..{surfaces.n_states - 1}, and "
            "a crossing needs two different ones"
        )
