"""Finding frames that are the same structure, however it is moved, turned or its atoms are ordered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fusionmd.data.frame import Frame
from fusionmd.errors import UnsupportedStructureError
from fusionmd.neighbors import neighbor_list

CUTOFF = 6.0  # angstrom
DECAYS = (0.5, 1.0, 2.0)  # 1/angstrom^2
SAME = 1e-7  # relative to the size of the fingerprint


def fingerprint(frame: Frame) -> NDArray[np.float64]:
    """Smooth sums over pairs of every kind, unchanged by motion, order of atoms and choice of cell; NaN if atoms coincide."""
    structure = frame.structure
    try:
        edges = neighbor_list(structure, CUTOFF)
    except UnsupportedStructureError:
        return np.full(2 * len(DECAYS), np.nan)
    squared = np.einsum("ek,ek->e", edges.vectors, edges.vectors)
    # An irrational power makes pairs of elements distinguishable in one number.
    kinds = structure.numbers.astype(np.float64) ** 0.7
    pairs = kinds[edges.senders] * kinds[edges.receivers]
    smooth = (1.0 - squared / CUTOFF**2) ** 3
    radial = [smooth * np.exp(-decay * squared / 4.0) for decay in DECAYS]
    per_atom = [np.bincount(edges.receivers, pairs * values, minlength=structure.n_atoms) for values in radial]
    return np.array([total for values in per_atom for total in (values.sum(), (values**2).sum())])


def duplicates(frames: Sequence[Frame]) -> list[tuple[int, int]]:
    """Pairs (first, later) of indices of equal structures."""
    groups: dict[bytes, list[int]] = {}
    for index, frame in enumerate(frames):
        if not frame.is_isolated_atom:
            groups.setdefault(np.sort(frame.structure.numbers).tobytes(), []).append(index)
    return [pair for group in groups.values() for pair in _equal(group, [frames[index] for index in group])]


def _equal(indices: Sequence[int], frames: Sequence[Frame]) -> list[tuple[int, int]]:
    prints = np.stack([fingerprint(frame) for frame in frames])
    order = np.argsort(prints[:, 0], kind="stable")
    found = []
    for place, first in enumerate(order):
        for second in order[place + 1 :]:
            # Sorted by the first number: as soon as that differs, all the rest does.
            if not _close(prints[first, :1], prints[second, :1]):
                break
            if _close(prints[first], prints[second]):
                found.append((min(indices[first], indices[second]), max(indices[first], indices[second])))
    return sorted(found)


def _close(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    return bool(np.all(np.abs(a - b) <= SAME * (np.abs(a) + np.abs(b)) + 1e-12))
