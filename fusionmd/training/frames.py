"""Frames as training reads them, and their labels as arrays in which NaN marks what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusionmd.data.frame import Frame
from fusionmd.data.read import read_frames, units_of
from fusionmd.training.config import DataConfig

Array = NDArray[np.float64]


def frames_of(paths: Sequence[Path], data: DataConfig) -> list[Frame]:
    """All frames of the files, in order, with labels in eV and angstrom."""
    return [
        frame
        for path in paths
        for frame in read_frames(
            path,
            energy_key=data.energy_key,
            forces_key=data.forces_key,
            stress_key=data.stress_key,
            virial_key=data.virial_key,
            couplings_key=data.couplings_key,
            units=units_of(path, given_units(data)),
        )
    ]


def given_units(data: DataConfig) -> dict[str, str | None]:
    """What the configuration says about units, as `fusionmd.data.read.units_of` takes it."""
    return {
        "energy": data.energy_unit,
        "length": data.length_unit,
        "forces": data.forces_unit,
        "stress": data.stress_unit,
    }


def energies_of(frame: Frame, n_states: int) -> Array:
    """Total energies [n_states], eV."""
    return _by_state(frame.energy, n_states, ())


def forces_of(frame: Frame, n_states: int) -> Array:
    """Forces [n_states, n_atoms, 3], eV/angstrom."""
    return _by_state(frame.forces, n_states, (frame.n_atoms, 3))


def interstate_of(frame: Frame, n_states: int) -> Array:
    """Interstate couplings (E_b - E_a) <a|grad b> [n_pairs, n_atoms, 3], eV/angstrom."""
    lower, upper = np.triu_indices(n_states, 1)
    energies = energies_of(frame, n_states)
    # A frame of fewer or more states than the model numbers its pairs otherwise.
    known = frame.couplings if frame.n_states == n_states else None
    return _by_state(known, len(lower), (frame.n_atoms, 3)) * (energies[upper] - energies[lower])[:, None, None]


def stress_of(frame: Frame) -> Array:
    """Stress of the ground state [3, 3], eV/angstrom^3."""
    return _by_state(frame.stress, 1, (3, 3))[0]


def weights_of(frame: Frame, config_type_weight: float) -> tuple[float, float, float]:
    """Factors of the errors of energy, forces and stress."""
    overall = config_type_weight * frame.weights.get("all", 1.0)
    energy, forces, stress = (overall * frame.weights.get(name, 1.0) for name in ("energy", "forces", "stress"))
    return energy, forces, stress


def _by_state(label: Array | None, n_states: int, tail: tuple[int, ...]) -> Array:
    """A label without a state axis is that of the ground state."""
    full = np.full((n_states, *tail), np.nan)
    if label is not None:
        states = label.reshape(-1, *tail)[:n_states]
        full[: len(states)] = states
    return full
