"""Statistics of training frames, from which a model takes its scales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fusionmd.data.frame import Frame
from fusionmd.data.references import elements_of
from fusionmd.elements import symbols
from fusionmd.errors import DataError
from fusionmd.neighbors import neighbor_list


@dataclass(frozen=True)
class Statistics:
    """Scales of a set of frames.

    mean_energy_per_atom: Mean of (E - sum E0) / n_atoms, eV; ground state.
    rms_force: Root mean square over force components, eV/angstrom; 0 if no frame has forces.
    mean_degree: Neighbours within the cutoff per atom.
    rms_force_by_element, mean_degree_by_element: The same by atomic number.
    n_atoms_by_element: Number of atoms by atomic number.
    """

    mean_energy_per_atom: float
    rms_force: float
    mean_degree: float
    rms_force_by_element: Mapping[int, float]
    mean_degree_by_element: Mapping[int, float]
    n_atoms_by_element: Mapping[int, int]


def statistics(frames: Sequence[Frame], e0: Mapping[int, float], cutoff: float) -> Statistics:
    """Statistics of `frames` (isolated atoms left out) for E0 by atomic number (eV) and a cutoff (angstrom)."""
    kept = [frame for frame in frames if not frame.is_isolated_atom]
    if not kept:
        raise DataError(f"no statistics of {len(frames)} frames without isolated atoms; give at least one other frame")
    numbers = np.concatenate([frame.structure.numbers for frame in kept])
    degrees = np.concatenate([_degrees(frame, cutoff) for frame in kept])
    with_forces = [frame for frame in kept if frame.forces is not None]
    owners = np.concatenate([_owners(frame) for frame in with_forces]) if with_forces else np.zeros(0)
    squares = np.concatenate([_squares(frame) for frame in with_forces]) if with_forces else np.zeros((0, 3))
    elements = elements_of(kept)
    return Statistics(
        mean_energy_per_atom=_mean_energy(kept, e0),
        rms_force=_root_mean(squares),
        mean_degree=float(degrees.mean()),
        rms_force_by_element={z: _root_mean(squares[owners == z]) for z in elements},
        mean_degree_by_element={z: float(degrees[numbers == z].mean()) for z in elements},
        n_atoms_by_element={z: int((numbers == z).sum()) for z in elements},
    )


def interaction_energy(frame: Frame, e0: Mapping[int, float]) -> float:
    """E - sum(E0), eV, ground state."""
    missing = sorted({int(number) for number in frame.structure.numbers} - set(e0))
    if missing:
        raise DataError(f"{frame.source}: no E0 for {symbols(missing)}; give it")
    return frame.ground_energy - sum(e0[int(number)] for number in frame.structure.numbers)


def _mean_energy(frames: Sequence[Frame], e0: Mapping[int, float]) -> float:
    per_atom = [interaction_energy(frame, e0) / frame.n_atoms for frame in frames if frame.energy is not None]
    return float(np.mean(per_atom)) if per_atom else 0.0


def _degrees(frame: Frame, cutoff: float) -> np.ndarray:
    return np.bincount(neighbor_list(frame.structure, cutoff).receivers, minlength=frame.n_atoms)


def _owners(frame: Frame) -> np.ndarray:
    n_states = 1 if frame.forces is None or frame.forces.ndim == 2 else len(frame.forces)
    return np.tile(frame.structure.numbers, n_states)


def _squares(frame: Frame) -> np.ndarray:
    assert frame.forces is not None
    return frame.forces.reshape(-1, 3) ** 2


def _root_mean(squares: np.ndarray) -> float:
    return float(np.sqrt(squares.mean())) if squares.size else 0.0
