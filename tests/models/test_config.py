"""What a configuration may say, and what is said to one that does not fit."""

import pytest
import torch

from fusionmd.errors import ConfigError, DiagramError, IrrepsError
from fusionmd.models import architectures, build_model
from tests.models.nets import ELEMENTS, SMALL, STATISTICS, atomic_energies, molecule, net

WRONG = {
    "unknown name": ({"name": "schnet"}, r"model name 'schnet' is not known; choose one of \[.*'fusion_net', .*'mace'"),
    "unknown key": ({"chanels": 3}, r"model\.chanels: .*known keys: cutoff, n_layers, n_channels"),
    "bad value": ({"n_channels": 0}, r"model\.n_channels: .*greater than or equal to 1 \(got 0\)"),
    "bad type": ({"l_max": "three"}, r"model\.l_max: .*integer.*\(got 'three'\)"),
    "basis": ({"basis": "polar"}, r"model\.basis: .*'spherical' or 'cartesian' \(got 'polar'\)"),
    "no harmonics": ({"message": "(h_i, h_j)"}, r"model\.message: .*needs the leaf Y.*\(got '\(h_i, h_j\)'\)"),
    "leaf of a node": ({"message": "(Y, A)"}, r"model\.message: .*leaf A is not known here; leaves are Y, h_j, h_i"),
    "leaf of an edge": ({"product": ["A", "(A, h_j)"]}, r"model\.product: .*leaf h_j is not known.*leaves are A, h_i"),
    "no message": ({"product": ["h_i", "(h_i, h_i)"]}, r"model\.product: .*needs the leaf A"),
    "no diagram": ({"product": []}, r"model\.product: .*needs the leaf A"),
    "no scalars": ({"hidden_irreps": "1o"}, r"model\.hidden_irreps: .*0e among them"),
    "copies": ({"hidden_irreps": "8x0e + 8x1o"}, r"model\.hidden_irreps: .*n_channels says how many"),
    "out of reach": ({"hidden_irreps": "0e + 1e", "product": ["A"]}, r"no diagram of \['A'\] ends in 1e of hidden"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_settings_are_named(name: str) -> None:
    settings, message = WRONG[name]
    with pytest.raises(ConfigError, match=message):
        build_model({**SMALL, **settings}, elements=ELEMENTS)


WRONG_TEXTS = {
    "open": ({"message": "(Y, h_j"}, DiagramError, r"wanted '\)'"),
    "no comma": ({"product": ["A", "(A A)"]}, DiagramError, "column 4"),
    "no irrep": ({"hidden_irreps": "0e + 1x"}, IrrepsError, "cannot read"),
    "too large": ({"basis": "cartesian", "l_max": 6, "message": "(Y, h_j)@6"}, DiagramError, "use the spherical basis"),
}


@pytest.mark.parametrize("name", WRONG_TEXTS)
def test_wrong_texts_are_shown(name: str) -> None:
    settings, error, message = WRONG_TEXTS[name]
    with pytest.raises(error, match=message):
        build_model({**SMALL, "product": ["((A, A)@6, A)"], **settings}, elements=ELEMENTS)


def test_defaults_are_the_documented_architecture() -> None:
    config = architectures()["fusion_net"]()
    assert (config.message, config.basis, config.hidden_irreps) == ("(Y, h_j)@3+", "spherical", "0e + 1o")
    assert config.product == ("A", "(A, A)@3+", "((A, A)@3+, A)")


def test_parameters_keep_their_names() -> None:
    """Files of weights name them; a layer without centre legs has no matrix for the centre."""
    names = set(net().state_dict())
    first = ["radial.hidden.0", "radial.last", "radial.pair_shift", "skip_scale"]
    first += [f"mixing.weights.{k}" for k in range(3)]  # 0e 2e 1o of the message, l_max 2
    first += [f"product.contraction.steps.0.mixing.weights.{k}" for k in range(4)]  # 0e 2e 1o 3o of (A, A)@3+
    first += [f"{name}.weights.{k}" for name in ("product", "out") for k in range(2)]  # 0e 1o
    assert {name for name in names if name.startswith("layers.0.")} == {f"layers.0.{name}" for name in first}
    assert {"embedding", "ups.0.weights.0", "ups.1.weights.1", "readouts.0.weight", "scale_shift.shift"} <= names
    assert {"layers.1.skip.weights.0", "readouts.1.hidden", "readouts.1.last"} <= names
    more = set(net(product=["A", "(A, A)@3+", "((A, A)@3+, A)", "(A, h_i)"]).state_dict())
    assert more - names == {"layers.0.center.weights.0", "layers.1.center.weights.0", "layers.1.center.weights.1"}


def test_several_outputs_are_several_functions() -> None:
    model, structure = net(n_outputs=3), molecule()
    values = atomic_energies(model, structure)
    assert model.n_outputs == 3 and values.shape == (structure.n_atoms, 3)
    assert all((values[:, a] - values[:, b]).abs().min() > 1e-6 for a, b in [(0, 1), (0, 2), (1, 2)])


def test_shift_and_scale_are_those_of_the_statistics() -> None:
    torch.manual_seed(0)
    plain = build_model(SMALL, elements=ELEMENTS).double()
    torch.manual_seed(0)
    scaled = build_model(SMALL, elements=ELEMENTS, statistics=STATISTICS | {"mean_degree": 1.0}).double()
    structure = molecule()
    shifts = torch.tensor([STATISTICS["shift"][z] for z in structure.numbers.tolist()]).unsqueeze(1)
    expected = 0.7 * atomic_energies(plain, structure) + shifts
    torch.testing.assert_close(atomic_energies(scaled, structure), expected, rtol=1e-6, atol=1e-7)
