"""A potential file as surfaces: all trajectories in one batched evaluation. eV and angstrom end here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fusionmd.errors import ConfigError, MissingQuantityError
from fusionmd.graph import Graph
from fusionmd.graph import concatenate as graph_together
from fusionmd.namd.chunks import chunks
from fusionmd.namd.masses import dof_masses
from fusionmd.namd.protocol import Array, BoolArray, Electronic, IntArray
from fusionmd.namd.rows import concatenate, take
from fusionmd.potential import Potential
from fusionmd.potential.derivatives import hessian_vector_products
from fusionmd.potential.evaluation import Evaluation
from fusionmd.potential.potential import CPU_PASS_BYTES
from fusionmd.structure import Structure
from fusionmd.units import (
    ANGSTROM_PER_BOHR,
    EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR,
    HARTREE_PER_EV,
)

Numbers = Any


class PotentialSurfaces:
    """The states of a potential for one molecule or crystal.

    numbers: Atomic numbers [n_atoms].  cell, pbc: As in `Structure`.  masses_amu: [n_atoms] (None: standard weights);
    `masses`: Electron masses [n_dof].
    chunk: Structures that are evaluated together, in chunks of one shape: with one thread the same bits in any batch.
    None: as it is fastest; equal to about 1e-10 Hartree, since rounding depends on who is together.
    with_uncertainties: Also how uncertain the energies are; a committee says so in any case.
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
        with_uncertainties: bool = False,
    ) -> None:
        _check(potential, chunk, with_uncertainties)
        self.potential, self.chunk = potential, chunk
        self.with_uncertainties = with_uncertainties
        self._numbers = np.asarray(numbers, dtype=np.int64)
        self._frame = Structure(self._numbers, np.arange(3.0 * len(self._numbers)).reshape(-1, 3), cell, pbc)
        self.masses = dof_masses(self._numbers, masses_amu)
        self.n_states, self.n_dof = potential.n_states, len(self.masses)

    @property
    def has_couplings(self) -> bool:
        """Whether it is one model with a diabatic head; other heads give energies alone."""
        return self.potential.has_couplings

    @property
    def has_diabatic(self) -> bool:
        """As `has_couplings`."""
        return self.potential.has_couplings

    @property
    def name(self) -> str:
        """The potential and its checksum."""
        return f"potential {self.potential.metadata.name} sha256:{self.potential.sha256}"

    def evaluate(self, positions: Array, asked: BoolArray, *, with_couplings: bool = False) -> Electronic:
        """Energies of all states, in the order of the file, and the gradients asked for."""
        if with_couplings and not self.has_couplings:
            raise MissingQuantityError(f"{self.name} has no coupling vectors; use a method that needs none")
        structures = self._structures(positions)
        graphs = [self.potential.graph(structure) for structure in structures]
        rows, parts = [], []
        for chosen, grown in self._chunks(graphs):
            rows.append(chosen)
            parts.append(self._evaluate([structures[row] for row in chosen], grown, asked[chosen], with_couplings))
        return take(concatenate(parts), _first_places(np.concatenate(rows)))

    def curvatures(self, positions: Array, velocities: Array, asked: BoolArray) -> Array:
        """v . H_k . v of the states asked for [n, n_states], by Hessian-vector products, several at once."""
        graphs = [self.potential.graph(structure) for structure in self._structures(positions)]
        along = (velocities * ANGSTROM_PER_BOHR).reshape(len(positions), -1, 3)
        result = np.full((len(positions), self.n_states), np.nan)
        for state in range(self.n_states):
            for rows in self._together(graphs, np.flatnonzero(asked[:, state])):
                products = self._products([graphs[row] for row in rows], along[rows], state) * along[rows]
                result[rows, state] = products.reshape(len(rows), -1).sum(axis=1)
        return result * HARTREE_PER_EV

    def _together(self, graphs: Sequence[Graph], rows: IntArray) -> list[IntArray]:
        """Rows whose products are made at once: what fits into a pass; with chunks each alone, which any batch can."""
        largest = max((graphs[row].n_edges for row in rows), default=1)
        size = 1 if self.chunk is not None else max(1, self._edges_in_a_pass // max(largest, 1))
        return [rows[begin : begin + size] for begin in range(0, len(rows), size)]

    @property
    def _edges_in_a_pass(self) -> int:
        return CPU_PASS_BYTES // max(self.potential.metadata.bytes_per_edge, 1)

    def _structures(self, positions: Array) -> list[Structure]:
        points = (positions * ANGSTROM_PER_BOHR).reshape(len(positions), -1, 3)
        return [self._frame.with_positions(point) for point in points]

    def _chunks(self, graphs: Sequence[Graph]) -> Iterator[tuple[IntArray, Sequence[Graph]]]:
        """Rows and graphs that are evaluated together."""
        if self.chunk is not None:
            yield from chunks(graphs, self.chunk, self._edges_in_a_pass)
        else:
            yield np.arange(len(graphs)), graphs

    def _products(self, graphs: Sequence[Graph], vectors: Array, state: int) -> Array:
        """Hessians of several structures times a displacement of each [n, n_atoms, 3]: one block-diagonal Hessian."""
        whole = graph_together(graphs)
        flat = vectors.reshape(-1, 3)
        found = hessian_vector_products(self.potential.core, whole, flat, state=state, max_edges=whole.n_edges)
        return found.reshape(vectors.shape)

    def _evaluate(
        self, structures: list[Structure], graphs: Sequence[Graph], asked: BoolArray, with_couplings: bool
    ) -> Electronic:
        """One chunk. Every structure gets as many requests as the one with most; the rest repeat its first state."""
        requests = _requests(asked)
        found = self.potential.evaluate_graphs(structures, graphs, states=requests.T, couplings=with_couplings)
        energies = np.stack([one.energies for one in found]) * HARTREE_PER_EV
        gradients = np.full((*energies.shape, self.n_dof), np.nan)
        for row, one in enumerate(found):
            gradients[row, one.states] = -one.forces.reshape(len(one.states), -1) / EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR
        asked_for = np.where(asked[:, :, None], gradients, np.nan)
        return Electronic(
            energies, asked_for, *_diabatic_of(found), uncertainties=self._uncertainties(structures, graphs, found)
        )

    def _uncertainties(
        self, structures: list[Structure], graphs: Sequence[Graph], found: Sequence[Evaluation]
    ) -> Array | None:
        """Standard deviations of the energies [n, n_states], Hartree; None if nobody knows, or asked."""
        if self.potential.metadata.n_members > 1:
            return np.stack([one.energies_std for one in found]) * HARTREE_PER_EV
        if not self.with_uncertainties:
            return None
        return self.potential.uncertainties_of_graphs(structures, graphs) * HARTREE_PER_EV


def _diabatic_of(found: Sequence[Evaluation]) -> tuple[Array | None, Array | None, Array | None]:
    """Diabatic matrices, eigenvectors and couplings of evaluations, in atomic units; None where there are none."""
    matrices = [one.diabatic for one in found if one.diabatic is not None]
    vectors = [one.vectors for one in found if one.vectors is not None]
    couplings = [_antisymmetric(one.couplings) for one in found if one.interstate is not None]
    return (
        np.stack(matrices) * HARTREE_PER_EV if matrices else None,
        np.stack(vectors) if vectors else None,
        np.stack(couplings) * ANGSTROM_PER_BOHR if couplings else None,
    )


def _antisymmetric(pairs: Array) -> Array:
    """Couplings of pairs [n_pairs, n_atoms, 3] as d_ij [n_states, n_states, n_dof]."""
    n = math.isqrt(2 * len(pairs)) + 1
    lower, upper = np.triu_indices(n, 1)
    full = np.zeros((n, n, pairs[0].size))
    full[lower, upper] = pairs.reshape(len(pairs), -1)
    return full - full.transpose(1, 0, 2)


def _first_places(rows: IntArray) -> IntArray:
    """Where each row number 0, 1, ... comes first."""
    return np.unique(rows, return_index=True)[1]


def _requests(asked: BoolArray) -> IntArray:
    """[n, n_requests] states, from a mask [n, n_states]."""
    n_requests = max(int(asked.sum(axis=1).max()), 1)
    order = np.argsort(~asked, axis=1, kind="stable")[:, :n_requests]
    known = np.take_along_axis(asked, order, axis=1)
    return np.where(known, order, order[:, :1])


def _check(potential: Potential, chunk: int | None, with_uncertainties: bool) -> None:
    name = potential.metadata.name
    if potential.n_states < 2:
        raise MissingQuantityError(
            f"potential {name!r} has {potential.n_states} state; hopping needs two or more, so give a potential of "
            "several states"
        )
    if with_uncertainties and not potential.metadata.has_uncertainties:
        raise MissingQuantityError(
            f"potential {name!r} does not say how uncertain it is; calibrate it with `fusionmd calibrate`, take a "
            "committee, or leave triage.uncertainty_eV out"
        )
    if chunk is not None and potential.is_compiled:
        raise ConfigError(
            f"chunk {chunk} and the fast form of {name!r} do not go together: chunks have shapes of their own; leave "
            "chunk out, or compiled: yes"
        )
