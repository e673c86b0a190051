"""Do neighbouring geometries of a series lie on the same surface? Electronic structure may switch roots or orbitals.

|E(1) - E(0) + (F(0) + F(1))/2 . (x(1) - x(0))| < tolerance        for every state, the trapezoid rule
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusionmd.data.frame import Frame
from fusionmd.errors import DataError

TOLERANCE = 0.020  # eV
LONGEST_MOVE = 0.3  # angstrom

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Jump:
    """A step in which energies and forces of a state do not belong together.

    frame: The step is from `frame` to `frame + 1`.  error: Unexplained change of energy, eV.
    move: How far the atom that moved most went, angstrom.
    """

    frame: int
    state: int
    error: float
    move: float


@dataclass(frozen=True)
class Continuity:
    """jumps: All that were found.  n_frames, n_checked: Frames, and pairs of step and state whose forces are known.

    n_series: How many series the frames are: a new one begins where atoms change or one moves too far.
    """

    jumps: tuple[Jump, ...]
    n_frames: int
    n_checked: int
    n_series: int

    @property
    def suspects(self) -> list[int]:
        """Frames on either side of a jump: which of the two has switched cannot be told from them."""
        return sorted({frame for jump in self.jumps for frame in (jump.frame, jump.frame + 1)})


def continuity(
    frames: Sequence[Frame], *, tolerance: float = TOLERANCE, longest_move: float = LONGEST_MOVE
) -> Continuity:
    """Check successive frames; tolerance in eV, longest_move in angstrom. DataError where labels are missing.

    The rule's own error grows with the third power of the step: 20 meV are ample for the steps of a trajectory.
    """
    if not (tolerance > 0 and longest_move > 0):
        raise DataError(f"tolerance {tolerance} eV and longest move {longest_move} angstrom must be positive")
    jumps: list[Jump] = []
    n_checked, n_series = 0, min(len(frames), 1)
    for index, (here, there) in enumerate(zip(frames, frames[1:], strict=False)):
        move = _move(here, there)
        if move > longest_move:
            n_series += 1
            continue
        errors = unexplained(here, there)
        known = np.isfinite(errors)
        n_checked += int(known.sum())
        wrong = np.flatnonzero(known & (np.abs(np.where(known, errors, 0)) > tolerance))
        jumps += [Jump(index, int(state), float(errors[state]), move) for state in wrong]
    return Continuity(tuple(jumps), len(frames), n_checked, n_series)


def unexplained(here: Frame, there: Frame) -> Array:
    """What of the change of energy the forces do not explain [n_states], eV; NaN where forces are unknown."""
    (energy, forces), (next_energy, next_forces) = _labels(here), _labels(there)
    if energy.shape != next_energy.shape:
        raise DataError(f"{here.source} and {there.source}: {len(energy)} and {len(next_energy)} states")
    moved = there.structure.positions - here.structure.positions
    work = np.einsum("sai,ai->s", (forces + next_forces) / 2, moved)
    return np.asarray(next_energy - energy + work)


def _labels(frame: Frame) -> tuple[Array, Array]:
    """Energies [n_states] and forces [n_states, n_atoms, 3]."""
    if frame.energy is None or frame.forces is None:
        raise DataError(f"{frame.source}: energies and forces are needed to tell whether a series is continuous")
    return np.atleast_1d(frame.energy), frame.forces.reshape(-1, frame.n_atoms, 3)


def _move(here: Frame, there: Frame) -> float:
    """Of the atom that moves most, angstrom; infinite where the atoms are others."""
    if not np.array_equal(here.structure.numbers, there.structure.numbers):
        return np.inf
    return float(np.linalg.norm(there.structure.positions - here.structure.positions, axis=1).max())
