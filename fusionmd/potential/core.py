"""The scripted heart of a potential: edges in; float64 contributions, energies and derivatives by edge vectors out.

    contributions_i = model(edges)_i + E0(species_i)       totals_s = sum_{i in s} contributions_i
    energies = head(totals)                                dE_k/dr_ij by one backward pass per state

It runs from Python and from any LibTorch program alike. Gradients must be enabled where it is called.
"""

# No postponed annotations here: TorchScript reads those of the buffers.
from typing import List, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from fusionmd.errors import PotentialFormatError
from fusionmd.potential.contract import EnergyModel, check_contract, model_dtype
from fusionmd.potential.heads import Head
from fusionmd.potential.rigidity import Rigidity


class Core(nn.Module):
    """One model, or a committee of models of equal elements, cutoff and outputs, with references and a head.

    members: Models that satisfy the contract.
    atomic_energies: Reference energies E0 [n_elements, n_outputs], eV.
    """

    atomic_energies: Tensor
    model_dtype: Tensor

    def __init__(self, members: Sequence[nn.Module], head: Head, atomic_energies: Tensor) -> None:
        super().__init__()
        first = _common_contract(members)
        self.members = nn.ModuleList(members)
        self.head = head
        self.cutoff: float = float(first.cutoff)
        self.n_hops: int = int(first.n_hops)
        self.n_outputs: int = int(first.n_outputs)
        self.n_states: int = head.n_states
        self.n_members: int = len(members)
        self.supports_exchange: bool = bool(first.supports_exchange)
        self.elements: List[int] = [int(z) for z in first.elements]
        self.register_buffer("atomic_energies", atomic_energies.detach().to(torch.float64))
        self.register_buffer("model_dtype", torch.zeros(0, dtype=model_dtype(members[0])))

    @torch.jit.export
    def contributions(
        self, edge_vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> Tensor:
        """Of the owned nodes [n_members, n_local, n_outputs], eV, float64, E0 included; differentiable."""
        references = self.atomic_energies[species[:n_local]]
        outputs: List[Tensor] = []
        for model in self.members:
            vectors = edge_vectors.to(self.model_dtype.dtype)
            outputs.append(model(vectors, senders, receivers, slots, species, n_local).to(torch.float64) + references)
        return torch.stack(outputs)

    @torch.jit.export
    def totals(self, contributions: Tensor, structure_index: Tensor, n_structures: int) -> Tensor:
        """Sums per structure [n_structures, n_outputs] of [n_local, n_outputs]; structure `n_structures` is dropped."""
        sums = torch.zeros(
            [n_structures + 1, contributions.size(1)], dtype=contributions.dtype, device=contributions.device
        )
        return sums.index_add(0, structure_index, contributions)[:n_structures]

    @torch.jit.export
    def state_energies(self, totals: Tensor) -> Tuple[Tensor, Tensor]:
        """Head: energies [..., n_states], eV; cotangents [..., n_rows, n_outputs] (`heads.py`)."""
        return self.head(totals)

    @torch.jit.export
    def differentiate(
        self,
        edge_vectors: Tensor,
        senders: Tensor,
        receivers: Tensor,
        slots: Tensor,
        species: Tensor,
        n_local: int,
        weights: Tensor,
    ) -> Tuple[Tensor, Tensor]:
        """Contributions [n_members, n_local, n_outputs], eV, and d(sum weights * contributions)/d(edge vectors).

        weights: [n_members, n_requests, n_local, n_outputs].
        gradients: [n_members, n_requests, n_edges, 3], eV/angstrom.
        """
        references = self.atomic_energies[species[:n_local]]
        contributions: List[Tensor] = []
        gradients: List[Tensor] = []
        for member, model in enumerate(self.members):
            vectors = edge_vectors.detach().requires_grad_(True)
            output = model(vectors.to(self.model_dtype.dtype), senders, receivers, slots, species, n_local)
            contributions.append(output.detach().to(torch.float64) + references)
            gradients.append(self._gradients(output.to(torch.float64), vectors, weights[member]))
        return torch.stack(contributions), torch.stack(gradients)

    def forward(
        self,
        edge_vectors: Tensor,
        senders: Tensor,
        receivers: Tensor,
        slots: Tensor,
        species: Tensor,
        n_local: int,
        structure_index: Tensor,
        n_structures: int,
        states: Tensor,
    ) -> Tuple[Tensor, Tensor, Tensor]:
        """Energies, per-atom energies and edge gradients of the requested states.

        edge_vectors: [n_edges, 3], angstrom, float64.  structure_index: Of the owned nodes [n_local].
        states: Which state to differentiate, per request and structure [n_requests, n_structures].
        -> energies [n_members, n_structures, n_states], eV; atomic energies [n_members, n_requests, n_local], eV;
           gradients [n_members, n_requests, n_edges, 3], eV/angstrom.
        """
        found = self.with_totals(
            edge_vectors, senders, receivers, slots, species, n_local, structure_index, n_structures, states
        )
        return found[1:]

    @torch.jit.export
    def with_totals(
        self,
        edge_vectors: Tensor,
        senders: Tensor,
        receivers: Tensor,
        slots: Tensor,
        species: Tensor,
        n_local: int,
        structure_index: Tensor,
        n_structures: int,
        states: Tensor,
    ) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
        """What `forward` returns, after the summed contributions [n_members, n_structures, n_outputs], eV.

        states: As there; of a diabatic head n_states + k asks for the interstate coupling of pair k.
        """
        references = self.atomic_energies[species[:n_local]]
        totals: List[Tensor] = []
        energies: List[Tensor] = []
        atomic_energies: List[Tensor] = []
        gradients: List[Tensor] = []
        # Member by member, so that only one of them holds its intermediate results at a time.
        for model in self.members:
            vectors = edge_vectors.detach().requires_grad_(True)
            output = model(vectors.to(self.model_dtype.dtype), senders, receivers, slots, species, n_local)
            output = output.to(torch.float64)
            contributions = output.detach() + references
            totals.append(self.totals(contributions, structure_index, n_structures))
            state_energies, cotangents = self.head(totals[-1])
            weights = self.node_weights(cotangents, structure_index, states)
            energies.append(state_energies)
            atomic_energies.append((weights * contributions).sum(-1))
            gradients.append(self._gradients(output, vectors, weights))
        return torch.stack(totals), torch.stack(energies), torch.stack(atomic_energies), torch.stack(gradients)

    @torch.jit.export
    def node_weights(self, cotangents: Tensor, structure_index: Tensor, states: Tensor) -> Tensor:
        """Cotangents of each node's structure and requested state [n_requests, n_local, n_outputs].

        cotangents: [n_structures, n_states, n_outputs].  states: [n_requests, n_structures].
        """
        structures = torch.arange(states.size(1), device=states.device)
        return cotangents[structures.unsqueeze(0), states][:, structure_index]

    def _gradients(self, contributions: Tensor, vectors: Tensor, weights: Tensor) -> Tensor:
        """d(sum weights * contributions)/d(vectors) [n_requests, n_edges, 3]; weights [n_requests, n_local, ...]."""
        n_requests = weights.size(0)
        gradients: List[Tensor] = []
        for request in range(n_requests):
            gradient: Optional[Tensor] = None
            if contributions.requires_grad:
                weighted = (contributions * weights[request]).sum()
                # The last pass frees the intermediate results as it goes.
                keep = request + 1 < n_requests
                gradient = torch.autograd.grad([weighted], [vectors], retain_graph=keep, allow_unused=True)[0]
            gradients.append(torch.zeros_like(vectors) if gradient is None else gradient.detach())
        return torch.stack(gradients)


class DescribingCore(Core):
    """A core whose models also offer descriptors."""

    @torch.jit.export
    def descriptors(
        self, edge_vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> Tensor:
        """Invariant descriptors of the owned nodes [n_members, n_local, n_features]."""
        vectors = edge_vectors.to(self.model_dtype.dtype)
        outputs: List[Tensor] = []
        for model in self.members:
            outputs.append(model.descriptors(vectors, senders, receivers, slots, species, n_local))  # type: ignore[operator]
        return torch.stack(outputs)


class CalibratedCore(DescribingCore):
    """One model that also knows how uncertain its energies are (`rigidity.py`)."""

    rigidity_root: Tensor
    rigidity_scales: Tensor

    def __init__(self, members: Sequence[nn.Module], head: Head, atomic_energies: Tensor, rigidity: Rigidity) -> None:
        super().__init__(members, head, atomic_energies)
        self.register_buffer("rigidity_root", torch.from_numpy(rigidity.root))
        self.register_buffer("rigidity_scales", torch.from_numpy(rigidity.scales))

    @torch.jit.export
    def spreads(self, features: Tensor, counts: Tensor) -> Tensor:
        """Standard deviations [n_structures, n_states], eV, of descriptors and atoms by element, both summed."""
        rows = torch.cat([features, counts], 1).to(self.rigidity_root.dtype)
        whitened = torch.matmul(rows, self.rigidity_root.t())
        distances = torch.sqrt((whitened * whitened).sum(1, keepdim=True))
        return (distances * self.rigidity_scales).to(torch.float64)


def build_core(
    members: Sequence[nn.Module], head: Head, atomic_energies: Tensor, rigidity: Rigidity | None = None
) -> Core:
    """A core; with descriptors if every member has them, with uncertainties where they were calibrated."""
    if rigidity is not None:
        return CalibratedCore(members, head, atomic_energies, rigidity)
    cls = DescribingCore if all(hasattr(model, "descriptors") for model in members) else Core
    return cls(members, head, atomic_energies)


def _common_contract(members: Sequence[nn.Module]) -> EnergyModel:
    checked = [check_contract(model) for model in members]
    for name in ("elements", "cutoff", "n_outputs"):
        values = [getattr(model, name) for model in checked]
        if any(value != values[0] for value in values):
            raise PotentialFormatError(f"the members of a committee differ in {name}: {values}; they must agree")
    if len({model_dtype(model) for model in members}) > 1:
        raise PotentialFormatError("the members of a committee differ in dtype; convert them to one")
    return max(checked, key=lambda model: model.n_hops)
