"""Three-body messages are sums over triplets, periodic images included; opposite bonds do not silence them."""

import numpy as np
import pytest
import torch

from fusionmd.graph import graph_of
from fusionmd.models import build_model
from fusionmd.neighbors import neighbor_list
from fusionmd.structure import Structure
from tests.models.nets import ELEMENTS, STATISTICS, atomic_energies, molecule
from tests.models.zoo import COMMON, member

C = COMMON["n_channels"]
CELL = np.array([[3.1, 0.0, 0.0], [0.4, 2.9, 0.0], [-0.2, 0.3, 3.3]])
STRUCTURES = {
    "molecule": molecule(6),
    "cell smaller than the cutoff": Structure([1, 8], [[0.1, 0.0, 0.2], [1.6, 1.4, 1.5]], CELL, True),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_messages_of_bonds_are_sums_over_triplets(name) -> None:
    model, structure = member("eninet"), STRUCTURES[name]
    bonds = model.layers[0].bonds
    graph = graph_of(structure, ELEMENTS, model.cutoff)
    h = torch.randn(structure.n_atoms, 4, C, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        seen = model.neighborhood(graph.edge_vectors, graph.senders, graph.slots, graph.species)
        m, w = bonds(h, seen)
    edges = neighbor_list(structure, model.cutoff)
    slots, n_checked = graph.slots.reshape(-1).numpy(), 0
    for slot, edge in enumerate(slots):
        if edge == graph.n_edges:
            continue
        scalar, vector = triplets(bonds, model, edges, edge, h.numpy())
        np.testing.assert_allclose(m[slot], scalar, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(w[slot], vector, rtol=1e-11, atol=1e-12)
        n_checked += 1
    assert n_checked == len(edges.senders) and w.abs().max() > 0.01


def triplets(bonds, model, edges, edge: int, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """m and w of one bond i-j by a loop over the bonds j-k, the image of k known from the vector."""
    scalar, vector = np.zeros(C), np.zeros((3, C))
    for other in np.flatnonzero(edges.receivers == edges.senders[edge]):
        r = edges.vectors[edge] + edges.vectors[other]
        if np.linalg.norm(r) < 0.01:
            continue  # the way back to i
        q = radial(bonds, model, np.linalg.norm(r), np.linalg.norm(edges.vectors[other]))
        s, v = h[edges.senders[other], 0], h[edges.senders[other], 1:]
        scalar += q[0] * s
        vector += np.outer(r / np.linalg.norm(r), q[1] * s) + q[2] * v
    return scalar / np.sqrt(STATISTICS["mean_degree"]), vector / np.sqrt(STATISTICS["mean_degree"])


def radial(bonds, model, r: float, bond: float) -> np.ndarray:
    """[3, c], written out: Bessel functions to twice the cutoff, one hidden layer, the envelope of the second bond."""
    reach, x, p = 2 * model.cutoff, bond / model.cutoff, 5
    basis = np.sqrt(2 / reach) * np.sin(np.arange(1, 9) * np.pi * r / reach) / r
    inner = basis @ bonds.radial.hidden[0].detach().numpy()
    envelope = 1 - (p + 1) * (p + 2) / 2 * x**p + p * (p + 2) * x ** (p + 1) - p * (p + 1) / 2 * x ** (p + 2)
    return (envelope * inner / (1 + np.exp(-inner)) @ bonds.radial.last.detach().numpy()).reshape(3, C)


def cross(angle: float) -> Structure:
    """Two pairs of opposite bonds on one atom, `angle` degrees between them; bonded to the centre alone."""
    x = np.radians(angle)
    pairs = np.array([[1.0, 0.0, 0.0], [np.cos(x), np.sin(x), 0.0]])
    return Structure([6, 1, 1, 8, 8], np.concatenate([[np.zeros(3)], [pairs[0], -pairs[0], pairs[1], -pairs[1]]]))


@pytest.mark.parametrize(("three_body", "sees_angle"), [(True, True), (False, False)])
def test_opposite_bonds_do_not_cancel(three_body, sees_angle) -> None:
    """Without three-body messages all sums of bond vectors vanish, and no number of layers sees the angle."""
    torch.manual_seed(0)
    settings = {**COMMON, "name": "eninet", "cutoff": 1.2, "n_layers": 3, "three_body": three_body}
    model = build_model(settings, elements=ELEMENTS, statistics=STATISTICS).double()
    right, acute = (atomic_energies(model, cross(angle)).sum().item() for angle in (90.0, 76.0))
    if sees_angle:
        assert abs(right - acute) > 1e-3
    else:
        assert abs(right - acute) <= 1e-12
