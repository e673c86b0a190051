"""Learned local frames: what a frame says, and that energies stay smooth where none exists."""

import numpy as np
import pytest
import torch

from fusionmd.graph import graph_of
from fusionmd.models import build_model
from fusionmd.o3.wigner import random_rotation
from fusionmd.structure import Structure
from tests.models.nets import ELEMENTS, STATISTICS, atomic_energies, energy_and_forces, molecule, moved
from tests.models.zoo import COMMON, member

PATHS = {
    "linear, bent": ([6, 8, 8], [[0, 0, 0], [1.2, 0, 0], [-1.2, 0, 0]], [[0, 0, 0.5], [0, 0, 0], [0, 0, 0]]),
    "linear, stretched": ([6, 8, 8], [[0, 0, 0], [1.2, 0, 0], [-1.2, 0, 0]], [[0.3, 0, 0], [0, 0, 0], [0, 0, 0]]),
    "planar, pyramid": (
        [6, 1, 1, 1],
        [[0, 0, 0], [1.1, 0, 0], [-0.55, 0.55 * 3**0.5, 0], [-0.55, -0.55 * 3**0.5, 0]],
        [[0, 0, 1.0], [0, 0, 0], [0, 0, 0], [0, 0, 0]],
    ),
    "centre of inversion": (
        [6, 1, 1, 8, 8, 1, 1],
        [[0, 0, 0], [1.2, 0, 0], [-1.2, 0, 0], [0, 1.3, 0], [0, -1.3, 0], [0, 0, 1.4], [0, 0, -1.4]],
        [[0.6, 0.4, 0.2], [0, 0, 0.1], [0, 0, 0], [0, 0, 0], [0.1, 0, 0], [0, 0, 0], [0, 0.2, 0]],
    ),
}


def network(**settings) -> torch.nn.Module:
    torch.manual_seed(6)
    config = {**COMMON, "name": "tensor_frames", **settings}
    return build_model(config, elements=ELEMENTS, statistics=STATISTICS).double()


def curvature(model: torch.nn.Module, path: str, t: float) -> float:
    """d2E/dt2 along positions = start + t * direction, eV/angstrom^2, by two backward passes."""
    numbers, start, direction = (np.array(x) for x in PATHS[path])
    graph = graph_of(Structure(numbers, start.astype(float)), ELEMENTS, model.cutoff)
    rates = torch.tensor(direction, dtype=torch.float64)
    x = torch.tensor(t, dtype=torch.float64, requires_grad=True)
    vectors = graph.edge_vectors + x * (rates[graph.senders] - rates[graph.receivers])
    energy = model(vectors, graph.senders, graph.receivers, graph.slots, graph.species, graph.n_nodes).sum()
    (slope,) = torch.autograd.grad(energy, x, create_graph=True)
    return torch.autograd.grad(slope, x)[0].item()


@pytest.mark.parametrize("path", PATHS)
def test_second_derivatives_are_continuous_through_symmetric_sites(path) -> None:
    """At the symmetric point and towards it from both sides; the differences shrink with the distance."""
    model = network()
    centre = curvature(model, path, 0.0)
    gaps = [max(abs(curvature(model, path, sign * t) - centre) for sign in (-1, 1)) for t in (1e-2, 1e-3, 1e-4, 1e-7)]
    assert np.isfinite(centre) and np.isfinite(gaps).all()
    assert gaps[2] < gaps[0] / 10 + 1e-8 and gaps[3] <= 1e-3 * max(1.0, abs(centre))


def test_without_trust_they_are_not() -> None:
    """The same network with a switch that is far too narrow: curvatures near the symmetric site are enormous."""
    model = network(trust_width=1e-5)
    assert max(abs(curvature(model, path, t)) for path in PATHS for t in (1e-4, 1e-3)) > 1e3


def test_energies_depend_on_frames() -> None:
    """Not a law, but with frames of no trust the others would say nothing."""
    model, structure = network(), molecule()
    graph = graph_of(structure, ELEMENTS, model.cutoff)
    with torch.no_grad():
        seen = model.neighborhood(graph.edge_vectors, graph.senders, graph.slots, graph.species)
        frame, trust = model.layers[0].frames(seen)
    assert trust.min() >= 0 and trust.max() > 0.5
    torch.testing.assert_close(frame @ frame.mT, torch.eye(3, dtype=torch.float64).expand(6, 3, 3))
    blind = network()
    blind.load_state_dict(model.state_dict())
    for layer in blind.layers:
        layer.frames.width = 1e9
    assert (atomic_energies(blind, structure) - atomic_energies(model, structure)).abs().max() > 1e-3


@pytest.mark.parametrize("is_improper", [False, True])
def test_frames_turn_with_the_molecule(is_improper) -> None:
    """e1 and e2 are polar, e3 is axial, trust does not change; relative frames R_i R_j^T are invariant up to hands."""
    model, structure = network(), molecule()
    matrix = random_rotation(np.random.default_rng(4), is_improper=is_improper)
    found = []
    for one in (structure, moved(structure, structure.positions @ matrix.T)):
        graph = graph_of(one, ELEMENTS, model.cutoff)
        with torch.no_grad():
            seen = model.neighborhood(graph.edge_vectors, graph.senders, graph.slots, graph.species)
            found.append(model.layers[0].frames(seen))
    (frame, trust), (turned, other_trust) = found
    hand = torch.diag(torch.tensor([1.0, 1.0, np.linalg.det(matrix)], dtype=torch.float64))
    torch.testing.assert_close(turned, hand @ frame @ torch.from_numpy(matrix.T), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(other_trust, trust, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(turned[0] @ turned[1].T, hand @ frame[0] @ frame[1].T @ hand, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("is_improper", [False, True])
def test_planar_and_chiral_molecules_keep_all_of_o3(is_improper) -> None:
    model, rng = member("tensor_frames"), np.random.default_rng(3)
    flat = molecule()
    flat = moved(flat, flat.positions * [1.3, 1.2, 0.0] + np.arange(6)[:, None] * [0.3, 0.0, 0.0])
    for structure in (flat, molecule(4)):
        matrix = random_rotation(rng, is_improper=is_improper)
        turned = moved(structure, structure.positions @ matrix.T)
        energies, (_, forces) = atomic_energies(model, structure), energy_and_forces(model, structure)
        torch.testing.assert_close(atomic_energies(model, turned), energies, rtol=1e-10, atol=1e-10)
        found = energy_and_forces(model, turned)[1]
        torch.testing.assert_close(found, forces @ torch.from_numpy(matrix.T), rtol=1e-10, atol=1e-10)
