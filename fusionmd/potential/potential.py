"""A potential: structures in; energies, forces, virials and second derivatives of every electronic state out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from fusionmd.elements import symbols
from fusionmd.errors import MissingQuantityError, UnsupportedStructureError
from fusionmd.graph import Graph, concatenate, graph_of
from fusionmd.potential import derivatives, passes, uncertainty
from fusionmd.potential.assemble import evaluations
from fusionmd.potential.blocks import blocks_within
from fusionmd.potential.evaluation import Evaluation
from fusionmd.potential.heads import DiabaticHead
from fusionmd.potential.memory import max_edges
from fusionmd.potential.metadata import Metadata
from fusionmd.structure import Structure

# Larger batches are slower on a CPU: their tensors leave the caches. Native operations see to that themselves.
CPU_PASS_BYTES = 24_000_000
BYTES_PER_NUMBER = {"float32": 4, "float64": 8}

States = int | Sequence[int] | NDArray[np.int64]


class Potential:
    """A loaded potential. Make one with `load_potential`, write one with `export_potential`.

    metadata: What its file says.  core: The scripted module.  content: The file's bytes.
    compiled: A faster `Core.differentiate` for this machine, or None.  native: The core in native operations, or None.
    """

    def __init__(
        self, core: Any, metadata: Metadata, content: bytes, *, compiled: passes.Differentiate | None = None
    ) -> None:
        self.core = core
        self.metadata = metadata
        self.content = content
        self.compiled = compiled
        self.native: Any | None = None

    @property
    def is_compiled(self) -> bool:
        """Whether it runs in a form made for this machine."""
        return self.compiled is not None or self.native is not None

    @property
    def elements(self) -> tuple[int, ...]:
        """Atomic numbers it knows, ascending."""
        return self.metadata.elements

    @property
    def cutoff(self) -> float:
        """Longest edge, angstrom."""
        return self.metadata.cutoff

    @property
    def n_states(self) -> int:
        """Number of electronic states."""
        return self.metadata.n_states

    @property
    def has_couplings(self) -> bool:
        """Whether it knows a diabatic matrix, and so the couplings between its states."""
        return self.metadata.head == DiabaticHead.kind and self.metadata.n_members == 1

    @property
    def all_states(self) -> list[int]:
        """Every electronic state, as `evaluate` takes them."""
        return list(range(self.n_states))

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return torch.device(self.core.atomic_energies.device)

    @property
    def dtype(self) -> str:
        """Precision in which the network computes: float32 or float64."""
        return str(self.core.model_dtype.dtype).removeprefix("torch.")

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of its file."""
        return hashlib.sha256(self.content).hexdigest()

    def evaluate(
        self,
        structures: Sequence[Structure],
        *,
        states: States = 0,
        couplings: bool = False,
        memory_GB: float | None = None,
    ) -> list[Evaluation]:
        """Energies of all states, and derivatives of the requested ones, per structure.

        states: One state, several [n_requests], or per structure [n_requests, n_structures].
        couplings: Also those between all pairs of states; needs one model with a diabatic head.
        memory_GB: Bound on the working memory (None: half of what is free); larger structures are cut into blocks.
        """
        structures = _as_sequence(structures)
        return self._evaluate(structures, map(self.graph, structures), states, memory_GB, couplings=couplings)

    def evaluate_graphs(
        self,
        structures: Sequence[Structure],
        graphs: Sequence[Graph],
        *,
        states: States = 0,
        couplings: bool = False,
        memory_GB: float | None = None,
    ) -> list[Evaluation]:
        """`evaluate` for callers that keep their own neighbour lists."""
        return self._evaluate(structures, graphs, states, memory_GB, couplings=couplings)

    def hessian(self, structure: Structure, *, state: int = 0, memory_GB: float | None = None) -> NDArray[np.float64]:
        """Second derivatives of the energy [3 n_atoms, 3 n_atoms], eV/angstrom^2; committee mean."""
        self.requested_states(state, 1)
        return derivatives.hessian(self.core, self.graph(structure), state=state, max_edges=self._max_edges(memory_GB))

    def hessian_vector_product(
        self, structure: Structure, vectors: ArrayLike, *, state: int = 0, memory_GB: float | None = None
    ) -> NDArray[np.float64]:
        """Hessian times displacements [..., n_atoms, 3] (angstrom): same shape, eV/angstrom; committee mean."""
        self.requested_states(state, 1)
        limit = self._max_edges(memory_GB)
        return derivatives.hessian_vector_products(
            self.core, self.graph(structure), vectors, state=state, max_edges=limit
        )

    def descriptors(self, structures: Sequence[Structure]) -> list[NDArray[np.float64]]:
        """Invariant descriptors per structure [n_atoms, n_features]; those of committee members side by side."""
        if not self.metadata.has_descriptors:
            raise MissingQuantityError(
                f"potential {self.metadata.name!r} has no descriptors: its architecture defines none; choose "
                f"another potential"
            )
        return [self._descriptors(self.graph(structure)) for structure in _as_sequence(structures)]

    def uncertainties(self, structures: Sequence[Structure], *, memory_GB: float | None = None) -> NDArray[np.float64]:
        """Standard deviations of the energies [n_structures, n_states], eV, without any derivatives.

        Of a committee its spread, of one model what `fusionmd calibrate` gave it; others raise MissingQuantityError.
        """
        structures = _as_sequence(structures)
        return self.uncertainties_of_graphs(structures, list(map(self.graph, structures)), memory_GB=memory_GB)

    def uncertainties_of_graphs(
        self, structures: Sequence[Structure], graphs: Sequence[Graph], *, memory_GB: float | None = None
    ) -> NDArray[np.float64]:
        """`uncertainties` for callers that keep their own neighbour lists."""
        if not self.metadata.has_uncertainties:
            raise MissingQuantityError(
                f"potential {self.metadata.name!r} has no uncertainties; calibrate it with `fusionmd calibrate`, or "
                "export several models with --committee"
            )
        limit, core = self._max_edges(memory_GB), self.core if self.native is None else self.native
        found: list[torch.Tensor] = []
        for batch in self._batches(graphs, limit):
            first, is_cut = sum(len(part) for part in found), len(batch) == 1 and batch[0].n_edges > limit
            blocks = blocks_within(structures[first], batch[0], self.metadata.n_hops, limit) if is_cut else []
            found.append(uncertainty.spreads(core, concatenate(batch), blocks))
        return torch.cat(found).cpu().numpy()

    def graph(self, structure: Structure) -> Graph:
        """Graph of a structure as this potential reads it, on the CPU."""
        return graph_of(structure, self.elements, self.cutoff)

    def requested_states(self, states: States, n_structures: int) -> NDArray[np.int64]:
        """`states` as [n_requests, n_structures]; unknown states raise MissingQuantityError."""
        given = np.asarray(states, dtype=np.int64)
        if given.ndim < 2:
            given = np.repeat(given.reshape(-1, 1), n_structures, axis=1)
        if given.ndim != 2 or given.shape[0] == 0 or given.shape[1] != n_structures:
            raise MissingQuantityError(
                f"states have shape {given.shape}; give one, [n_requests], or [n_requests, {n_structures}]"
            )
        unknown = sorted(set(given[(given < 0) | (given >= self.n_states)].tolist()))
        if unknown:
            raise MissingQuantityError(
                f"states {unknown} were asked for, potential {self.metadata.name!r} has states 0..{self.n_states - 1}"
            )
        return given

    def __repr__(self) -> str:
        data = self.metadata
        return (
            f"Potential({data.name!r}, {symbols(data.elements)}, cutoff {data.cutoff:g} angstrom x {data.n_hops}, "
            f"{data.n_states} state(s), {data.n_members} member(s), {self.dtype}, {self.device}"
            f"{', compiled' if self.is_compiled else ''})"
        )

    def _evaluate(
        self,
        structures: Sequence[Structure],
        graphs: Iterable[Graph],
        states: States,
        memory_GB: float | None,
        *,
        couplings: bool = False,
    ) -> list[Evaluation]:
        requests = self.requested_states(states, len(structures))
        if couplings:
            requests = np.concatenate([requests, self._pairs(len(structures))])
        limit = self._max_edges(memory_GB)
        results: list[Evaluation] = []
        for batch in self._batches(graphs, limit):
            chosen = slice(len(results), len(results) + len(batch))
            results += self._evaluate_batch(structures[chosen], batch, requests[:, chosen], limit)
        return results

    def _evaluate_batch(
        self, structures: Sequence[Structure], graphs: Sequence[Graph], requests: NDArray[np.int64], limit: int
    ) -> list[Evaluation]:
        graph, chosen = concatenate(graphs), torch.from_numpy(requests)
        core = self.core if self.native is None else self.native
        if len(graphs) == 1 and graph.n_edges > limit:
            blocks = blocks_within(structures[0], graph, self.metadata.n_hops, limit)
            raw = passes.in_blocks(core, graph, blocks, chosen, self.compiled)
        else:
            raw = passes.whole(core, graph, chosen, self.compiled)
        if not self.has_couplings:
            return evaluations(raw, graph, requests)
        matrix = core.head.matrix(raw.totals[0])
        return evaluations(raw, graph, requests, (matrix, core.head.eigenstates(matrix)[1]))

    def _pairs(self, n_structures: int) -> NDArray[np.int64]:
        """Requests for the couplings of all pairs [n_pairs, n_structures]: they follow the states."""
        if not self.has_couplings:
            raise MissingQuantityError(
                f"potential {self.metadata.name!r} ({self.metadata.head} head, {self.metadata.n_members} member(s)) "
                "has no couplings; one model with a diabatic head has"
            )
        n_pairs = self.n_states * (self.n_states - 1) // 2
        return np.repeat(self.n_states + np.arange(n_pairs)[:, None], n_structures, axis=1)

    def _batches(self, graphs: Iterable[Graph], limit: int) -> Iterator[list[Graph]]:
        """Graphs in order, grouped so that each group stays within the limits."""
        leaves_caches = self.device.type == "cpu" and self.native is None
        largest = min(limit, self._cached_edges) if leaves_caches else limit
        group: list[Graph] = []
        n_edges = 0
        for graph in graphs:
            n_edges += graph.n_edges
            if group and n_edges > largest:
                yield group
                group, n_edges = [], graph.n_edges
            group.append(graph)
        if group:
            yield group

    @property
    def _bytes_per_edge(self) -> int:
        """What the file says, of its own precision, in the precision that is used."""
        return self.metadata.bytes_per_edge * BYTES_PER_NUMBER[self.dtype] // BYTES_PER_NUMBER[self.metadata.dtype]

    @property
    def _cached_edges(self) -> int:
        return int(CPU_PASS_BYTES / max(self._bytes_per_edge, 1))

    def _max_edges(self, memory_GB: float | None) -> int:
        return max_edges(self._bytes_per_edge, memory_GB, self.device)

    def _descriptors(self, graph: Graph) -> NDArray[np.float64]:
        with torch.no_grad():
            members = self.core.descriptors(*passes.inputs(graph, self.device), graph.n_nodes)
        return torch.cat(list(members), dim=1).to("cpu", torch.float64).numpy()


def _as_sequence(structures: Sequence[Structure]) -> Sequence[Structure]:
    if isinstance(structures, Structure):
        raise UnsupportedStructureError("got one structure, wanted a sequence of them; write [structure]")
    return list(structures)
