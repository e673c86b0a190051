"""An audit of frames: what looks wrong with a data set, before a model is trained on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import NamedTuple

from fusionmd.data.audit_labels import label_findings
from fusionmd.data.audit_outliers import outlier_findings
from fusionmd.data.audit_units import unit_findings
from fusionmd.data.duplicates import duplicates
from fusionmd.data.finding import Finding
from fusionmd.data.frame import Frame
from fusionmd.data.read import records, units_of
from fusionmd.data.record import Keys, frame_of
from fusionmd.data.units import Units
from fusionmd.errors import DataError, UnsupportedStructureError
from fusionmd.neighbors import neighbor_list

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
    paths: Sequence[str | PathLike[str]], *, keys: Keys | None = None, units: Mapping[str, str | None] | None = None
) -> dict[str, Audit]:
    """Audit each file by itself, and all of them for frames that occur in more than one ('between files').

    units: What is known of them by quantity ('energy', 'length', 'forces', 'stress'); the rest is as the formats say.
    """
    known = {name: unit for name, unit in (units or {}).items() if unit is not None}
    replace(Units(), **known)  # an unknown unit is the caller's mistake, no finding about a file
    sets: dict[str, dict[int, Frame]] = {}
    result: dict[str, Audit] = {}
    for path in paths:
        frames, unreadable = _readable(path, keys or Keys(), known)
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


def _readable(
    path: str | PathLike[str], keys: Keys, given: Mapping[str, str]
) -> tuple[dict[int, Frame], list[Finding]]:
    """Frames by their index in the file, and what kept others from being read."""
    frames: dict[int, Frame] = {}
    findings: list[Finding] = []
    try:
        units = units_of(path, given)
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


CHECKS: tuple[Callable[[Sequence[Frame]], list[Finding]], ...] = (
    label_findings,
    _close_atoms,
    unit_findings,
    _equal_frames,
    outlier_findings,
)
