"""Outputs that change sign under reflection, and a conical intersection that needs them."""

import numpy as np
import pytest
import torch

from fusionmd.errors import ConfigError
from fusionmd.graph import graph_of
from fusionmd.potential import load_potential
from fusionmd.potential.export import potential_bytes
from fusionmd.structure import Structure
from tests.models.nets import ELEMENTS, molecule, net

ODD = {"n_outputs": 3, "odd_outputs": (2,), "n_channels": 8, "product": ["A", "(A, A)@2+", "((A, A)@2, A)"]}
KINDS = [
    {"n_layers": 1},
    {"hidden_irreps": "0e + 0o + 1o", "message": "(Y, h_j)@2"},
    {"n_layers": 1, "basis": "cartesian"},
]


def totals(model, structure):
    graph = graph_of(structure, ELEMENTS, model.cutoff)
    vectors = graph.edge_vectors.double()
    return model(vectors, graph.senders, graph.receivers, graph.slots, graph.species, graph.n_nodes).sum(0).detach()


@pytest.mark.parametrize("kind", KINDS)
def test_odd_outputs_change_sign_under_reflection_and_the_others_do_not(kind):
    model, structure = net(**ODD, **kind), molecule(6)
    here, mirrored = (totals(model, Structure(structure.numbers, sign * structure.positions)) for sign in (1, -1))
    assert abs(here[2]) > 1e-8
    assert torch.allclose(mirrored, here * torch.tensor([1.0, 1.0, -1.0]), rtol=1e-6, atol=1e-12)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turned = totals(model, Structure(structure.numbers, structure.positions @ (turn * np.linalg.det(turn)).T))
    assert torch.allclose(turned, here, rtol=1e-6, atol=1e-12)


def test_odd_outputs_of_planar_molecules_vanish():
    structure = molecule(6)
    flat = Structure(structure.numbers, structure.positions * [1, 1, 0] + [[k, 0, 0] for k in range(6)])
    assert abs(totals(net(**ODD, n_layers=1), flat)[2]) < 1e-14


@pytest.mark.parametrize("kind", KINDS[:2])
def test_a_potential_of_signed_couplings(kind):
    content, _ = potential_bytes(
        net(**ODD, **kind), atomic_energies=dict.fromkeys(ELEMENTS, -5.0), name="n", head="diabatic"
    )
    plain, fast = load_potential(content), load_potential(content, compiled="auto")
    structures = [molecule(n, seed=n) for n in (1, 4, 7)]
    ours, theirs = (p.evaluate(structures, states=[1, 0], couplings=True) for p in (fast, plain))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.forces, other.forces, atol=1e-11)
        np.testing.assert_allclose(one.diabatic, other.diabatic, atol=1e-11)
        np.testing.assert_allclose(abs(one.interstate), abs(other.interstate), atol=1e-11)


def test_outputs_that_are_not_there():
    with pytest.raises(ConfigError, match="odd_outputs"):
        net(**ODD | {"odd_outputs": (3,)})
    with pytest.raises(ConfigError, match="cannot read"):
        net(**ODD | {"hidden_irreps": "0e + 0o"})
    with pytest.raises(ConfigError, match="no diagram"):  # two legs cannot make a pseudoscalar of polar tensors
        net(**ODD | {"product": ["A", "(A, A)"]})
