"""OpenMM on its Reference platform, as `fusionmd verify` asks it."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec

import numpy as np
from ase.data import atomic_masses

import fusionmd_openmm
from fusionmd.potential import Potential
from fusionmd.structure import Structure
from fusionmd.units import FS_PER_ASE_TIME
from fusionmd.workflows.verify_engine import Answer, Course, Engine, Start, each
from fusionmd.workflows.verify_subject import Subject

MISSING = "package openmm is not installed; pip install 'fusionmd[openmm]'"


def openmm_engines(subject: Subject) -> list[Engine]:
    """One engine; it has no virial, so it is asked about scaled boxes as well (what a barostat accepts on)."""
    potential, missing = subject.potential, "" if find_spec("openmm") else MISSING

    def run(start: Start, *, timestep_fs: float, n_steps: int) -> Course:
        return openmm_course(potential, start, timestep_fs=timestep_fs, n_steps=n_steps)

    return [
        Engine(
            "OpenMM",
            "openmm",
            each(partial(openmm_answer, potential)),
            subject.dtype,
            missing=missing,
            refuses=refusal,
            run=run,
            quantities=("energy", "forces"),
        )
    ]


def refusal(structure: Structure) -> str:
    """Why OpenMM cannot take a structure; empty if it can."""
    is_mixed = structure.is_periodic and not all(structure.pbc)
    return f"OpenMM knows three periodic axes or none, this has pbc {structure.pbc}" if is_mixed else ""


def openmm_answer(potential: Potential, frame: Structure, state: int) -> Answer:
    """Energy and forces of a Context."""
    masses = atomic_masses[frame.numbers]
    dynamics = fusionmd_openmm.Dynamics(
        potential, frame, masses=masses, velocities=np.zeros((frame.n_atoms, 3)), state=state
    )
    return Answer(*dynamics.energy_and_forces())


def openmm_course(potential: Potential, start: Start, *, timestep_fs: float, n_steps: int) -> Course:
    """Velocity Verlet of the plugin."""
    dynamics = fusionmd_openmm.Dynamics(
        potential, start.structure, masses=start.masses, velocities=start.velocities, timestep_fs=timestep_fs
    )
    rows = [_energies(dynamics, start)]
    for _ in range(n_steps):
        dynamics.step()
        rows.append(_energies(dynamics, start))
    return Course(*np.array(rows).T)


def _energies(dynamics: fusionmd_openmm.Dynamics, start: Start) -> tuple[float, float]:
    """Potential and total energy, eV."""
    potential, _ = dynamics.energy_and_forces()
    speeds = dynamics.snapshot().velocities * FS_PER_ASE_TIME
    return potential, potential + float(0.5 * (start.masses[:, None] * speeds**2).sum())
