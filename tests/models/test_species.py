"""What elements have of their own, and how different they are at the start."""

import numpy as np
import pytest
import torch

from fusionmd.structure import Structure
from tests.models.nets import ELEMENTS, atomic_energies, molecule, net

NAMES = {"embedding", "layers.0.product.weights.0", "layers.1.product.weights.0", "layers.1.skip_scale"}


def test_weights_of_elements_are_named() -> None:
    named = dict(net().named_parameters())
    names = set(net().species_parameters())
    assert names >= NAMES and not any("pair_shift" in name for name in names)
    assert {named[name].shape[0] for name in names} == {len(net().elements)}
    assert "layers.0.radial.pair_shift" in net(radial_species=True).species_parameters()


@pytest.mark.parametrize("radial_species", [False, True])
def test_elements_start_alike(radial_species: bool) -> None:
    structure = molecule()
    alike = net(species_spread=0.0, radial_species=radial_species)
    torch.nn.init.zeros_(alike.scale_shift.shift)
    assert len(set(structure.numbers.tolist())) > 1
    others = Structure(np.full(structure.n_atoms, ELEMENTS[0]), structure.positions)
    assert torch.allclose(atomic_energies(alike, structure), atomic_energies(alike, others), rtol=1e-12)


def test_the_spread_narrows_differences_and_one_changes_nothing() -> None:
    usual, half = dict(net().named_parameters()), dict(net(species_spread=0.5).named_parameters())
    for name in net().species_parameters():
        a, b = usual[name], half[name]
        assert torch.allclose(b - b[:1], 0.5 * (a - a[:1])) and torch.equal(b[0], a[0])
    assert all(torch.equal(usual[name], p) for name, p in net(species_spread=1.0).named_parameters())
