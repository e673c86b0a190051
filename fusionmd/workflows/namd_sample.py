"""Where hopping trajectories start: structures with velocities from a Wigner function, ground-state dynamics or files.

An excitation window keeps those draws whose vertical excitation lies in it; the draws are numbered, so that a larger
set begins with the smaller one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import ase.io
import numpy as np
import yaml
from ase import Atoms
from ase.md.velocitydistribution import Stationary, ZeroRotation
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fusionmd.errors import ConfigError, DataError
from fusionmd.files import atomic_write, write_text_atomic
from fusionmd.namd.normal_modes import (
    INVERSE_CM_PER_HARTREE,
    NormalModes,
    normal_modes,
    thermal_variances,
    wigner_molecule,
)
from fusionmd.units import (
    ANGSTROM_PER_BOHR,
    ATOMIC_TIME_PER_FS,
    ELECTRON_MASS_PER_AMU,
    EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR,
    EV_PER_HARTREE,
    FS_PER_ASE_TIME,
)
from fusionmd.workflows.md import run_md
from fusionmd.workflows.md_settings import md_settings
from fusionmd.workflows.namd_ground_state import GroundState, PotentialGroundState
from fusionmd.workflows.namd_start import read_frames

DRAWS_TOGETHER, MAX_DRAWS_PER_FRAME = 64, 100
HESSIAN_UNIT = EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR / ANGSTROM_PER_BOHR  # eV/angstrom^2 per Hartree/bohr^2


class SampleSettings(BaseModel):
    """How starts are drawn. Frequencies in 1/cm."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["wigner", "thermal", "files"] = "wigner"
    n: int = Field(100, ge=1, description="structures that are wanted")
    temperature_K: float = Field(0.0, ge=0, description="of the modes, or of the thermostat")
    min_frequency: float = Field(0.0, ge=0, description="wigner: softer modes stay where they are, 1/cm")
    classical_below: float = Field(0.0, ge=0, description="wigner: softer modes are drawn classically, 1/cm")
    relax: bool = Field(True, description="wigner, thermal: go to the minimum first")
    state: int = Field(1, ge=1, description="excited state of the window")
    window_eV: tuple[float, float] | None = Field(None, description="lowest and highest excitation energy")
    equilibration_fs: float = Field(1000.0, ge=0, description="thermal: dynamics before the first structure")
    spacing_fs: float = Field(100.0, gt=0, description="thermal: time between structures")
    timestep_fs: float = Field(0.5, gt=0, description="thermal")
    seed: int = Field(0, ge=0)
    first: int = Field(0, ge=0, description="wigner, without a window: number of the first draw")

    @model_validator(mode="after")
    def _consistent(self) -> SampleSettings:
        if self.window_eV is not None and not self.window_eV[0] < self.window_eV[1]:
            raise ValueError(f"the window {self.window_eV} eV is empty")
        if self.method == "thermal" and not self.temperature_K > 0:
            raise ValueError("thermal sampling needs a temperature above 0 K")
        if self.first and (self.method != "wigner" or self.window_eV is not None):
            raise ValueError("draws are numbered by wigner without a window alone; leave out `first`")
        return self


@dataclass(frozen=True, eq=False)
class Sample:
    """The structures, and what is known of the way they were drawn."""

    frames: list[Atoms]
    facts: dict[str, Any]


def sample_settings(**values: Any) -> SampleSettings:
    """Validated settings; ConfigError names what is wrong."""
    try:
        return SampleSettings(**values)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']} (got {e['input']!r})" for e in error.errors())
        raise ConfigError(f"{wrong}; known settings: {', '.join(SampleSettings.model_fields)}") from None


def sample(
    source: GroundState, start: str | Path, settings: SampleSettings, *, on_draw: Callable[[int], None] | None = None
) -> Sample:
    """Draw; start: A structure (wigner, thermal: the last frame of the file) or the file of `files`."""
    if settings.window_eV is not None and settings.state >= source.n_states:
        raise ConfigError(
            f"the window is of state {settings.state}, {source.name!r} has states 0..{source.n_states - 1}; give "
            "another potential, or no window"
        )
    frames = read_frames(str(start))
    facts: dict[str, Any] = {}
    if settings.method == "wigner":
        modes = modes_of(source, frames[-1], is_relaxed=not settings.relax)
        facts = _facts_of(modes, settings)
        draws: Iterator[Atoms] = _wigner(modes, frames[-1], settings)
    elif settings.method == "thermal":
        draws = iter(_thermal(source, frames[-1], settings))
    else:
        draws = iter(_with_velocities(frames, str(start)))
    return _accepted(source, draws, settings, facts, on_draw)


def write_sample(path: str | Path, found: Sample, settings: SampleSettings, source: GroundState) -> None:
    """Structures as extended XYZ, and beside them PATH.yaml: settings, whose ground state it was, what was found."""
    with atomic_write(path) as temporary:
        ase.io.write(temporary, found.frames, format="extxyz")
    content = {
        "sample": settings.model_dump(mode="json"),
        **source.record,
        "found": found.facts,
    }
    write_text_atomic(f"{path}.yaml", yaml.safe_dump(content, sort_keys=False))


def modes_of(source: GroundState, atoms: Atoms, *, is_relaxed: bool = False) -> NormalModes:
    """Normal modes of the ground state at its minimum near `atoms`, from the Hessian of the same surface."""
    if atoms.pbc.any():
        raise DataError("normal modes without translation and rotation need a molecule; this structure is periodic")
    atoms = atoms if is_relaxed else source.relaxed(atoms)
    hessian = source.hessian(atoms) / HESSIAN_UNIT
    masses = np.repeat(atoms.get_masses() * ELECTRON_MASS_PER_AMU, 3)
    return normal_modes(hessian, atoms.positions.ravel() / ANGSTROM_PER_BOHR, masses)


def _facts_of(modes: NormalModes, settings: SampleSettings) -> dict[str, Any]:
    wave_numbers = modes.frequencies * INVERSE_CM_PER_HARTREE
    variances = thermal_variances(
        modes.frequencies, settings.temperature_K, classical_below=settings.classical_below / INVERSE_CM_PER_HARTREE
    )
    kinetic = modes.frequencies * variances / 2
    return {
        "expected_kinetic_energy_eV": float(kinetic[wave_numbers >= settings.min_frequency].sum() * EV_PER_HARTREE),
        "frequencies_inverse_cm": wave_numbers.tolist(),
        "n_frozen": int((wave_numbers < settings.min_frequency).sum()),
        "n_classical": int(
            ((wave_numbers < settings.classical_below) & (wave_numbers >= settings.min_frequency)).sum()
        ),
    }


def _wigner(modes: NormalModes, atoms: Atoms, settings: SampleSettings) -> Iterator[Atoms]:
    """Draw after draw without end."""
    first = settings.first
    while True:
        places, speeds = wigner_molecule(
            modes,
            np.arange(first, first + DRAWS_TOGETHER),
            seed=settings.seed,
            temperature_K=settings.temperature_K,
            min_frequency=settings.min_frequency / INVERSE_CM_PER_HARTREE,
            classical_below=settings.classical_below / INVERSE_CM_PER_HARTREE,
        )
        for place, speed in zip(places, speeds, strict=True):
            drawn = atoms.copy()
            drawn.positions = place.reshape(-1, 3) * ANGSTROM_PER_BOHR
            in_angstrom_per_fs = speed.reshape(-1, 3) * ANGSTROM_PER_BOHR * ATOMIC_TIME_PER_FS
            drawn.set_velocities(in_angstrom_per_fs * FS_PER_ASE_TIME)
            yield drawn
        first += DRAWS_TOGETHER


def _thermal(source: GroundState, atoms: Atoms, settings: SampleSettings) -> list[Atoms]:
    """Frames of Langevin dynamics on the ground state, without motion of the whole."""
    if not isinstance(source, PotentialGroundState):
        raise ConfigError(f"thermal sampling needs a potential, {source.name} is none; draw with --method wigner")
    atoms = source.relaxed(atoms) if settings.relax else atoms
    interval = max(round(settings.spacing_fs / settings.timestep_fs), 1)
    n_first = -(-settings.equilibration_fs // (interval * settings.timestep_fs))
    plan = md_settings(
        ensemble="nvt",
        steps=round(n_first + settings.n) * interval,
        timestep_fs=settings.timestep_fs,
        temperature_K=settings.temperature_K,
        interval=interval,
        seed=settings.seed,
    )
    with tempfile.TemporaryDirectory() as folder:
        if run_md(source.potential, atoms, plan, Path(folder) / "md").is_interrupted:
            raise KeyboardInterrupt
        frames = read_frames(str(Path(folder) / "md" / "trajectory.xyz"))[-settings.n :]
    for frame in frames:
        frame.set_masses(atoms.get_masses())
        Stationary(frame, preserve_temperature=False)
        if len(frame) > 2 and not frame.pbc.any():
            ZeroRotation(frame, preserve_temperature=False)
    return frames


def _with_velocities(frames: list[Atoms], path: str) -> list[Atoms]:
    if not all(frame.has("momenta") for frame in frames):
        raise DataError(f"some frames of {path} have no velocities; write them, or draw with --method wigner")
    return frames


def _accepted(
    source: GroundState,
    draws: Iterator[Atoms],
    settings: SampleSettings,
    facts: dict[str, Any],
    on_draw: Callable[[int], None] | None,
) -> Sample:
    """The first n draws inside the window, each with its excitation energy."""
    chosen: list[Atoms] = []
    seen: list[float] = []
    n_drawn = 0
    while len(chosen) < settings.n and n_drawn < MAX_DRAWS_PER_FRAME * settings.n:
        block = list(islice(draws, DRAWS_TOGETHER if settings.window_eV else settings.n - len(chosen)))
        if not block:
            break
        for atoms, energy in zip(block, _excitations(source, block, settings.state), strict=True):
            n_drawn += len(chosen) < settings.n
            seen.append(energy)
            if len(chosen) < settings.n and _is_inside(energy, settings.window_eV):
                atoms.info = {"excitation_energy_eV": energy} if np.isfinite(energy) else {}
                chosen.append(_bare(atoms))
        if on_draw is not None:
            on_draw(len(chosen))
    if not chosen:
        raise DataError(
            f"none of {n_drawn} draws has an excitation of {settings.window_eV} eV; they have {min(seen):.3f} to "
            f"{max(seen):.3f} eV: choose a window among them"
        )
    kinetic = [atoms.get_kinetic_energy() for atoms in chosen]
    range_eV = {"excitation_eV": [float(min(seen)), float(max(seen))]} if np.isfinite(seen).all() else {}
    return Sample(
        chosen,
        {"n": len(chosen), "n_drawn": n_drawn, "mean_kinetic_energy_eV": float(np.mean(kinetic)), **range_eV, **facts},
    )


def _excitations(source: GroundState, frames: list[Atoms], state: int) -> list[float]:
    """E_state - E_0, eV; NaN where there is no such state."""
    if state >= source.n_states:
        return [float("nan")] * len(frames)
    energies = source.energies(frames)
    return [float(excitation) for excitation in energies[:, state] - energies[:, 0]]


def _is_inside(energy: float, window: tuple[float, float] | None) -> bool:
    return window is None or window[0] <= energy <= window[1]


def _bare(atoms: Atoms) -> Atoms:
    """Without a calculator, whose results the file would repeat."""
    atoms.calc = None
    return atoms
