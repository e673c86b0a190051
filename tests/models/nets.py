"""Small networks of every kind, and their energies and forces as functions of positions."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fusionmd.graph import concatenate, forces_from_edge_gradients, graph_of
from fusionmd.models import build_model
from fusionmd.structure import Structure

ELEMENTS = [1, 6, 8]
STATISTICS = {"mean_degree": 5.0, "rms_force": 0.7, "shift": {1: 0.1, 6: -0.4, 8: 0.2}}
SMALL = {"name": "fusion_net", "n_channels": 3, "l_max": 2, "radial_widths": [6], "readout_width": 4, "cutoff": 4.0}
KINDS: dict[str, dict[str, Any]] = {
    "default": {},
    "one layer": {"n_layers": 1},
    "tensors between layers": {"hidden_irreps": "0e + 1o + 1e + 2e", "product": ["A", "((A, A)@2, A)"]},
    "no internal mixing": {"internal_mixing": False},
    "shared radial weights": {"radial_per_path": False, "radial_species": True},
    "repulsion": {"repulsion": True, "n_outputs": 2},
    "cartesian": {"basis": "cartesian"},
    "bare edges": {"message": "Y", "radial_species": True},
    "centre after the sum": {"message": "((Y, h_j)@2, h_i)@2+"},
    "centre on edges": {"message": "(Y, (h_j, h_i)@1)@2+"},
    "two harmonics": {"message": "((Y@1, h_j)@1, (Y, h_i)@1)@2", "product": ["A", "(A, A)"]},
    "centre in products": {"product": ["A", "(A, h_i)", "((A@1, A)@2, h_i)", "h_i"]},
    "centre everywhere, cartesian": {
        "basis": "cartesian",
        "message": "((Y, h_i)@1, h_j)@2",
        "product": ["A", "(A, h_i@0)@1"],
    },
}


def net(seed: int = 0, **settings: Any) -> nn.Module:
    """A float64 network with random weights."""
    torch.manual_seed(seed)
    return build_model({**SMALL, **settings}, elements=ELEMENTS, statistics=STATISTICS).double()


@cache
def of_kind(kind: str, n_layers: int | None = None) -> nn.Module:
    """The network of KINDS, one for all tests, which leave it as it is."""
    return net(**KINDS[kind] | ({} if n_layers is None else {"n_layers": n_layers}))


def molecule(n_atoms: int = 6, seed: int = 0) -> Structure:
    """Random atoms, no two closer than 1.2 angstrom, most of them neighbours at a cutoff of 4."""
    rng = np.random.default_rng(seed)
    points: list[np.ndarray] = []
    while len(points) < n_atoms:
        point = rng.uniform(0.0, 2.0 * n_atoms ** (1 / 3), 3)
        if all(np.linalg.norm(point - other) > 1.2 for other in points):
            points.append(point)
    return Structure(rng.choice(ELEMENTS, n_atoms), np.array(points))


def moved(structure: Structure, positions: np.ndarray) -> Structure:
    return Structure(structure.numbers, positions, structure.cell, structure.pbc)


def atomic_energies(model: nn.Module, structure: Structure, n_local: int | None = None) -> Tensor:
    """[n_local, n_outputs], eV."""
    graph = graph_of(structure, ELEMENTS, model.cutoff)
    n = structure.n_atoms if n_local is None else n_local
    with torch.no_grad(), torch.jit.optimized_execution(False):
        return model(graph.edge_vectors, graph.senders, graph.receivers, graph.slots, graph.species, n)


def batch_energies(model: nn.Module, structures: Sequence[Structure]) -> Tensor:
    """Sums of contributions of all outputs [n_structures], eV."""
    graph = concatenate([graph_of(structure, ELEMENTS, model.cutoff) for structure in structures])
    with torch.no_grad():
        values = model(graph.edge_vectors, graph.senders, graph.receivers, graph.slots, graph.species, graph.n_nodes)
    return torch.zeros(len(structures), dtype=torch.float64).index_add(0, graph.structure_index, values.sum(1))


def energy_and_forces(model: nn.Module, structure: Structure, weights: Tensor | None = None) -> tuple[float, Tensor]:
    """Energy, eV, and forces [n_atoms, 3], eV/angstrom, of the weighted sum of contributions (weights 1)."""
    graph = graph_of(structure, ELEMENTS, model.cutoff)
    vectors = graph.edge_vectors.requires_grad_(True)
    with torch.jit.optimized_execution(False):
        values = model(vectors, graph.senders, graph.receivers, graph.slots, graph.species, structure.n_atoms)
        energy = (values if weights is None else values * weights).sum()
        (gradients,) = torch.autograd.grad(energy, vectors)
    forces = forces_from_edge_gradients(gradients, graph.senders, graph.receivers, structure.n_atoms)
    return energy.item(), forces
