"""One answer everywhere: every engine against the potential itself, and that against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from fusionmd.elements import symbols
from fusionmd.errors import ConfigError, UnsupportedStructureError
from fusionmd.potential.evaluation import Evaluation
from fusionmd.potential.file import Source
from fusionmd.structure import Structure
from fusionmd.workflows.verify_derivatives import derivative_rows
from fusionmd.workflows.verify_dynamics import dynamics_rows
from fusionmd.workflows.verify_engine import Engine, engine_rows
from fusionmd.workflows.verify_frames import trial_frames
from fusionmd.workflows.verify_inside import compiled_rows, inside_engines
from fusionmd.workflows.verify_lammps import lammps_engines
from fusionmd.workflows.verify_openmm import openmm_engines
from fusionmd.workflows.verify_rows import Row, Verification
from fusionmd.workflows.verify_subject import DType, Subject, subject_of

FAMILIES = ("openmm", "lammps", "compiled")

OnRow = Callable[[str], None]


def verify(
    source: Source,
    frames: Sequence[Structure] = (),
    *,
    dtype: DType = "float64",
    require: Sequence[str] = (),
    has_dynamics: bool = True,
    on_row: OnRow = lambda name: None,
) -> Verification:
    """Compare all engines that are installed on the same frames.

    frames: None given: invented ones, isolated and periodic, one atom and several, cells smaller than the cutoff.
    dtype: In which precision the network runs everywhere.
    require: Engines of FAMILIES whose absence is a failure.
    on_row: Called with the name of what is compared next.
    Raises ConfigError for an unknown engine, UnsupportedStructureError for a frame the potential cannot describe.
    """
    _check_required(require)
    with TemporaryDirectory(prefix="fusionmd-verify-") as folder:
        subject = subject_of(source, dtype, Path(folder))
        chosen = list(frames) or trial_frames(subject.potential)
        return verify_engines(
            all_engines(subject), subject, chosen, require=require, has_dynamics=has_dynamics, on_row=on_row
        )


def all_engines(subject: Subject) -> list[Engine]:
    """Every engine that fusionmd knows, present or not."""
    return [*inside_engines(subject), *openmm_engines(subject), *lammps_engines(subject)]


def verify_engines(
    engines: Sequence[Engine],
    subject: Subject,
    frames: Sequence[Structure],
    *,
    require: Sequence[str] = (),
    has_dynamics: bool = True,
    on_row: OnRow = lambda name: None,
) -> Verification:
    """`verify` with engines of one's own."""
    _check_elements(subject, frames)
    references = reference_answers(subject, frames)
    on_row("finite differences")
    rows: list[Row] = derivative_rows(subject, frames)
    for engine in engines:
        on_row(engine.name)
        rows += engine_rows(engine, frames, references, is_required=engine.family in require)
    on_row("compiled form")
    rows += compiled_rows(subject, frames, is_required="compiled" in require)
    if has_dynamics:
        rows += dynamics_rows(engines, subject, frames, on_row)
    return Verification(tuple(rows))


def reference_answers(subject: Subject, frames: Sequence[Structure]) -> list[list[Evaluation]]:
    """What the potential says, frame by frame, of every state [n_states][n_frames]."""
    potential = subject.potential
    return [potential.evaluate(frames, states=state) for state in potential.all_states]


def _check_required(require: Sequence[str]) -> None:
    unknown = sorted(set(require) - set(FAMILIES))
    if unknown:
        raise ConfigError(f"unknown engine {', '.join(unknown)} is required; known are {', '.join(FAMILIES)}")


def _check_elements(subject: Subject, frames: Sequence[Structure]) -> None:
    known = subject.potential.elements
    for index, frame in enumerate(frames):
        unknown = sorted(set(frame.numbers.tolist()) - set(known))
        if unknown:
            raise UnsupportedStructureError(
                f"frame {index}: element {symbols(unknown)} is not in this potential (trained on {symbols(known)}); "
                "drop the frame or choose another potential"
            )
