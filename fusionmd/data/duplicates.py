"""Finding frames that are the same structure, however it is moved, turned or its atoms are ordered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fusionmd.data.frame import Frame
from fusionmd.errors import UnsupportedStructureError
from fusionmd.neighbors import Edges, neighbor_list

CUTOFF = 6.0  # angstrom
ROUNDS = 3
DECAYS = (0.5, 1.0, 2.0)  # 1/angstrom^2
SAME = 1e-7  # relative to the size of the fingerprint


def fingerprint(frame: Frame) -> NDArray[np.float64]:
    """Smooth sums over pairs, triples and neighbours of neighbours [n_numbers]; NaN if atoms coincide.

    Motion, the order of the atoms and the choice of the cell leave it (divided by the number of atoms) unchanged.
    """
    structure = frame.structure
    try:
        edges = neighbor_list(structure, CUTOFF)
    except UnsupportedStructureError:
        return np.full(6 * len(DECAYS), np.nan)
    # An irrational power makes pairs of elements distinguishable in one number.
    kinds = structure.numbers.astype(np.float64) ** 0.7
    return np.concatenate([_sums(edges, kinds, decay) for decay in DECAYS])


def _sums(edges: Edges, kinds: NDArray[np.float64], decay: float) -> NDArray[np.float64]:
    """Sums over atoms of x times 1, x, s, |v|^2, tr Q^2, tr Q^3; s, v, Q are moments of the neighbours."""
    squared = np.einsum("ek,ek->e", edges.vectors, edges.vectors)
    weights = (1.0 - squared / CUTOFF**2) ** 3 * np.exp(-decay * squared / 4.0)
    x = _refined(edges, kinds, weights)
    monomials = np.concatenate([np.ones((len(squared), 1)), edges.vectors, _outer(edges.vectors)], axis=1)
    moments = np.zeros((len(kinds), 13))
    np.add.at(moments, edges.receivers, (weights * x[edges.senders])[:, None] * monomials)
    s, v, q = moments[:, 0], moments[:, 1:4], moments[:, 4:].reshape(-1, 3, 3)
    q2 = q @ q
    per_atom = [np.ones(len(x)), x, s, (v**2).sum(1), np.trace(q2, axis1=1, axis2=2), np.einsum("aij,aji->a", q2, q)]
    return np.array([float(np.sum(x * values)) for values in per_atom])


def _refined(edges: Edges, kinds: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers that tell atoms apart by their neighbours' neighbours. After Weisfeiler, Leman, NTI 2, 12 (1968)."""
    x = kinds
    for _ in range(ROUNDS):
        x = kinds * np.log1p(np.bincount(edges.receivers, weights * x[edges.senders], minlength=len(kinds)) + kinds)
    return x


def _outer(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return (vectors[:, :, None] * vectors[:, None, :]).reshape(-1, 9)


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
