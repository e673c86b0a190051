"""Which labels are there: missing ones, zeros that may stand for missing ones, states in the wrong order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from fusionmd.data.finding import Finding, where
from fusionmd.data.frame import Frame

LABELS: tuple[Literal["energy", "forces", "stress"], ...] = ("energy", "forces", "stress")


def label_findings(frames: Sequence[Frame]) -> list[Finding]:
    """Findings on the presence of energies, forces and stress, and on the order of states."""
    return [*_missing(frames), *_zero(frames), *_state_order(frames)]


def _missing(frames: Sequence[Frame]) -> list[Finding]:
    found = []
    for label in LABELS:
        without = where(frames, lambda frame, name=label: not frame.has(name) and _could_have(frame, name))  # type: ignore[misc]
        n_possible = sum(_could_have(frame, label) for frame in frames)
        if without and len(without) == n_possible and label == "energy":
            found.append(Finding("error", "missing", "no frame has an energy; name its key (energy_key)", without))
        elif without and len(without) < n_possible:
            found.append(
                Finding("warning", "missing", f"{len(without)} of {n_possible} frames have no {label}", without)
            )
        elif without:
            found.append(Finding("info", "missing", f"no frame has {label}"))
    return found


def _could_have(frame: Frame, label: str) -> bool:
    """Isolated atoms need no forces, molecules have no stress."""
    return label == "energy" or not frame.is_isolated_atom and (label == "forces" or frame.structure.is_periodic)


def _zero(frames: Sequence[Frame]) -> list[Finding]:
    found = []
    for label in LABELS:
        zero = where(frames, lambda frame, name=label: _is_zero(frame, name))  # type: ignore[misc]
        if zero and (label != "forces" or len(zero) > 1):
            level: Literal["warning", "info"] = (
                "info" if label == "forces" and _by_symmetry(frames, zero) else "warning"
            )
            found.append(
                Finding(level, "zero", f"{label} is exactly zero in {len(zero)} frames; are they labels?", zero)
            )
    return found


def _is_zero(frame: Frame, label: str) -> bool:
    value = getattr(frame, label)
    return value is not None and not np.any(value) and not frame.is_isolated_atom


def _by_symmetry(frames: Sequence[Frame], zero: Sequence[int]) -> bool:
    """Small cells can have vanishing forces; molecules that move cannot."""
    return all(frames[index].structure.is_periodic for index in zero)


def _state_order(frames: Sequence[Frame]) -> list[Finding]:
    crossed = where(frames, lambda frame: frame.energy is not None and frame.n_states > 1 and _descends(frame.energy))
    message = f"energies of states do not ascend in {len(crossed)} frames; state 0 must be the lowest: sort them"
    return [Finding("warning", "state order", message, crossed)] if crossed else []


def _descends(energies: np.ndarray) -> bool:
    return bool((np.diff(energies) < 0).any())
