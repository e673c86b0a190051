"""An audit of frames: what looks wrong with a data set, before a model is trained on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Literal, NamedTuple

import numpy as np

from fusionmd.data.audit_units import unit_findings
from fusionmd.data.duplicates import duplicates
from fusionmd.data.finding import Finding
from fusionmd.data.frame import Frame
from fusionmd.data.read import default_units, records
from fusionmd.data.record import Keys, frame_of
from fusionmd.data.references import compositions, elements_of
from fusionmd.data.units import Units
from fusionmd.errors import DataError, UnsupportedStructureError
from fusionmd.neighbors import neighbor_list

LABELS: tuple[Literal["energy", "forces", "stress"], ...] = ("energy", "forces", "stress")
OUTLIER = 12.0  # robust standard deviations
MAX_FORCE = 50.0  # eV/angstrom
NET_FORCE = 0.01  # eV/angstrom per atom
SAME_ENERGY = 1e-3  # eV per atom


class Audit(NamedTuple):
    """n_frames: Frames that could be read.  findings: What was found, errors first."""

    n_frames: int
    findings: tuple[Finding, ...]


def audit_frames(frames: Sequence[Frame]) -> list[Finding]:
    """Everything suspicious within one set of frames, errors first; frames are numbered from 0."""
    if not frames:
        return [Finding("error", "empty", "there are no frames; give at least one")]
    found = [finding for check in CHECKS for finding in check(frames)]
    return sorted(found, key=lambda finding: ("error", "warning", "info").index(finding.level))


def audit_files(
    paths: Sequence[str | PathLike[str]], *, keys: Keys | None = None, units: Units | None = None
) -> dict[str, Audit]:
    """Audit each file by itself, and all of them for frames that occur in more than one ('between files')."""
    sets: dict[str, dict[int, Frame]] = {}
    result: dict[str, Audit] = {}
    for path in paths:
        frames, unreadable = _readable(path, keys or Keys(), units)
        sets[str(path)] = frames
        found = _renumbered(audit_frames(list(frames.values())), list(frames)) if frames else []
        result[str(path)] = Audit(len(frames), (*unreadable, *found))
    if len(sets) > 1:
        result["between files"] = Audit(sum(map(len, sets.values())), tuple(_leakage(sets)))
    return result


def leakage(sets: Mapping[str, Sequence[Frame]]) -> list[Finding]:
    """Structures that occur in more than one of the sets, e.g. {'train': ..., 'test': ...}."""
    return _leakage({name: dict(enumerate(frames)) for name, frames in sets.items()})


def _leakage(sets: Mapping[str, Mapping[int, Frame]]) -> list[Finding]:
    """The same for frames by their index in the file."""
    everything = [(name, index, frame) for name, frames in sets.items() for index, frame in frames.items()]
    shared: dict[tuple[str, str], set[int]] = {}
    for first, second in duplicates([frame for _, _, frame in everything]):
        (name, _, _), (other, index, _) = everything[first], everything[second]
        if name != other:
            shared.setdefault((name, other), set()).add(index)
    return [
        Finding("error", "leakage", f"{len(frames)} frames of {second} are also in {first}; drop them", sorted(frames))
        for (first, second), frames in shared.items()
    ]


def _renumbered(findings: Sequence[Finding], places: Sequence[int]) -> list[Finding]:
    """The findings with indices into the frames that could be read turned into those of the file."""
    return [replace(finding, frames=tuple(places[index] for index in finding.frames)) for finding in findings]


def _readable(path: str | PathLike[str], keys: Keys, units: Units | None) -> tuple[dict[int, Frame], list[Finding]]:
    """Frames by their index in the file, and what kept others from being read."""
    frames: dict[int, Frame] = {}
    findings: list[Finding] = []
    try:
        units = units or default_units(path)
        for index, record in enumerate(records(path)):
            try:
                frames[index] = frame_of(record, keys, units)
            except DataError as error:
                findings.append(Finding("error", "unreadable", str(error), (index,)))
    except DataError as error:
        findings.append(Finding("error", "unreadable", f"{error} (the file was read no further)"))
    if not frames and not findings:
        findings.append(Finding("error", "empty", f"{path} holds no frames"))
    return frames, findings


def _missing_labels(frames: Sequence[Frame]) -> list[Finding]:
    found = []
    for label in LABELS:
        without = _where(frames, lambda frame, name=label: not frame.has(name) and _could_have(frame, name))  # type: ignore[misc]
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


def _zero_labels(frames: Sequence[Frame]) -> list[Finding]:
    found = []
    for label in LABELS:
        zero = _where(frames, lambda frame, name=label: _is_zero(frame, name))  # type: ignore[misc]
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


def _close_atoms(frames: Sequence[Frame]) -> list[Finding]:
    found = []
    for index, frame in enumerate(frames):
        try:
            neighbor_list(frame.structure, 0.5)
        except UnsupportedStructureError as error:
            found.append(Finding("error", "close atoms", f"{frame.source}: {error}", (index,)))
    return found


def _equal_frames(frames: Sequence[Frame]) -> list[Finding]:
    pairs = duplicates(frames)
    contradicting = [pair for pair in pairs if _energies_differ(frames[pair[0]], frames[pair[1]])]
    found = []
    if pairs:
        later = sorted({second for _, second in pairs})
        found.append(Finding("warning", "duplicates", f"{len(later)} frames repeat an earlier structure", later))
    if contradicting:
        both = sorted({index for pair in contradicting for index in pair})
        message = f"equal structures with energies that differ by more than {SAME_ENERGY} eV per atom"
        found.append(Finding("warning", "contradiction", message, both))
    return found


def _energies_differ(a: Frame, b: Frame) -> bool:
    if a.energy is None or b.energy is None:
        return False
    return bool(abs(a.ground_energy - b.ground_energy) / a.n_atoms > SAME_ENERGY)


def _energy_outliers(frames: Sequence[Frame]) -> list[Finding]:
    """Energies per atom, after a fit of the compositions, far from the others of their config_type."""
    known = [i for i, frame in enumerate(frames) if frame.energy is not None and not frame.is_isolated_atom]
    if len(known) < 10:
        return []
    chosen = [frames[index] for index in known]
    counts = compositions(chosen, elements_of(chosen))
    energies = np.array([frame.ground_energy for frame in chosen], dtype=np.float64)
    solution = np.linalg.lstsq(counts, energies - np.median(energies / counts.sum(1)) * counts.sum(1), rcond=None)[0]
    rest = (energies / counts.sum(1)) - np.median(energies / counts.sum(1)) - counts @ solution / counts.sum(1)
    deviation = np.abs(rest - np.median(rest))
    spread = max(1.4826 * float(np.median(deviation)), 1e-4)
    far = [known[index] for index in np.flatnonzero(deviation > OUTLIER * spread)]
    message = f"{len(far)} energies per atom lie more than {OUTLIER:.0f} robust deviations ({spread:.2g} eV) off"
    return [Finding("warning", "outlier", message, far)] if far else []


def _force_outliers(frames: Sequence[Frame]) -> list[Finding]:
    large = _where(frames, lambda frame: frame.forces is not None and float(np.abs(frame.forces).max()) > MAX_FORCE)
    message = f"forces above {MAX_FORCE:.0f} eV/angstrom in {len(large)} frames; another unit, or a failed calculation?"
    return [Finding("warning", "outlier", message, large)] if large else []


def _net_forces(frames: Sequence[Frame]) -> list[Finding]:
    def net(frame: Frame) -> float:
        if frame.forces is None or frame.n_atoms == 1:
            return 0.0
        return float(np.linalg.norm(frame.forces.sum(axis=-2), axis=-1).max()) / frame.n_atoms

    moved = _where(frames, lambda frame: net(frame) > NET_FORCE)
    if not moved:
        return []
    worst = max(net(frames[index]) for index in moved)
    message = f"{len(moved)} frames have a net force above {NET_FORCE} eV/angstrom per atom (worst {worst:.3g})"
    return [Finding("warning", "net force", message, moved)]


def _where(frames: Sequence[Frame], condition: Callable[[Frame], bool]) -> list[int]:
    return [index for index, frame in enumerate(frames) if condition(frame)]


CHECKS: tuple[Callable[[Sequence[Frame]], list[Finding]], ...] = (
    _missing_labels,
    _zero_labels,
    _close_atoms,
    unit_findings,
    _equal_frames,
    _energy_outliers,
    _force_outliers,
    _net_forces,
)
