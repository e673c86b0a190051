"""One frame with several states from several files with one state each, as xxMD is published.

Pengmei, Liu, Shu, "Beyond MD17: the reactive xxMD dataset", Scientific Data 11, 222 (2024): extended XYZ, a file a
state, energies and forces. The files do not declare their units, so these must be named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from os import PathLike

import numpy as np

from fusionmd.data.frame import Frame, require_labels
from fusionmd.data.read import iterate_frames
from fusionmd.data.record import Keys
from fusionmd.data.units import Units
from fusionmd.errors import DataError

POSITIONS_TOLERANCE = 1e-4  # angstrom; files round
ENERGY_TOLERANCE = 1e-3  # eV


def join_states(
    paths: Sequence[str | PathLike[str]],
    units: Units,
    *,
    keys: Keys | None = None,
    tolerance: float = POSITIONS_TOLERANCE,
) -> Iterator[Frame]:
    """Frames with energies [n_states] and forces [n_states, n_atoms, 3] of files in the order of their states.

    tolerance: By how much an atom may be elsewhere in another file, angstrom.
    DataError at the first frame in which files differ in atoms or positions, in which a label is missing, or energies
    do not ascend; and where a file ends before another.
    """
    if len(paths) < 2:
        raise DataError(f"{len(paths)} file was given; joining wants one a state, the ground state first")
    readers = [iterate_frames(path, None, keys, units) for path in paths]
    for index, frames in enumerate(zip_longest(*readers)):
        _check_ends(frames, paths, index)
        yield _joined([require_labels(frame, "energy", "forces") for frame in frames], tolerance)


def _joined(frames: Sequence[Frame], tolerance: float) -> Frame:
    first = frames[0]
    for frame in frames:
        _check_one_state(frame)
        _check_geometry(first, frame, tolerance)
    energies = np.array([frame.ground_energy for frame in frames])
    if (np.diff(energies) < -ENERGY_TOLERANCE).any():
        raise DataError(
            f"{first.source}: energies of the states do not ascend: {energies.tolist()} eV; give the files in the "
            "order of their states, or drop the frame"
        )
    forces = np.stack([frame.forces for frame in frames if frame.forces is not None])
    return Frame(first.structure, energies, forces, config_type=first.config_type, source=first.source)


def _check_one_state(frame: Frame) -> None:
    if frame.energy is None or frame.energy.ndim or frame.forces is None or frame.forces.ndim != 2:
        raise DataError(f"{frame.source}: has {frame.n_states} states; joining wants one state a file")


def _check_geometry(first: Frame, other: Frame, tolerance: float) -> None:
    here, there = first.structure, other.structure
    if not np.array_equal(here.numbers, there.numbers):
        raise DataError(f"{first.source} and {other.source}: other atoms, or in another order; the files do not match")
    if not (np.array_equal(here.cell, there.cell) and np.array_equal(here.pbc, there.pbc)):
        raise DataError(f"{first.source} and {other.source}: other cells; the files do not match")
    away = np.linalg.norm(here.positions - there.positions, axis=1)
    if away.max() > tolerance:
        atom = int(away.argmax())
        raise DataError(
            f"{first.source} and {other.source}: geometries differ, atom {atom} by {away[atom]:.4g} angstrom; "
            "these are not states of the same frames"
        )


def _check_ends(frames: Sequence[Frame | None], paths: Sequence[str | PathLike[str]], index: int) -> None:
    if any(frame is None for frame in frames):
        short = ", ".join(str(path) for path, frame in zip(paths, frames, strict=True) if frame is None)
        raise DataError(f"{short} ends after {index} frames, other files go on; is it truncated?")
