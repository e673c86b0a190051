"""An engine as `fusionmd verify` sees it, and the rows that compare it with the potential itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from fusionmd.potential.evaluation import Evaluation, largest
from fusionmd.structure import Structure
from fusionmd.workflows.verify_rows import Row
from fusionmd.workflows.verify_subject import DType

Array = NDArray[np.float64]
# eV per atom; eV/angstrom; and for virials relative to the largest component (at least 1 eV).
TOLERANCES: dict[DType, float] = {"float64": 1e-9, "float32": 1e-4}
LARGE_FORCE = 10.0  # eV/angstrom; float32 has seven digits: where forces are larger, deviations count in proportion
Quantity = Literal["energy", "forces", "virial"]
UNITS: dict[Quantity, str] = {"energy": "eV/atom", "forces": "eV/angstrom", "virial": "relative"}


@dataclass(frozen=True, eq=False)
class Answer:
    """What an engine says of one frame.

    energy: eV.  forces: [n_atoms, 3], eV/angstrom.  virial: [3, 3], eV; None where the engine has none.
    """

    energy: float
    forces: Array
    virial: Array | None = None


@dataclass(frozen=True, eq=False)
class Course:
    """Energies along a run, from its start on: potential and total [n_steps + 1], eV."""

    potential: Array
    total: Array


@dataclass(frozen=True, eq=False)
class Start:
    """Where dynamics begin: a structure, masses [n_atoms] in amu, velocities [n_atoms, 3] in angstrom/fs."""

    structure: Structure
    masses: Array
    velocities: Array


class Run(Protocol):
    """Velocity Verlet from a start."""

    def __call__(self, start: Start, *, timestep_fs: float, n_steps: int) -> Course: ...


def takes_all(structure: Structure) -> str:
    """No structure is refused."""
    return ""


@dataclass(frozen=True, eq=False)
class Engine:
    """One way to run a potential.

    family: What `--require` calls it.  answers: Of frames and an electronic state, one per frame.
    dtype: In which the network runs.  missing: Why it cannot be asked at all; empty if it can.
    refuses: Why it cannot take a structure; empty if it can.  run: Its dynamics, if it has any.
    """

    name: str
    family: str
    answers: Callable[[Sequence[Structure], int], Sequence[Answer]]
    dtype: DType = "float64"
    missing: str = ""
    refuses: Callable[[Structure], str] = takes_all
    run: Run | None = None
    quantities: tuple[Quantity, ...] = ("energy", "forces", "virial")


def each(answer: Callable[[Structure, int], Answer]) -> Callable[[Sequence[Structure], int], list[Answer]]:
    """The answers of an engine that is asked about one frame at a time."""
    return lambda frames, state: [answer(frame, state) for frame in frames]


def engine_rows(
    engine: Engine, frames: Sequence[Structure], references: Sequence[Sequence[Evaluation]], *, is_required: bool
) -> list[Row]:
    """A row per quantity, the largest deviation over frames and states; one row if there is nothing to ask.

    references: [n_states][n_frames].
    """
    tolerance = TOLERANCES[engine.dtype]
    if engine.missing:
        return [Row(engine.name, None, tolerance, engine.missing, is_required)]
    refused = [(index, reason) for index, frame in enumerate(frames) if (reason := engine.refuses(frame))]
    taken = [index for index in range(len(frames)) if index not in dict(refused)]
    rows = [Row(f"{engine.name}: frame {index}", None, tolerance, reason, False) for index, reason in refused]
    if not taken:
        return [*rows, Row(engine.name, None, tolerance, "no frame that it can take", is_required)]
    try:
        errors = _largest_errors(engine, [frames[i] for i in taken], [[r[i] for i in taken] for r in references])
    except Exception as error:  # an engine that fails in any way is what this looks for
        return [*rows, Row(engine.name, None, tolerance, f"{type(error).__name__}: {' '.join(str(error).split())}")]
    return rows + [Row(f"{engine.name}: {name}, {UNITS[name]}", errors[name], tolerance) for name in engine.quantities]


def _largest_errors(
    engine: Engine, frames: Sequence[Structure], references: Sequence[Sequence[Evaluation]]
) -> dict[Quantity, float]:
    found = dict.fromkeys(engine.quantities, 0.0)
    for state, expected in enumerate(references):
        for answer, reference in zip(engine.answers(frames, state), expected, strict=True):
            errors = deviations(answer, reference)
            if engine.dtype == "float32":
                errors["forces"] /= max(1.0, largest(reference.forces[0]) / LARGE_FORCE)
            found = {name: max(error, errors[name]) for name, error in found.items()}
    return found


def deviations(answer: Answer, reference: Evaluation) -> dict[Quantity, float]:
    """Energy, eV/atom; forces, eV/angstrom; virial, relative; an answer of another shape is infinitely wrong."""
    forces, virial = reference.forces[0], reference.virials[0]
    if np.shape(answer.forces) != forces.shape:
        return dict.fromkeys(UNITS, np.inf)
    return {
        "energy": largest(np.array(answer.energy - reference.energy)) / len(forces),
        "forces": largest(answer.forces - forces),
        "virial": 0.0 if answer.virial is None else virial_deviation(answer.virial, virial),
    }


def virial_deviation(found: Array, expected: Array) -> float:
    """Largest difference of the symmetrised virials, relative to the largest component (at least 1 eV)."""
    return largest(_symmetric(found - expected)) / max(1.0, largest(expected))


def _symmetric(matrix: Array) -> Array:
    return 0.5 * (matrix + matrix.T)
