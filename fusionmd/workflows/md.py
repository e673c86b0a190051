"""Molecular dynamics with a potential: settings and a start in; a folder with trajectory, log and settings out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import ase.io
import numpy as np
import yaml
from ase import Atoms
from ase.md.velocitydistribution import Stationary, ZeroRotation

from fusionmd.engines.ase import FusionCalculator
from fusionmd.errors import ConfigError, DataError, PropagationError, UnsupportedStructureError
from fusionmd.files import atomic_write, write_text_atomic
from fusionmd.potential import Potential
from fusionmd.units import BOLTZMANN_EV_PER_K
from fusionmd.workflows.md_ase import ASERun
from fusionmd.workflows.md_lammps import LAMMPSRun
from fusionmd.workflows.md_log import MDLog
from fusionmd.workflows.md_openmm import OpenMMRun
from fusionmd.workflows.md_settings import MDSettings

TRAJECTORY, LOG, SETTINGS, LAST = "trajectory.xyz", "log.csv", "config.yaml", "last.xyz"
MAX_TEMPERATURE_K = 1e5

OnStep = Callable[[int, Mapping[str, float]], None]


class Engine(Protocol):
    """What moves the atoms. `atoms` has energy, forces and momenta of the last step that was observed."""

    atoms: Atoms

    @property
    def n_steps(self) -> int:
        """Steps done."""

    def run(self, observe: Callable[[], None]) -> None:
        """All steps; `observe` is called at the start and every `interval` steps. Ctrl-C is raised between steps."""

    def stop(self) -> None:
        """Bring `atoms` to where the last step ended."""


@dataclass(frozen=True)
class MDResult:
    """What a run did.

    n_steps: Steps done.  time_fs: Simulated.  steps_per_s: Speed.  temperature_K: Mean over the log.
    energy_slope_meV_per_atom_per_ps: Linear fit of the total energy (None with fewer than three log lines).
    """

    folder: Path
    n_steps: int
    time_fs: float
    steps_per_s: float
    temperature_K: float
    energy_slope_meV_per_atom_per_ps: float | None
    is_interrupted: bool


def run_md(
    potential: Potential,
    start: Atoms,
    settings: MDSettings,
    folder: str | os.PathLike[str],
    *,
    on_step: OnStep | None = None,
    overwrite: bool = False,
) -> MDResult:
    """Run; `folder` receives trajectory.xyz, log.csv, config.yaml and last.xyz (a start with velocities).

    start: Its velocities are used if it has any, else they are drawn at `temperature_K`.
    on_step: Called with the step and its log line every `interval` steps.
    Ctrl-C stops after the current step; `last.xyz` continues the run. A start that the potential cannot describe is
    refused before anything in `folder` is touched.
    """
    rng = np.random.default_rng(settings.seed)
    atoms = _ready(start, potential, settings, rng)
    engine = _engine(atoms, potential, settings, rng)
    folder = _prepared(folder, overwrite)
    write_text_atomic(folder / SETTINGS, _resolved(settings, potential))
    began, interrupted = time.perf_counter(), False
    with MDLog(folder / LOG, folder / TRAJECTORY, is_periodic=bool(atoms.pbc.any())) as log:
        try:
            engine.run(lambda: _observe(engine, log, settings, on_step))
        except KeyboardInterrupt:
            interrupted = True
        except UnsupportedStructureError as error:
            raise PropagationError(
                f"the run broke at step {engine.n_steps}: {error}; try a smaller timestep"
            ) from error
        finally:
            engine.stop()
            _write_last(folder / LAST, engine.atoms)
    done, seconds = engine.n_steps, max(time.perf_counter() - began, 1e-9)
    return MDResult(
        folder=folder,
        n_steps=done,
        time_fs=done * settings.timestep_fs,
        steps_per_s=done / seconds,
        temperature_K=log.mean_temperature_K(),
        energy_slope_meV_per_atom_per_ps=log.energy_slope(len(atoms)),
        is_interrupted=interrupted,
    )


def read_start(path: str | os.PathLike[str], *, index: int = -1) -> Atoms:
    """One frame of a structure file, any format ASE reads."""
    if not os.path.exists(path):
        raise DataError(
            f"there is no structure file {os.fspath(path)}; give one that ASE can read (xyz, cif, POSCAR, ...)"
        )
    try:
        atoms = ase.io.read(os.fspath(path), index=index)
    except Exception as error:  # readers of some forty formats fail in as many ways
        raise DataError(
            f"ASE cannot read {os.fspath(path)} ({type(error).__name__}: {error}); give an xyz file"
        ) from None
    assert isinstance(atoms, Atoms)
    return atoms


def _prepared(folder: str | os.PathLike[str], overwrite: bool) -> Path:
    folder = Path(folder)
    existing = [name for name in (TRAJECTORY, LOG) if (folder / name).exists()]
    if existing and not overwrite:
        raise ConfigError(
            f"{folder} already holds {' and '.join(existing)}; choose another folder, or allow to overwrite"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name in existing:
        (folder / name).unlink()
    return folder


def _ready(start: Atoms, potential: Potential, settings: MDSettings, rng: np.random.Generator) -> Atoms:
    """A copy with calculator, forces and velocities."""
    atoms = Atoms(start.numbers, start.positions, cell=start.cell, pbc=start.pbc, velocities=start.get_velocities())
    if settings.ensemble == "npt" and not atoms.pbc.all():
        raise ConfigError(
            f"npt needs a cell that is periodic along all axes, this one has pbc {atoms.pbc.tolist()}; use nvt"
        )
    atoms.calc = FusionCalculator(potential, state=settings.state, skin=settings.skin)
    atoms.get_forces()
    if not atoms.get_velocities().any():
        _draw_momenta(atoms, settings.temperature_K, rng)
        Stationary(atoms, preserve_temperature=len(atoms) > 1)
        if len(atoms) > 2 and not atoms.pbc.any():
            ZeroRotation(atoms)
    return atoms


def _draw_momenta(atoms: Atoms, temperature_K: float, rng: np.random.Generator) -> None:
    """Momenta of the canonical distribution: normal, variance m k T."""
    widths = np.sqrt(atoms.get_masses() * BOLTZMANN_EV_PER_K * temperature_K)
    atoms.set_momenta(rng.normal(size=(len(atoms), 3)) * widths[:, None])


def _engine(atoms: Atoms, potential: Potential, settings: MDSettings, rng: np.random.Generator) -> Engine:
    if settings.engine == "lammps":
        return LAMMPSRun(atoms, potential, settings)
    if settings.engine == "openmm":
        return OpenMMRun(atoms, potential, settings)
    return ASERun(atoms, settings, rng)


def _observe(engine: Engine, log: MDLog, settings: MDSettings, on_step: OnStep | None) -> None:
    step = engine.n_steps
    line = log.write(step, step * settings.timestep_fs, engine.atoms)
    if not line["temperature_K"] < MAX_TEMPERATURE_K:
        raise PropagationError(
            f"at step {step} the temperature is {line['temperature_K']:.3g} K: the run has exploded; "
            f"try a smaller timestep than {settings.timestep_fs} fs, or a start nearer to what the potential "
            f"was trained on"
        )
    if on_step is not None:
        on_step(step, line)


def _write_last(path: Path, atoms: Atoms) -> None:
    bare = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc, momenta=atoms.get_momenta())
    with atomic_write(path) as temporary:
        ase.io.write(temporary, bare, format="extxyz")


def _resolved(settings: MDSettings, potential: Potential) -> str:
    content: dict[str, Any] = {
        "md": settings.model_dump(),
        "potential": {"name": potential.metadata.name, "sha256": potential.sha256},
    }
    return yaml.safe_dump(content, sort_keys=False)
