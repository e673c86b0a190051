"""Do energies, forces and stress belong together? Judged between similar frames by the trapezoid rule.

    E_j - E_i = -a (F_i + F_j)/2 . (r_j - r_i (1 + strain)) + b V_i (stress_i + stress_j)/2 : strain

Correct labels give a = b = 1; another unit, or the other sign, shows in a or b.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fusionmd.data.frame import Frame

MAX_FRAMES = 100  # of one composition
CLOSEST_PAIRS = 400
MIN_PAIRS = 6
MAX_STEP = 0.3  # angstrom, root mean square per atom: farther apart the trapezoid rule says little
MAX_STRAIN = 0.12


class Step(NamedTuple):
    """From one frame to a similar one: its length and the two sides of the equation, eV."""

    length: float
    energy: float
    work_of_forces: float
    work_of_stress: float


class Consistency(NamedTuple):
    """forces: the factor a, stress: the factor b; NaN if the data do not determine it.

    correlation: Of the two sides after the fit; below some 0.7 the factors mean little.
    """

    forces: float
    stress: float
    correlation: float
    n_pairs: int


def consistency(frames: Sequence[Frame]) -> Consistency:
    """The factors a and b, fitted over the closest pairs of frames with the same atoms in the same order."""
    steps = sorted((step for group in _groups(frames) for step in _steps(group)), key=lambda step: step.length)
    chosen = np.array(steps[:CLOSEST_PAIRS], dtype=np.float64).reshape(-1, 4)
    if len(chosen) < MIN_PAIRS:
        return Consistency(np.nan, np.nan, 0.0, len(chosen))
    return _fit(chosen[:, 1], chosen[:, 2:])


def _fit(energies: NDArray[np.float64], works: NDArray[np.float64]) -> Consistency:
    sizes = np.sqrt((works**2).mean(axis=0))
    # A term much smaller than the others is noise to the fit: its factor would be accidental.
    counts = sizes > 0.1 * sizes.max()
    if not counts.any() or not energies.any():
        return Consistency(np.nan, np.nan, 0.0, len(energies))
    factors = np.full(2, np.nan)
    factors[counts] = np.linalg.lstsq(works[:, counts], energies, rcond=None)[0]
    rest = energies - works[:, counts] @ factors[counts]
    explained = 1.0 - (rest**2).sum() / (energies**2).sum()
    return Consistency(float(factors[0]), float(factors[1]), float(np.sqrt(max(explained, 0.0))), len(energies))


def _groups(frames: Sequence[Frame]) -> Iterable[list[Frame]]:
    """Frames with energy and forces, the same atoms in the same order, evenly thinned."""
    groups: dict[tuple[object, ...], list[Frame]] = {}
    for frame in frames:
        if frame.energy is not None and frame.forces is not None:
            key = (frame.structure.numbers.tobytes(), frame.structure.pbc, frame.config_type, frame.stress is None)
            groups.setdefault(key, []).append(frame)
    largest_first = sorted(groups.values(), key=len, reverse=True)[:20]
    for group in largest_first:
        # Neighbours in a trajectory resemble each other: runs of frames, not single ones.
        yield group[:MAX_FRAMES]


def _steps(group: Sequence[Frame]) -> Iterable[Step]:
    for first in range(len(group)):
        for second in range(first + 1, len(group)):
            step = _step(group[first], group[second])
            if step is not None and step.length < MAX_STEP:
                yield step


def _step(i: Frame, j: Frame) -> Step | None:
    if i.structure.is_periodic:
        return _periodic_step(i, j)
    forces_i, forces_j = _ground(i.forces, 3), _ground(j.forces, 3)
    moved, rotation = _aligned(j.structure.positions, i.structure.positions)
    start = i.structure.positions - i.structure.positions.mean(axis=0)
    return _assemble(i, j, moved - start, 0.5 * (forces_i + forces_j @ rotation), np.zeros((3, 3)))


def _periodic_step(i: Frame, j: Frame) -> Step | None:
    if not all(i.structure.pbc) or not all(j.structure.pbc):
        return None
    strain = np.linalg.solve(i.structure.cell, j.structure.cell) - np.eye(3)
    if np.abs(strain).max() > MAX_STRAIN:
        return None
    fraction = i.structure.positions @ np.linalg.inv(i.structure.cell)
    moved = j.structure.positions @ np.linalg.inv(j.structure.cell) - fraction
    moved = (moved - np.round(moved)) @ j.structure.cell
    return _assemble(i, j, moved, 0.5 * (_ground(i.forces, 3) + _ground(j.forces, 3)), strain)


def _assemble(
    i: Frame, j: Frame, moved: NDArray[np.float64], force: NDArray[np.float64], strain: NDArray[np.float64]
) -> Step:
    moved = moved - moved.mean(axis=0)
    energy = float(_ground(j.energy, 1) - _ground(i.energy, 1))
    of_stress = 0.0
    if i.stress is not None and j.stress is not None:
        volume = 0.5 * (i.structure.volume + j.structure.volume)
        of_stress = volume * float(np.sum(0.5 * (_ground(i.stress, 3) + _ground(j.stress, 3)) * strain))
    elif strain.any():
        # Without stress labels the energy of straining is unknown, and such pairs say nothing.
        return Step(np.inf, energy, 0.0, 0.0)
    length = float(np.sqrt((moved**2).sum() / len(moved))) + float(np.abs(strain).max())
    return Step(length, energy, -float(np.sum(force * moved)), of_stress)


def _aligned(
    positions: NDArray[np.float64], target: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centred positions turned onto the target, and the rotation r -> r R. Kabsch, Acta Cryst. A32, 922 (1976)."""
    centred, wanted = positions - positions.mean(axis=0), target - target.mean(axis=0)
    u, _, vt = np.linalg.svd(centred.T @ wanted)
    handedness = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ handedness @ vt
    return centred @ rotation, rotation


def _ground(label: NDArray[np.float64] | None, n_axes: int) -> NDArray[np.float64]:
    """The ground state's part of a label whose state axis, if there, makes it n_axes-dimensional."""
    assert label is not None
    return np.asarray(label[0] if label.ndim == n_axes else label)
