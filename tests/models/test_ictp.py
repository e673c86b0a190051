"""Irreducible Cartesian tensors and spherical ones are two bases of one function; what the options leave out."""

import pytest
import torch

from fusionmd.errors import ConfigError
from fusionmd.models import build_model
from fusionmd.models.ictp import IctpConfig, product_plan
from fusionmd.models.network_config import natural
from fusionmd.o3.irreps import Irrep
from tests.models.nets import ELEMENTS, STATISTICS, atomic_energies, energy_and_forces, molecule
from tests.models.zoo import COMMON

OPTIONS = {
    "as it is": {},
    "full": {"products": "full"},
    "not coupled": {"coupled": False, "correlation": 2},
    "pseudotensors": {"pseudotensors": True, "l_max": 1},
    "l up to 3": {"l_max": 3, "hidden_irreps": "0e + 1o + 3o", "correlation": 2},
}


def network(seed: int = 0, **settings) -> torch.nn.Module:
    torch.manual_seed(seed)
    config = {**COMMON, "name": "ictp", **settings}
    return build_model(config, elements=ELEMENTS, statistics=STATISTICS).double()


@pytest.mark.parametrize("name", OPTIONS)
def test_both_bases_give_the_same(name) -> None:
    cartesian, spherical = network(0, **OPTIONS[name]), network(1, **OPTIONS[name], basis="spherical")
    structure = molecule()
    expected, (_, forces) = atomic_energies(cartesian, structure), energy_and_forces(cartesian, structure)
    assert (atomic_energies(spherical, structure) - expected).abs().max() > 1e-3
    spherical.load_state_dict(cartesian.state_dict())
    assert (atomic_energies(spherical, structure) - expected).abs().max() <= 1e-10 * expected.abs().max()
    assert (energy_and_forces(spherical, structure)[1] - forces).abs().max() <= 1e-10 * forces.abs().max()


def couplings(**settings) -> list[tuple[int, int, int]]:
    """(l1, l2, l3) of all vertices of the products of A."""
    plan = product_plan(IctpConfig(**settings), {"A": natural(2)}, [Irrep(0, 1), Irrep(1, -1)])
    found = []
    for step in plan.steps:
        left, right = plan.lines[step.left].irreps, plan.lines[step.right].irreps
        found += [(left[path.left].l, right[path.right].l, path.out.l) for path in step.paths]
    return found


def test_without_pseudotensors_all_couplings_are_even() -> None:
    assert all(sum(triple) % 2 == 0 for triple in couplings())
    assert any(sum(triple) % 2 for triple in couplings(pseudotensors=True))


def test_full_products_have_every_ordered_pair() -> None:
    symmetric, full = (couplings(coupled=False, correlation=2, products=kind) for kind in ("symmetric", "full"))
    assert {(min(a, b), max(a, b), c) for a, b, c in full} == {(min(a, b), max(a, b), c) for a, b, c in symmetric}
    assert all((b, a, c) in full for a, b, c in full) and len(full) > len(symmetric)


@pytest.mark.parametrize("settings", [{"l_max": 4}, {"hidden_irreps": "0e + 4e"}])
def test_l_beyond_the_tables_is_refused(settings) -> None:
    with pytest.raises(ConfigError, match="l = 4 is beyond the Cartesian tensors of this architecture"):
        network(**settings)
