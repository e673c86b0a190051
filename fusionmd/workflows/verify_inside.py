"""Engines inside this process: the ASE calculator, inputs whose memory is not contiguous, the compiled form."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from ase import units
from ase.md.verlet import VelocityVerlet
from ase.stress import voigt_6_to_full_3x3_stress
from torch import Tensor

from fusionmd.engines.ase import FusionCalculator
from fusionmd.potential import Potential, load_potential
from fusionmd.potential.evaluation import Evaluation
from fusionmd.structure import Structure
from fusionmd.workflows.verify_engine import Answer, Course, Engine, Start, each, engine_rows
from fusionmd.workflows.verify_rows import Row
from fusionmd.workflows.verify_subject import Subject, dtype_of_file

# How far atoms stand from where they are asked for when the neighbour list is made, angstrom; less than the skin.
MOVED_BEFORE = 0.1


def inside_engines(subject: Subject) -> list[Engine]:
    """ASE, and strided inputs."""
    potential, dtype = subject.potential, subject.dtype

    def ase_run(start: Start, *, timestep_fs: float, n_steps: int) -> Course:
        return ase_course(potential, start, timestep_fs=timestep_fs, n_steps=n_steps)

    return [
        Engine("ASE", "ase", each(partial(ase_answer, potential)), dtype, run=ase_run),
        Engine("strided inputs", "strided", each(partial(strided_answer, potential)), dtype),
    ]


def compiled_rows(subject: Subject, frames: Sequence[Structure], *, is_required: bool) -> list[Row]:
    """What `fusionmd compile` made against TorchScript, in the precision of the file, for which it was made."""
    dtype = dtype_of_file(subject.content)
    plain, fast = load_potential(subject.content), load_potential(subject.content, compiled="auto")
    engine = Engine(
        f"compiled form, {dtype}",
        "compiled",
        each(partial(strided_answer, fast)),
        dtype,
        missing="" if fast.is_compiled else "there is none on this machine; run `fusionmd compile`",
    )
    references = [plain.evaluate(frames, states=state) for state in plain.all_states if fast.is_compiled]
    return engine_rows(engine, frames, references, is_required=is_required)


def ase_answer(potential: Potential, frame: Structure, state: int) -> Answer:
    """From a neighbour list that was made a little way off and kept: what dynamics do."""
    calculator = FusionCalculator(potential, state=state)
    displacement = MOVED_BEFORE * np.sin(np.arange(3.0 * frame.n_atoms)).reshape(-1, 3)
    for structure in (frame.with_positions(frame.positions + displacement), frame):
        calculator.calculate(structure.to_ase())
    results = calculator.results
    virial = -voigt_6_to_full_3x3_stress(results["stress"]) * frame.volume if "stress" in results else None
    return Answer(results["energy"], results["forces"], virial)


def ase_course(potential: Potential, start: Start, *, timestep_fs: float, n_steps: int) -> Course:
    """Velocity Verlet of ASE."""
    atoms = start.structure.to_ase()
    atoms.set_masses(start.masses)
    atoms.set_velocities(start.velocities / units.fs)
    atoms.calc = FusionCalculator(potential)
    rows: list[tuple[float, float]] = []
    dynamics = VelocityVerlet(atoms, timestep_fs * units.fs)
    dynamics.attach(lambda: rows.append((atoms.get_potential_energy(), atoms.get_total_energy())))
    dynamics.run(n_steps)
    return Course(*np.array(rows).T)


def strided_answer(potential: Potential, frame: Structure, state: int) -> Answer:
    """Every tensor of the graph, and the positions before it, lie in memory with gaps or in another order."""
    gaps = np.zeros((2 * frame.n_atoms, 6), dtype=np.float64)[::2, ::2]
    gaps[:] = frame.positions
    structure = Structure(frame.numbers[::-1].copy()[::-1], gaps, np.asfortranarray(frame.cell), frame.pbc)
    graph = potential.graph(structure)
    spread: dict[str, Any] = {
        name: strided(value) for name, value in graph._asdict().items() if isinstance(value, Tensor)
    }
    (found,) = potential.evaluate_graphs([structure], [graph._replace(**spread)], states=state)
    return answer_of(found)


def strided(tensor: Tensor) -> Tensor:
    """The same values, of which no two are neighbours in memory."""
    apart = tensor.new_zeros([2 * size for size in reversed(tensor.shape)])
    view = apart[(slice(None, None, 2),) * tensor.dim()].permute(*reversed(range(tensor.dim())))
    return view.copy_(tensor)


def answer_of(found: Evaluation) -> Answer:
    """Of the first requested state."""
    return Answer(found.energy, found.forces[0], found.virials[0])
