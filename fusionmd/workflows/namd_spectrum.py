"""The absorption spectrum of a sample of structures, and the starts that a pump window chooses among them."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms

from fusionmd.errors import ConfigError, DataError
from fusionmd.files import atomic_write, write_text_atomic
from fusionmd.namd.absorption import Shape, Spectrum, chosen_excitations, spectrum
from fusionmd.namd.figures import write_picture
from fusionmd.namd.protocol import Array
from fusionmd.namd.study_plots import spectrum_plot
from fusionmd.potential import Potential
from fusionmd.structure import Structure
from fusionmd.workflows.namd_start import INITIAL_STATE, read_frames

STRENGTHS = "oscillator_strengths"
QUANTITIES = {
    True: ("cross section (angstrom^2)", "absorption cross section, angstrom^2 per molecule"),
    False: (
        "excitations (1/eV)",
        "density of excitation energies, 1/eV and summed over states: the structures have no oscillator strengths, so "
        "that heights are not absorption",
    ),
}


@dataclass(frozen=True, eq=False)
class Ensemble:
    """frames: Structures with velocities.  excitations, strengths: [n_frames, n_states - 1], eV; strengths or None."""

    frames: list[Atoms]
    excitations: Array
    strengths: Array | None


def excited(potential: Potential, path: str | Path) -> Ensemble:
    """Vertical excitations of all states from the lowest, and the strengths that the frames have."""
    if potential.n_states < 2:
        raise ConfigError(f"{potential.metadata.name!r} has one state; a spectrum needs two or more")
    frames = read_frames(str(path))
    found = potential.evaluate([Structure.from_ase(atoms) for atoms in frames])
    energies = np.stack([one.energies for one in found])
    return Ensemble(frames, energies[:, 1:] - energies[:, :1], _strengths(frames, str(path)))


def absorb(found: Ensemble, *, width_eV: float, shape: Shape) -> Spectrum:
    """The spectrum of an ensemble."""
    if not width_eV > 0:
        raise ConfigError(f"the broadening is {width_eV} eV; it must be positive")
    return spectrum(found.excitations, found.strengths, width=width_eV, shape=shape)


def starts(found: Ensemble, window_eV: tuple[float, float], *, seed: int) -> list[Atoms]:
    """The frames chosen by a window, each with the state that it starts on in its comment line."""
    if not window_eV[0] < window_eV[1]:
        raise ConfigError(f"the window {window_eV} eV is empty; give the lower energy first")
    if not all(frame.has("momenta") for frame in found.frames):
        raise DataError("the structures have no velocities to start with; draw them with fusionmd namd sample")
    chosen = []
    for row, state in zip(*chosen_excitations(found.excitations, found.strengths, window_eV, seed=seed), strict=True):
        frame = found.frames[row].copy()
        energy = float(found.excitations[row, state - 1])
        frame.info = {INITIAL_STATE: int(state), "excitation_energy_eV": energy, "sample": int(row)}
        chosen.append(frame)
    return chosen


def write_starts(path: Path, frames: Sequence[Atoms]) -> None:
    """For `frames:` of `namd run` with `state: frames`."""
    with atomic_write(path) as temporary:
        ase.io.write(temporary, list(frames), format="extxyz")


def write_spectrum(
    folder: Path, found: Spectrum, said: dict[str, Any], window_eV: tuple[float, float] | None
) -> list[Path]:
    """spectrum.csv, spectrum.json, spectrum.png and spectrum.svg."""
    table = StringIO()
    table.write(f"# {said['quantity']}; {said['n_frames']} structures, {said['shape']} of {said['width_eV']:g} eV\n")
    writer = csv.writer(table, lineterminator="\n")
    n_excited = len(found.by_state)
    writer.writerow(["energy_eV", "total", "standard_error", *(f"state_{k + 1}" for k in range(n_excited))])
    for row in np.stack([found.energies, found.total, found.error, *found.by_state], axis=1):
        writer.writerow([f"{value:.6g}" for value in row])
    write_text_atomic(folder / "spectrum.csv", table.getvalue())
    write_text_atomic(folder / "spectrum.json", json.dumps(said, indent=2) + "\n")
    pictures = write_picture(spectrum_plot(found, QUANTITIES[found.has_strengths][0], window_eV), folder, "spectrum")
    return [folder / "spectrum.csv", folder / "spectrum.json", *pictures]


def summary(ensemble: Ensemble, found: Spectrum, *, width_eV: float, shape: Shape) -> dict[str, Any]:
    """As JSON has it."""
    return {
        "quantity": QUANTITIES[found.has_strengths][1],
        "n_frames": len(ensemble.frames),
        "shape": shape,
        "width_eV": width_eV,
        "maximum_eV": float(found.energies[found.total.argmax()]),
        "mean_excitations_eV": ensemble.excitations.mean(axis=0).tolist(),
        "energy_eV": found.energies.tolist(),
        "total": found.total.tolist(),
        "standard_error": found.error.tolist(),
        "by_state": found.by_state.tolist(),
    }


def _strengths(frames: Sequence[Atoms], path: str) -> Array | None:
    have = [STRENGTHS in frame.info for frame in frames]
    if not any(have):
        return None
    if not all(have):
        raise DataError(f"only {sum(have)} of {len(frames)} frames of {path} have {STRENGTHS}; give all or none")
    return np.stack([np.atleast_1d(np.asarray(frame.info[STRENGTHS], dtype=np.float64)) for frame in frames])
