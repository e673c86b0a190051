"""Landmarks of surfaces: minima of a state, and points of lowest energy where two states cross. Atomic units.

Crossings by a penalty on the gap D that grows until the gap is small enough; energies and gradients are all it needs:

    (E_i + E_j)/2 + s D^2/(|D| + a),   a = 0.02 Ha, s = 3.5, 3 x 3.5, 9 x 3.5, ...

Levine, Coe, Martinez, J. Phys. Chem. B 112, 405 (2008). Both terms are smooth at a cone, where D itself is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from fusionmd.errors import ConfigError
from fusionmd.namd.descent import Descent, Objective
from fusionmd.namd.protocol import Array, Surfaces
from fusionmd.namd.saddles import hessian, imaginary_modes

SMOOTHING = 0.02  # Hartree
FIRST_STRENGTH, STRENGTH_RATIO, MAX_ROUNDS = 3.5, 3.0, 10
TIGHTER = 0.5  # of the wanted gradient: what the descent is told
NO_HESSIAN = "a gradient beside the start, or the end, is missing"
MAX_ESCAPES = 3  # from saddles
MAX_DESCENTS = 5  # internal coordinates made for a far start mistake what is left of the gradient


@dataclass(frozen=True, eq=False)
class Landmark:
    """Where an optimisation ended.

    positions: [n_dof], bohr.  states: One for a minimum, two for a crossing.  energies: Of all states, Hartree.
    gradient: Largest component that should be 0, Hartree/bohr: of the state, or of the mean energy of both states
    without its part along the difference of their gradients; held coordinates do not count.
    reason: Why the descent stopped early; '' where it did not.
    n_imaginary: Modes with imaginary frequencies; None: not looked for.
    """

    positions: Array
    states: tuple[int, ...]
    energies: Array
    gradient: float
    n_evaluations: int
    is_converged: bool
    reason: str = ""
    n_imaginary: int | None = None

    @property
    def gap(self) -> float | None:
        """Between the states of a crossing, Hartree; None for a minimum."""
        return abs(float(np.subtract(*self.energies[list(self.states)]))) if len(self.states) == 2 else None


def minimum(
    surfaces: Surfaces, positions: Array, state: int, descent: Descent, *, gradient: float, max_evaluations: int
) -> Landmark:
    """The minimum of one state near `positions` [n_dof], to its largest gradient component."""
    _check(surfaces, (state,))
    return _minimum(_Point(surfaces, (state,)), positions, descent, gradient, max_evaluations)


def checked_minimum(
    surfaces: Surfaces, positions: Array, state: int, descent: Descent, *, gradient: float, max_evaluations: int
) -> Landmark:
    """The same, with imaginary modes counted; where there are some, along the steepest one and down once more.

    Each count costs six gradients an atom, which `n_evaluations` has too, and `max_evaluations` does not limit.
    """
    _check(surfaces, (state,))
    point = _Point(surfaces, (state,))
    found = _minimum(point, positions, descent, gradient, max_evaluations)
    for attempt in range(MAX_ESCAPES + 1):
        if not found.is_converged:
            return found
        ways = imaginary_modes(surfaces, found.positions, state)
        point.n_evaluations += 2 * surfaces.n_dof
        count = None if ways is None else len(ways)
        found = replace(found, n_imaginary=count, n_evaluations=point.n_evaluations)
        if not ways or attempt == MAX_ESCAPES:
            return found
        found = _minimum(point, found.positions + ways[0], descent, gradient, max_evaluations)
    return found


def saddle(
    surfaces: Surfaces,
    positions: Array,
    state: int,
    way_up: Callable[[Array], Descent],
    *,
    gradient: float,
    max_evaluations: int,
) -> Landmark:
    """The saddle of one state near `positions` [n_dof]: no gradient, and one imaginary mode.

    way_up: From the Hessian of the start [n_dof, n_dof] to a search that follows its lowest mode up.
    Both Hessians, of start and end, cost six gradients an atom each, which `max_evaluations` does not limit.
    """
    _check(surfaces, (state,))
    point = _Point(surfaces, (state,))
    second = hessian(surfaces, positions, state)
    if not np.isfinite(second).all():
        energies, gradients = point(positions)
        slope = float(np.abs(gradients[0]).max())
        return Landmark(positions, (state,), energies, slope, 2 * surfaces.n_dof + 1, False, NO_HESSIAN)
    ending = way_up(second)(_energy_of(point), positions, gradient=gradient, max_evaluations=max_evaluations)
    energies, gradients = point(ending.place)
    slope = float(np.abs(gradients[0]).max())
    ways = imaginary_modes(surfaces, ending.place, state)
    count = None if ways is None else len(ways)
    n_evaluations = point.n_evaluations + 4 * surfaces.n_dof
    reason = "" if slope <= gradient else ending.reason or "the gradient is larger than wanted"
    if not reason and count != 1:
        reason = NO_HESSIAN if count is None else f"{count} imaginary modes, a saddle has one"
    return Landmark(ending.place, (state,), energies, slope, n_evaluations, not reason, reason, count)


def crossing(
    surfaces: Surfaces,
    positions: Array,
    states: tuple[int, int],
    descent: Descent,
    *,
    gap: float,
    gradient: float,
    max_evaluations: int,
) -> Landmark:
    """The lowest crossing of two states near `positions` [n_dof], to a gap and a largest gradient component."""
    _check(surfaces, states)
    point, strength = _Point(surfaces, states), FIRST_STRENGTH
    found = _at_crossing(point, positions, descent, gap, gradient)
    for _ in range(MAX_ROUNDS):
        left = max_evaluations - point.n_evaluations
        if left <= 0:
            return replace(found, reason="too many evaluations")
        objective = _penalised(point, strength)
        ending = descent(objective, found.positions, gradient=TIGHTER * gradient, max_evaluations=left)
        found = replace(_at_crossing(point, ending.place, descent, gap, gradient), reason=ending.reason)
        if found.is_converged:
            return replace(found, reason="")
        strength *= STRENGTH_RATIO
    return found


def _minimum(point: _Point, positions: Array, descent: Descent, gradient: float, max_evaluations: int) -> Landmark:
    place, begun = positions, point.n_evaluations
    for _ in range(MAX_DESCENTS):
        left = max_evaluations - (point.n_evaluations - begun)
        ending = descent(_energy_of(point), place, gradient=gradient, max_evaluations=left)
        place, (energies, gradients) = ending.place, point(ending.place)
        slope = float(np.abs(descent.free(place, gradients[0])).max())
        if slope <= gradient or ending.reason:
            break
    reason = "" if slope <= gradient else ending.reason
    return Landmark(place, tuple(point.states), energies, slope, point.n_evaluations, slope <= gradient, reason)


def _energy_of(point: _Point) -> Objective:
    """Of its one state, with the gradient."""
    state = point.states[0]

    def energy(place: Array) -> tuple[float, Array]:
        energies, gradients = point(place)
        return float(energies[state]), gradients[0]

    return energy


class _Point:
    """Energies of all states and the gradients of some, remembered for the last geometry."""

    def __init__(self, surfaces: Surfaces, states: tuple[int, ...]) -> None:
        self._surfaces, self.states = surfaces, list(states)
        self._asked = np.isin(np.arange(surfaces.n_states), states)[None]
        self._place: Array | None = None
        self.n_evaluations = 0

    def __call__(self, place: Array) -> tuple[Array, Array]:
        """[n_states] and [n_chosen, n_dof]."""
        if self._place is None or not np.array_equal(place, self._place):
            found = self._surfaces.evaluate(place[None], self._asked)
            self._found = found.energies[0], found.gradients[0, self.states]
            self._place = place.copy()
            self.n_evaluations += 1
        return self._found


def _penalised(point: _Point, strength: float) -> Objective:
    first, second = point.states

    def objective(place: Array) -> tuple[float, Array]:
        energies, gradients = point(place)
        difference = energies[first] - energies[second]
        size = abs(difference)
        penalty = difference**2 / (size + SMOOTHING)
        slope = difference * (size + 2 * SMOOTHING) / (size + SMOOTHING) ** 2
        mean = (energies[first] + energies[second]) / 2
        return mean + strength * penalty, gradients.mean(axis=0) + strength * slope * (gradients[0] - gradients[1])

    return objective


def _at_crossing(point: _Point, place: Array, descent: Descent, gap: float, gradient: float) -> Landmark:
    energies, gradients = point(place)
    states = (point.states[0], point.states[1])
    left = float(np.abs(seam_gradient(*(descent.free(place, one) for one in gradients))).max())
    is_converged = left <= gradient and abs(energies[states[0]] - energies[states[1]]) <= gap
    return Landmark(place, states, energies, left, point.n_evaluations, bool(is_converged))


def seam_gradient(one: Array, other: Array) -> Array:
    """Mean gradient without its part along the difference [n_dof]: 0 at the lowest point of a seam."""
    mean, between = (one + other) / 2, one - other
    size = between @ between
    return mean - (mean @ between) / (size if size > 0 else 1.0) * between


def _check(surfaces: Surfaces, states: tuple[int, ...]) -> None:
    if len(set(states)) < len(states) or not all(0 <= state < surfaces.n_states for state in states):
        raise ConfigError(
            f"states {', '.join(map(str, states))} were asked for; {surfaces.name} has 0..{surfaces.n_states - 1}, and "
            "a crossing needs two different ones"
        )
