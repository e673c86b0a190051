"""Dynamics at constant energy: the same course in every engine, and a total energy that stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from ase.data import atomic_masses
from ase.optimize import FIRE
from numpy.typing import NDArray

from fusionmd.engines.ase import FusionCalculator
from fusionmd.potential import Potential
from fusionmd.potential.evaluation import largest
from fusionmd.structure import Structure
from fusionmd.units import BOLTZMANN_EV_PER_K, FS_PER_ASE_TIME
from fusionmd.workflows.verify_engine import Course, Engine, Start
from fusionmd.workflows.verify_rows import Row
from fusionmd.workflows.verify_subject import DType, Subject

TIMESTEP_FS, N_STEPS = 0.25, 50
TEMPERATURE_K = 300.0
SEED = 7
MAX_ATOMS = 100
RELAXING_STEPS, MAX_FORCE = 50, 0.1
# eV: engines differ in the last digits of their unit constants.  eV per atom: see `drift`.
COURSE_TOLERANCE: dict[DType, float] = {"float64": 1e-5, "float32": 1e-3}
DRIFT_TOLERANCE: dict[DType, float] = {"float64": 1e-5, "float32": 1e-4}


def dynamics_rows(
    engines: Sequence[Engine],
    subject: Subject,
    frames: Sequence[Structure],
    on_row: Callable[[str], None] = lambda name: None,
) -> list[Row]:
    """Per engine that can run: its drift, and its potential energies against those of the first one."""
    running = [engine for engine in engines if engine.run is not None and not engine.missing]
    suitable = [frame for frame in frames if 2 <= frame.n_atoms <= MAX_ATOMS]
    if not suitable or not running:
        reason = f"no frame of 2 to {MAX_ATOMS} atoms to move"
        return [Row("NVE", None, DRIFT_TOLERANCE[subject.dtype], reason, False)] if running else []
    begin = start_of(subject.potential, suitable[0])
    rows: list[Row] = []
    first: Course | None = None
    for engine in running:
        on_row(f"{engine.name}, dynamics")
        found, course = engine_dynamics_rows(engine, begin, first)
        rows += found
        first = first or course
    return rows


def engine_dynamics_rows(engine: Engine, begin: Start, first: Course | None) -> tuple[list[Row], Course | None]:
    """Rows of one engine, and its course; a start it cannot take is skipped."""
    drift_name, course_name = f"{engine.name}: NVE drift, eV/atom", f"{engine.name}: NVE potential energy, eV"
    tolerance = DRIFT_TOLERANCE[engine.dtype]
    if reason := engine.refuses(begin.structure):
        return [Row(drift_name, None, tolerance, reason, False)], None
    assert engine.run is not None
    try:
        coarse = engine.run(begin, timestep_fs=TIMESTEP_FS, n_steps=N_STEPS)
        fine = engine.run(begin, timestep_fs=TIMESTEP_FS / 2, n_steps=2 * N_STEPS)
    except Exception as error:  # an engine that fails in any way is what this looks for
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        return [Row(drift_name, None, tolerance, reason)], None
    rows = [Row(drift_name, drift(coarse, fine) / begin.structure.n_atoms, tolerance)]
    if first is not None:
        rows.append(Row(course_name, _gap(coarse.potential, first.potential), COURSE_TOLERANCE[engine.dtype]))
    return rows, coarse


def drift(coarse: Course, fine: Course) -> float:
    """Largest change of the total energy along a run, eV, that a smaller time step does not explain.

    Velocity Verlet changes it by c dt^2 + O(dt^4); from runs with dt and dt/2 follows the limit dt -> 0,
    (4 dE(dt/2) - dE(dt)) / 3, which is zero if the forces are the derivatives of the energy.
    """
    changes = [course.total - course.total[0] for course in (coarse, fine)]
    if len(changes[1]) != 2 * len(changes[0]) - 1:
        return float("inf")
    return largest((4.0 * changes[1][::2] - changes[0]) / 3.0)


def start_of(potential: Potential, structure: Structure) -> Start:
    """The structure, somewhat relaxed, with velocities of 300 K and no total momentum."""
    atoms = structure.to_ase()
    atoms.calc = FusionCalculator(potential)
    FIRE(atoms, logfile=None, maxstep=0.05).run(fmax=MAX_FORCE, steps=RELAXING_STEPS)
    masses: NDArray[np.float64] = atomic_masses[structure.numbers]
    widths = np.sqrt(BOLTZMANN_EV_PER_K * TEMPERATURE_K / masses)[:, None]
    drawn = np.random.default_rng(SEED).normal(size=(structure.n_atoms, 3)) * widths / FS_PER_ASE_TIME
    drawn -= (masses[:, None] * drawn).sum(0) / masses.sum()
    return Start(structure.with_positions(atoms.positions), masses, drawn)


def _gap(found: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    return largest(found - expected) if found.shape == expected.shape else float("inf")
