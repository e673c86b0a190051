"""Neighbour lists: which atoms see which, through which periodic image.

An edge points from its sender j to its receiver i: `vector = r_j - r_i + shift @ cell`, `|vector| < cutoff`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from vesin import NeighborList

from fusionmd.errors import UnsupportedStructureError
from fusionmd.structure import Structure, axis_heights, completed_cell

MIN_DISTANCE = 0.1  # angstrom; closer atoms are a mistake, not chemistry
ALL_PAIRS_MAX_ATOMS = 30
SLOT_MULTIPLE = 4
# Candidates are searched slightly beyond the cutoff; the strict test r < cutoff is done once, here, for every backend.
SEARCH_MARGIN = 1.0 + 1e-9
# A lattice of n dimensions and volume v has a vector no longer than sqrt(HERMITE[n]) v^(1/n).
HERMITE = {1: 1.0, 2: 2.0 / 3.0**0.5, 3: 2.0 ** (1.0 / 3.0)}


class Edges(NamedTuple):
    """A full neighbour list (both directions), sorted by (receiver, sender, image).

    senders, receivers: Atom indices [n_edges].
    shifts: Cell shifts [n_edges, 3], integers.
    vectors: r_sender - r_receiver + shift @ cell [n_edges, 3], angstrom.
    """

    senders: NDArray[np.int64]
    receivers: NDArray[np.int64]
    shifts: NDArray[np.int64]
    vectors: NDArray[np.float64]


def neighbor_list(structure: Structure, cutoff: float, *, backend: str = "auto") -> Edges:
    """All edges shorter than `cutoff` (angstrom), self-images included.

    backend: 'vesin', 'all_pairs' (non-periodic only), 'brute_force' (the slow oracle), or 'auto'.
    """
    _check_cutoff(cutoff)
    _check_lattice(structure)
    search = _BACKENDS[_backend_for(structure, backend)]
    senders, receivers, shifts = search(structure, cutoff * SEARCH_MARGIN)
    return checked_edges(structure, cutoff, senders, receivers, shifts)


def slots(receivers: NDArray[np.int64], n_nodes: int) -> NDArray[np.int64]:
    """Edge indices of each receiver [n_nodes, max_degree], padded with n_edges.

    max_degree is the largest number of edges of one receiver, rounded up to a multiple of 4, at least 4.
    """
    n_edges = len(receivers)
    degrees = np.bincount(receivers, minlength=n_nodes).astype(np.int64)
    table = np.full((n_nodes, padded_degree(int(degrees.max(initial=0)))), n_edges, dtype=np.int64)
    order = np.argsort(receivers, kind="stable")
    rank = np.arange(n_edges) - np.repeat(np.cumsum(degrees) - degrees, degrees)
    table[receivers[order], rank] = order
    return table


def padded_degree(degree: int) -> int:
    """`degree` rounded up to a multiple of 4, at least 4."""
    return max(SLOT_MULTIPLE, -(-degree // SLOT_MULTIPLE) * SLOT_MULTIPLE)


def checked_edges(
    structure: Structure,
    cutoff: float,
    senders: NDArray[np.int64],
    receivers: NDArray[np.int64],
    shifts: NDArray[np.int64],
) -> Edges:
    """The candidates that are edges, in the given order, with their vectors; coinciding atoms are an error."""
    vectors = structure.positions[senders] - structure.positions[receivers] + shifts @ structure.cell
    squared = np.einsum("ek,ek->e", vectors, vectors)
    _check_distances(squared, structure, senders, receivers)
    keep = squared < cutoff * cutoff
    return Edges(senders[keep], receivers[keep], shifts[keep], vectors[keep])


Candidates = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def _vesin_pairs(structure: Structure, cutoff: float) -> Candidates:
    """Cell list by vesin (Fraux et al., https://github.com/Luthaf/vesin)."""
    search = NeighborList(cutoff=cutoff, full_list=True)
    cell = completed_cell(structure.cell, structure.pbc)
    i, j, shifts = search.compute(structure.positions, cell, list(structure.pbc), quantities="ijS")
    return _sorted(j.astype(np.int64), i.astype(np.int64), shifts.astype(np.int64))


def _all_pairs(structure: Structure, cutoff: float) -> Candidates:
    """Every pair of a small non-periodic structure; far pairs are left to the strict test."""
    n_atoms = structure.n_atoms
    receivers, senders = np.nonzero(~np.eye(n_atoms, dtype=bool))
    return senders, receivers, np.zeros((len(senders), 3), dtype=np.int64)


def _brute_force(structure: Structure, cutoff: float) -> Candidates:
    """Every pair in every image that could reach: the oracle, O(n_atoms^2 n_images) in memory."""
    home = _home_cells(structure)
    positions = structure.positions - home @ structure.cell
    shifts = _reachable_shifts(structure, cutoff)
    between = positions[None, :, :] - positions[:, None, :]
    vectors = between[None] + (shifts @ structure.cell)[:, None, None, :]
    image, receivers, senders = np.nonzero(np.linalg.norm(vectors, axis=-1) < cutoff)
    itself = (receivers == senders) & ~shifts[image].any(axis=1)
    image, receivers, senders = image[~itself], receivers[~itself], senders[~itself]
    return _sorted(senders, receivers, shifts[image] - home[senders] + home[receivers])


_BACKENDS = {"vesin": _vesin_pairs, "all_pairs": _all_pairs, "brute_force": _brute_force}


def _home_cells(structure: Structure) -> NDArray[np.int64]:
    """The cell each atom lies in [n_atoms, 3]; 0 along non-periodic axes."""
    fractional = structure.positions @ np.linalg.inv(completed_cell(structure.cell, structure.pbc))
    return np.where(structure.pbc, np.floor(fractional), 0).astype(np.int64)


def _reachable_shifts(structure: Structure, cutoff: float) -> NDArray[np.int64]:
    """Shifts [n_images, 3] with which two atoms of the home cell could be neighbours."""
    reach = cutoff / axis_heights(structure.cell, structure.pbc) + 1.0
    ranges = [np.arange(-n, n + 1) for n in np.where(structure.pbc, np.ceil(reach), 0).astype(np.int64)]
    return np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)


def _sorted(senders: NDArray[np.int64], receivers: NDArray[np.int64], shifts: NDArray[np.int64]) -> Candidates:
    order = np.lexsort((shifts[:, 2], shifts[:, 1], shifts[:, 0], senders, receivers))
    return senders[order], receivers[order], shifts[order]


def _backend_for(structure: Structure, backend: str) -> str:
    if backend == "auto":
        small = structure.n_atoms < ALL_PAIRS_MAX_ATOMS and not structure.is_periodic
        return "all_pairs" if small else "vesin"
    if backend not in _BACKENDS:
        raise UnsupportedStructureError(
            f"unknown neighbour list backend {backend!r}; choose auto, {', '.join(_BACKENDS)}"
        )
    if backend == "all_pairs" and structure.is_periodic:
        raise UnsupportedStructureError("backend 'all_pairs' knows no periodic images; choose 'auto' or 'vesin'")
    return backend


def _check_cutoff(cutoff: float) -> None:
    if not MIN_DISTANCE <= cutoff < np.inf:
        raise UnsupportedStructureError(
            f"cutoff is {cutoff}; give a finite distance of at least {MIN_DISTANCE} angstrom"
        )


def _check_lattice(structure: Structure) -> None:
    """Atoms on top of their own images are noticed before the search: its cost grows as one over the volume."""
    vectors = structure.cell[np.array(structure.pbc)]
    if not len(vectors):
        return
    volume = np.linalg.det(vectors @ vectors.T) ** 0.5
    bound = HERMITE[len(vectors)] ** 0.5 * volume ** (1.0 / len(vectors))
    if min(bound, np.linalg.norm(vectors, axis=1).min()) < MIN_DISTANCE:
        raise UnsupportedStructureError(
            f"the cell {structure.cell.tolist()} puts atoms closer than {MIN_DISTANCE} angstrom to their own images; "
            "check its unit (angstrom is wanted)"
        )


def _check_distances(
    squared: NDArray[np.float64], structure: Structure, senders: NDArray[np.int64], receivers: NDArray[np.int64]
) -> None:
    close = np.flatnonzero(squared < MIN_DISTANCE**2)
    if close.size:
        first = close[0]
        raise UnsupportedStructureError(
            f"atoms {receivers[first]} and {senders[first]} are {squared[first] ** 0.5:.3g} angstrom apart "
            f"(closer than {MIN_DISTANCE}, {structure!r}); check units, cell and duplicated atoms"
        )
