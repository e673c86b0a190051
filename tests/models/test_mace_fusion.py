"""`mace_fusion` with unit matrices on internal legs and no weight on the added message is `mace`."""

import pytest
import torch

from fusionmd.errors import ConfigError
from fusionmd.models import build_model
from tests.models.nets import ELEMENTS, STATISTICS, atomic_energies, energy_and_forces, molecule
from tests.models.zoo import COMMON

SETTINGS = {**COMMON, "hidden_irreps": "0e + 1o + 2e", "inner_l_max": 2}


def fill(fusion: torch.nn.Module, mace: torch.nn.Module) -> None:
    """The state of `mace`; what it lacks is a unit matrix inside products, and 0 for the added message."""
    known = mace.state_dict()
    with torch.no_grad():
        for name, value in fusion.state_dict().items():
            if name in known:
                value.copy_(known[name])
            elif ".mixing.mixing." in name:
                value.copy_(torch.eye(len(value)))
            elif ".mixings.1." in name:
                value.zero_()


def test_it_reduces_to_mace() -> None:
    torch.manual_seed(1)
    mace, fusion = (
        build_model({**SETTINGS, "name": name}, elements=ELEMENTS, statistics=STATISTICS).double()
        for name in ("mace", "mace_fusion")
    )
    structure = molecule()
    expected, (_, forces) = atomic_energies(mace, structure), energy_and_forces(mace, structure)
    assert (atomic_energies(fusion, structure) - expected).abs().max() > 1e-3
    fill(fusion, mace)
    torch.testing.assert_close(atomic_energies(fusion, structure), expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(energy_and_forces(fusion, structure)[1], forces, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("block", [".mixing.mixing.", ".mixings.1."])
def test_each_block_does_something(block) -> None:
    """Turned on alone, internal matrices and the added message change energies."""
    torch.manual_seed(1)
    mace, fusion = (
        build_model({**SETTINGS, "name": name}, elements=ELEMENTS, statistics=STATISTICS).double()
        for name in ("mace", "mace_fusion")
    )
    random = {name: value.clone() for name, value in fusion.state_dict().items() if block in name}
    fill(fusion, mace)
    fusion.load_state_dict(random, strict=False)
    assert (atomic_energies(fusion, molecule()) - atomic_energies(mace, molecule())).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["mace", "mace_fusion"])
def test_irreps_out_of_reach_are_named(name) -> None:
    with pytest.raises(ConfigError, match=r"hidden_irreps: none of A, \(A, A\) ends in 5o"):
        build_model({**COMMON, "name": name, "l_max": 1, "correlation": 2, "hidden_irreps": "0e + 5o"}, elements=[1])
