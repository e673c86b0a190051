"""A run of hopping trajectories: settings in; one file with trajectories and the whole protocol out."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import yaml
from ase import Atoms

from fusionmd.errors import ConfigError, DataError
from fusionmd.namd.config import parts_of
from fusionmd.namd.driver import Parts, start
from fusionmd.namd.ensemble import OnStep, run_ensemble
from fusionmd.namd.model_systems import DiabaticModel, ModelSurfaces
from fusionmd.namd.populations import wilson_interval
from fusionmd.namd.protocol import Array, Surfaces
from fusionmd.namd.sampling import adiabatic_start, diabatic_start, wigner_packet
from fusionmd.namd.scattering_models import (
    DualAvoidedCrossing,
    ExtendedCoupling,
    LandauZenerLine,
    SimpleAvoidedCrossing,
)
from fusionmd.namd.surfaces import PotentialSurfaces
from fusionmd.namd.trajectory import write_ensemble
from fusionmd.namd.vibronic_models import LinearVibronicCoupling, bma, butatriene, linear_vibronic, pyrazine
from fusionmd.potential import load_potential
from fusionmd.units import ANGSTROM_PER_BOHR, ATOMIC_TIME_PER_FS, FS_PER_ASE_TIME
from fusionmd.workflows.namd_settings import FileSettings, PacketSettings, RunSettings

MODELS: dict[str, Callable[[], DiabaticModel]] = {
    "landau_zener": LandauZenerLine,
    "tully_1": SimpleAvoidedCrossing,
    "tully_2": DualAvoidedCrossing,
    "tully_3": ExtendedCoupling,
    "bma": bma,
    "butatriene": butatriene,
    "pyrazine": pyrazine,
    "linear_vibronic": linear_vibronic,
}


def run_namd(settings: RunSettings, output: str | os.PathLike[str], *, on_step: OnStep | None = None) -> dict[str, Any]:
    """Run and write `output`; the summary has the counts of trajectories and hops and the final populations.

    final_populations: Per state low, mean and high of the 95 % interval.
    """
    if settings.n_steps % settings.interval:
        raise ConfigError(f"n_steps {settings.n_steps} is no multiple of interval {settings.interval}; change one")
    surfaces, positions, velocities = _beginning(settings)
    parts = parts_of(settings.method, surfaces, settings.time_step_fs * ATOMIC_TIME_PER_FS)
    state = _started(settings, parts, positions, velocities)
    result = run_ensemble(
        state,
        parts,
        n_steps=settings.n_steps,
        interval=settings.interval,
        batch_size=settings.batch_size,
        on_step=on_step,
    )
    write_ensemble(output, result, surfaces, yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False))
    final = result.active_populations()[-1]
    low, high = wilson_interval(final, result.n_trajectories)
    return {
        "n_trajectories": result.n_trajectories,
        "n_hops": int(result.hops.is_accepted.sum()),
        "n_frustrated": int((~result.hops.is_accepted).sum()),
        "final_populations": np.stack([low, final, high], axis=1).tolist(),
    }


def _beginning(settings: RunSettings) -> tuple[Surfaces, Array, Array]:
    """Surfaces, positions and velocities of every trajectory, atomic units."""
    if isinstance(settings.surfaces, FileSettings):
        return _of_file(settings.surfaces)
    return _of_model(settings.surfaces, settings.n_trajectories, settings.method.seed)


def _of_model(given: PacketSettings, n: int, seed: int) -> tuple[Surfaces, Array, Array]:
    model = MODELS[given.model]()
    centre, width, wave_number = given.centre, given.width, given.wave_number
    if isinstance(model, LinearVibronicCoupling):
        centre = centre or model.centre.tolist()
        width = width or np.sqrt(2 / model.frequencies).tolist()
        wave_number = wave_number or [0.0] * len(model.frequencies)
    if centre is None or width is None or wave_number is None:
        raise ConfigError(f"model {given.model} needs a packet: give centre, width and wave_number, in atomic units")
    if not len(centre) == len(width) == len(wave_number) == len(model.masses) or min(width) <= 0:
        raise ConfigError(f"centre, width (positive) and wave_number of {given.model} have {len(model.masses)} numbers")
    places, speeds = wigner_packet(
        np.arange(n), centre=centre, width=width, wave_number=wave_number, masses=model.masses, seed=seed
    )
    return ModelSurfaces(model), places, speeds


def _of_file(given: FileSettings) -> tuple[Surfaces, Array, Array]:
    frames = _read(given.frames)
    first = frames[0]
    if any((frame.numbers != first.numbers).any() if len(frame) == len(first) else True for frame in frames):
        raise DataError(f"the frames of {given.frames} are not all of one molecule; give frames with the same atoms")
    if any((frame.pbc != first.pbc).any() or not np.array_equal(frame.cell, first.cell) for frame in frames):
        raise DataError(f"the frames of {given.frames} do not share one cell; give frames with the same cell")
    if not all(frame.has("momenta") for frame in frames):
        raise DataError(f"some frames of {given.frames} have no velocities; write them, for instance with fusionmd md")
    surfaces = PotentialSurfaces(
        load_potential(given.potential),
        first.numbers,
        cell=first.cell.array,
        pbc=first.pbc,
        masses_amu=first.get_masses(),
        chunk=given.chunk,
    )
    places = np.stack([frame.positions.ravel() for frame in frames]) / ANGSTROM_PER_BOHR
    speeds = np.stack([frame.get_velocities().ravel() for frame in frames])
    return surfaces, places, speeds / FS_PER_ASE_TIME / ANGSTROM_PER_BOHR / ATOMIC_TIME_PER_FS


def _read(path: str) -> list[Atoms]:
    if not Path(path).exists():
        raise DataError(f"there is no file {path}; give structures with velocities that ASE can read")
    try:
        frames = ase.io.read(path, index=":")
    except Exception as error:  # readers of some forty formats fail in as many ways
        raise DataError(f"ASE cannot read {path} ({type(error).__name__}: {error}); give an xyz file") from None
    if not frames:
        raise DataError(f"{path} holds no structure; give at least one, with velocities")
    return list(frames)


def _started(settings: RunSettings, parts: Parts, positions: Array, velocities: Array) -> Any:
    numbers, n_states = np.arange(len(positions)), parts.surfaces.n_states
    wanted = settings.state if settings.diabatic_state is None else settings.diabatic_state
    if wanted >= n_states:
        raise ConfigError(f"state {wanted} was asked for; {parts.surfaces.name} has states 0..{n_states - 1}")
    if settings.diabatic_state is None:
        active, amplitudes = adiabatic_start(numbers, wanted, n_states)
    elif parts.surfaces.has_diabatic:
        active, amplitudes = diabatic_start(numbers, wanted, positions, parts.surfaces, settings.method.seed)
    else:
        raise ConfigError(f"{parts.surfaces.name} has no diabatic states; give `state` instead of `diabatic_state`")
    return start(
        parts, trajectory=numbers, positions=positions, velocities=velocities, active=active, amplitudes=amplitudes
    )
