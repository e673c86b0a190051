"""A neighbour list that is kept while nothing has moved far: the Verlet skin.

Verlet, Phys. Rev. 159, 98 (1967). With candidates searched to cutoff + skin at (r0, cell0), and now r = r0 F + u with
cell = cell0 F, a pair that is no candidate is still beyond the cutoff as long as

    sigma_min(F) (cutoff + skin) - 2 max|u| >= cutoff
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fusionmd.neighbors import Candidates, Edges, checked_edges, neighbor_list
from fusionmd.structure import Structure, completed_cell


class SkinNeighbors:
    """Neighbour lists of a moving structure, searched again only when they could have changed.

    cutoff, skin: angstrom. n_searches: How often a list was searched from scratch.
    """

    def __init__(self, cutoff: float, skin: float = 1.0) -> None:
        self.cutoff = cutoff
        self.skin = max(skin, 0.0)
        self.n_searches = 0
        self._reference: Structure | None = None
        self._candidates: Candidates | None = None

    def edges(self, structure: Structure) -> Edges:
        """Exactly `neighbor_list(structure, cutoff)`."""
        if self._candidates is None or not self._still_covers(structure):
            self._search(structure)
        assert self._candidates is not None
        return checked_edges(structure, self.cutoff, *self._candidates)

    def _search(self, structure: Structure) -> None:
        found = neighbor_list(structure, self.cutoff + self.skin)
        self._candidates = (found.senders, found.receivers, found.shifts)
        self._reference = structure
        self.n_searches += 1

    def _still_covers(self, structure: Structure) -> bool:
        reference = self._reference
        if reference is None or reference.pbc != structure.pbc or reference.n_atoms != structure.n_atoms:
            return False
        return still_covers(reference, structure.positions, structure.cell, self.cutoff, self.skin)


def still_covers(
    reference: Structure, positions: NDArray[np.float64], cell: NDArray[np.float64], cutoff: float, skin: float
) -> bool:
    """Whether pairs searched in `reference` to cutoff + skin are all there are within the cutoff now."""
    if np.array_equal(reference.cell, cell):
        stretch, before = 1.0, reference.positions
    else:
        deformation = _deformation(reference, cell)
        stretch, before = np.linalg.svd(deformation, compute_uv=False)[-1], reference.positions @ deformation
    return bool(stretch * (cutoff + skin) - 2.0 * _largest_displacement(positions - before) >= cutoff)


def _deformation(reference: Structure, cell: NDArray[np.float64]) -> NDArray[np.float64]:
    """F [3, 3] with cell = cell0 F."""
    before = completed_cell(reference.cell, reference.pbc)
    return np.asarray(np.linalg.solve(before, completed_cell(cell, reference.pbc)))


def _largest_displacement(displacements: NDArray[np.float64]) -> float:
    """max|u - u_mean|: a common drift moves no pair."""
    relative = displacements - displacements.mean(axis=0)
    return float(np.sqrt(np.einsum("ik,ik->i", relative, relative).max()))
