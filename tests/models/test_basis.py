"""Parameters act on channels only, so a spherical and a Cartesian network with one state are one function."""

import pytest
import torch

from tests.models.nets import KINDS, atomic_energies, energy_and_forces, molecule, net

WIDE = {"l_max": 3, "hidden_irreps": "0e + 1o + 2e"}
SETTINGS = {
    "one layer": {**WIDE, "n_layers": 1},
    "two layers": WIDE,
    "two layers, no internal mixing": {**WIDE, "internal_mixing": False},
    "shared radial weights, higher l": {"l_max": 4, "message": "(Y, h_j)@4+", "radial_per_path": False},
    "both parities": {"hidden_irreps": "0e + 1o + 1e", "message": "(Y, h_j)@2", "product": ["A", "((A, A)@1, A)@1"]},
    **{name: KINDS[name] for name in ("bare edges", "centre after the sum", "two harmonics", "centre in products")},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_both_bases_give_the_same_energies_and_forces(name: str) -> None:
    spherical, cartesian = net(0, **SETTINGS[name]), net(1, **SETTINGS[name], basis="cartesian")
    structure = molecule()
    expected, (_, forces) = atomic_energies(spherical, structure), energy_and_forces(spherical, structure)
    assert (atomic_energies(cartesian, structure) - expected).abs().max() > 1e-3
    cartesian.load_state_dict(spherical.state_dict())
    for model in (cartesian, torch.jit.script(cartesian), torch.jit.script(spherical)):
        if model is not cartesian:
            model.cutoff = spherical.cutoff
        assert (atomic_energies(model, structure) - expected).abs().max() <= 1e-10 * expected.abs().max()
        assert (energy_and_forces(model, structure)[1] - forces).abs().max() <= 1e-10 * forces.abs().max()


def test_the_features_of_the_cartesian_network_are_tensors() -> None:
    """3^l components between layers: the exchange sees another width, the readout the same scalars."""
    widths: list[int] = []
    for basis in ("spherical", "cartesian"):
        model = net(0, **WIDE, basis=basis)
        model.exchange.register_forward_hook(lambda _, inputs, __: widths.append(inputs[0].shape[1]))
        atomic_energies(model, molecule())
    assert widths == [3 * (1 + 3 + 5), 3 * (1 + 3 + 9)]
