"""A potential file as surfaces: all trajectories in one batched evaluation. eV and angstrom end here."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase.data import atomic_masses

from fusionmd.errors import MissingQuantityError, UnsupportedStructureError
from fusionmd.namd.protocol import Array, BoolArray, Electronic, IntArray
from fusionmd.namd.rows import concatenate
from fusionmd.potential import Potential
from fusionmd.structure import Structure
from fusionmd.units import (
    ANGSTROM_PER_BOHR,
    ELECTRON_MASS_PER_AMU,
    EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR,
    HARTREE_PER_EV,
)

Numbers = Any


class PotentialSurfaces:
    """The states of a potential for one molecule or crystal.

    numbers: Atomic numbers [n_atoms].  cell, pbc: As in `Structure`.  masses_amu: [n_atoms] (None: standard weights).
    chunk: Structures that are evaluated together (None: all). Rounding depends on who shares a chunk: with 1 and one
    thread, trajectories are equal bit for bit in any batch; larger ones are faster, equal to about 1e-10 Hartree.
    The order of states is that of the file; a gap is the size of their difference.
    """

    def __init__(
        self,
        potential: Potential,
        numbers: Numbers,
        *,
        cell: Any = None,
        pbc: Any = False,
        masses_amu: Any = None,
        chunk: int | None = None,
    ) -> None:
        if potential.n_states < 2:
            raise MissingQuantityError(
                f"potential {potential.metadata.name!r} has {potential.n_states} state; hopping needs two or more, so "
                "give a potential of several states"
            )
        self.potential, self.chunk = potential, chunk
        self._numbers = np.asarray(numbers, dtype=np.int64)
        self._frame = Structure(self._numbers, np.arange(3.0 * len(self._numbers)).reshape(-1, 3), cell, pbc)
        weights = atomic_masses[self._numbers] if masses_amu is None else np.asarray(masses_amu, dtype=np.float64)
        if weights.shape != self._numbers.shape or not (weights > 0).all():
            raise UnsupportedStructureError(f"wanted {len(self._numbers)} positive masses, amu, got {weights.tolist()}")
        self._masses = np.repeat(weights * ELECTRON_MASS_PER_AMU, 3)

    @property
    def n_states(self) -> int:
        """Number of electronic states."""
        return self.potential.n_states

    @property
    def n_dof(self) -> int:
        """Three per atom."""
        return len(self._masses)

    @property
    def masses(self) -> Array:
        """[n_dof], electron masses."""
        return self._masses

    @property
    def has_couplings(self) -> bool:
        """Never: the states come as energies."""
        return False

    @property
    def has_diabatic(self) -> bool:
        """Never."""
        return False

    @property
    def name(self) -> str:
        """The potential and its checksum."""
        return f"potential {self.potential.metadata.name} sha256:{self.potential.sha256}"

    def evaluate(self, positions: Array, asked: BoolArray, *, with_couplings: bool = False) -> Electronic:
        """Energies of all states, in the order of the file, and the gradients asked for."""
        if with_couplings:
            raise MissingQuantityError(f"{self.name} has no coupling vectors; use a method that needs none")
        points = (positions * ANGSTROM_PER_BOHR).reshape(len(positions), -1, 3)
        structures = [self._frame.with_positions(point) for point in points]
        size = self.chunk or max(len(structures), 1)
        parts = [
            self._evaluate(structures[begin : begin + size], asked[begin : begin + size])
            for begin in range(0, len(structures), size)
        ]
        return concatenate(parts)

    def curvatures(self, positions: Array, velocities: Array) -> Array:
        """v . H_k . v of every state [n, n_states], by one Hessian-vector product a state and geometry."""
        points = (positions * ANGSTROM_PER_BOHR).reshape(len(positions), -1, 3)
        along = (velocities * ANGSTROM_PER_BOHR).reshape(points.shape)
        result = np.empty((len(positions), self.n_states))
        for row, (point, vector) in enumerate(zip(points, along, strict=True)):
            structure = self._frame.with_positions(point)
            for state in range(self.n_states):
                product = self.potential.hessian_vector_product(structure, vector, state=state)
                result[row, state] = (product * vector).sum() * HARTREE_PER_EV
        return result

    def _evaluate(self, structures: list[Structure], asked: BoolArray) -> Electronic:
        """One chunk. Every structure gets as many requests as the one with most; the rest repeat its first state."""
        requests = _requests(asked)
        found = self.potential.evaluate(structures, states=requests.T)
        energies = np.stack([one.energies for one in found]) * HARTREE_PER_EV
        gradients = np.full((*energies.shape, self.n_dof), np.nan)
        for row, one in enumerate(found):
            gradients[row, one.states] = -one.forces.reshape(len(one.states), -1) / EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR
        is_committee = self.potential.metadata.n_members > 1
        deviations = np.stack([one.energies_std for one in found]) * HARTREE_PER_EV if is_committee else None
        return Electronic(energies, np.where(asked[:, :, None], gradients, np.nan), uncertainties=deviations)


def _requests(asked: BoolArray) -> IntArray:
    """[n, n_requests] states, from a mask [n, n_states]."""
    n_requests = max(int(asked.sum(axis=1).max()), 1)
    order = np.argsort(~asked, axis=1, kind="stable")[:, :n_requests]
    known = np.take_along_axis(asked, order, axis=1)
    return np.where(known, order, order[:, :1])
