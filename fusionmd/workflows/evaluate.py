"""A potential against reference labels: predictions for frames, and their errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from fusionmd.data.frame import Frame
from fusionmd.elements import symbols
from fusionmd.errors import DataError
from fusionmd.potential.evaluation import Evaluation
from fusionmd.potential.potential import Potential
from fusionmd.structure import Structure
from fusionmd.training.frames import energies_of, forces_of, interstate_of, stress_of
from fusionmd.training.metrics import Comparison

FRAMES_AT_ONCE = 32


def compare(
    potential: Potential,
    frames: Sequence[Frame],
    *,
    memory_GB: float | None = None,
    on_progress: Callable[[int], None] = lambda n_done: None,
) -> Comparison:
    """Predictions of `potential` beside the labels of `frames`, for every state; unlabelled entries are NaN."""
    check_elements(potential, frames)
    has_couplings = potential.has_couplings and any(frame.has("couplings") for frame in frames)
    evaluations: list[Evaluation] = []
    spreads: list[np.ndarray] = []  # [n_states], one a frame
    for begin in range(0, len(frames), FRAMES_AT_ONCE):
        structures = [frame.structure for frame in frames[begin : begin + FRAMES_AT_ONCE]]
        evaluations += potential.evaluate(
            structures, states=potential.all_states, couplings=has_couplings, memory_GB=memory_GB
        )
        spreads += _spreads(potential, evaluations[begin:], structures, memory_GB)
        on_progress(len(evaluations))
    found = comparison_of(frames, evaluations, potential.n_states)
    return replace(found, energies_std=np.stack(spreads)) if spreads else found


def _spreads(
    potential: Potential, found: Sequence[Evaluation], structures: Sequence[Structure], memory_GB: float | None
) -> list[np.ndarray]:
    """How uncertain the energies are, eV: a committee has said it already; nothing if the potential does not know."""
    if potential.metadata.n_members > 1:
        return [evaluation.energies_std for evaluation in found]
    if potential.metadata.has_uncertainties:
        return list(potential.uncertainties(structures, memory_GB=memory_GB))
    return []


def comparison_of(frames: Sequence[Frame], evaluations: Sequence[Evaluation], n_states: int) -> Comparison:
    """Evaluations of all states, put beside the labels."""
    return Comparison(
        n_atoms=np.array([frame.n_atoms for frame in frames]),
        energies=np.stack([evaluation.energies for evaluation in evaluations]),
        reference_energies=np.stack([energies_of(frame, n_states) for frame in frames]),
        forces=np.concatenate([evaluation.forces for evaluation in evaluations], axis=1),
        reference_forces=np.concatenate([forces_of(frame, n_states) for frame in frames], axis=1),
        stress=np.stack([_ground_state_stress(evaluation) for evaluation in evaluations]),
        reference_stress=np.stack([stress_of(frame) for frame in frames]),
        **_couplings(frames, evaluations, n_states),
    )


def check_elements(potential: Potential, frames: Sequence[Frame]) -> None:
    """Raise DataError that names the first frame with an element the potential does not know."""
    known = set(potential.elements)
    for frame in frames:
        unknown = sorted({int(number) for number in frame.structure.numbers} - known)
        if unknown:
            raise DataError(
                f"{frame.source}: element {symbols(unknown)} is not in this potential (trained on "
                f"{symbols(potential.elements)}); drop the frame or choose another potential"
            )


def _ground_state_stress(evaluation: Evaluation) -> np.ndarray:
    return np.asarray(evaluation.stresses[0]) if evaluation.volume > 0 else np.zeros((3, 3))


def _couplings(frames: Sequence[Frame], evaluations: Sequence[Evaluation], n_states: int) -> dict[str, np.ndarray]:
    """Interstate couplings beside the labels, if they were evaluated."""
    found = [evaluation.interstate for evaluation in evaluations if evaluation.interstate is not None]
    if len(found) < len(frames):
        return {}
    references = [interstate_of(frame, n_states) for frame in frames]
    return {
        "couplings": np.concatenate(found, axis=1),
        "reference_couplings": np.concatenate(references, axis=1),
    }
