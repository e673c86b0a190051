"""Export refuses models that break the contract, a derivative, a symmetry or their declared range."""

import numpy as np
import pytest
import torch
from torch import Tensor

from fusionmd.errors import PotentialFormatError
from fusionmd.potential import export_potential, load_potential
from fusionmd.potential.contract import GhostExchange, IdentityExchange, check_contract, with_ghost_exchange
from fusionmd.potential.core import Core
from fusionmd.potential.frames import default_frames
from fusionmd.potential.heads import AdiabaticHead, build_head
from tests.potential.conftest import E0
from tests.toy_model import ToyModel, TwoHopToyModel

REFERENCES = E0 | {8: -2040.0}


class NotInvariant(ToyModel):
    """Sees which way x points."""

    def forward(
        self, edge_vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> Tensor:
        features = self.features(edge_vectors, senders, receivers, slots, species)[:n_local]
        along_x = torch.cat([edge_vectors[:, :1], edge_vectors.new_zeros(1, 1)])[slots].sum(dim=1)
        return self.mlp(features + 1e-3 * along_x[:n_local])


class DetachedModel(ToyModel):
    """Its gradient misses a term: forces are not the derivative of the energy."""

    def forward(
        self, edge_vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> Tensor:
        features = self.features(edge_vectors, senders, receivers, slots, species)[:n_local]
        return self.mlp(features) + 0.01 * features.detach()[:, :1]


class NaNModel(ToyModel):
    """Not a number anywhere."""

    def forward(
        self, edge_vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> Tensor:
        return self.mlp(self.features(edge_vectors, senders, receivers, slots, species)[:n_local]) * float("nan")


class ShortSighted(TwoHopToyModel):
    """Declares one hop and feels two."""

    def __init__(self) -> None:
        super().__init__()
        self.n_hops = 1


class NeedsAtoms(ToyModel):
    """Fails where nothing is owned."""

    def forward(
        self, edge_vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> Tensor:
        features = self.features(edge_vectors, senders, receivers, slots, species)[:n_local]
        return self.mlp(features.view(n_local, 2, -1).flatten(1))


@pytest.mark.parametrize(
    "model, says",
    [
        (NotInvariant(), "equivariance"),
        (DetachedModel(), "finite differences"),
        (NaNModel(), "refused"),
        (ShortSighted(), "one block against several"),
        (NeedsAtoms(), "nothing owned"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_faulty_model_is_refused_and_nothing_is_written(model, says, tmp_path):
    with pytest.raises(PotentialFormatError, match=says):
        export_potential(model, tmp_path / "bad.pt", atomic_energies=REFERENCES)
    assert not list(tmp_path.iterdir())


def test_a_refused_export_keeps_the_older_file(tmp_path):
    export_potential(ToyModel(), tmp_path / "p.pt", atomic_energies=REFERENCES)
    before = (tmp_path / "p.pt").read_bytes()
    with pytest.raises(PotentialFormatError):
        export_potential(NaNModel(), tmp_path / "p.pt", atomic_energies=REFERENCES)
    assert (tmp_path / "p.pt").read_bytes() == before


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_model_is_left_as_it_was(tmp_path, dtype):
    model = ToyModel().to(dtype).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    export_potential(model, tmp_path / "p.pt", atomic_energies=REFERENCES)
    assert model.training and all(p.requires_grad for p in model.parameters())
    assert isinstance(model.exchange, IdentityExchange)
    for name, value in model.state_dict().items():
        assert value.dtype == dtype and torch.equal(value, before[name])


def test_float32_gap_is_reported(tmp_path):
    report = export_potential(ToyModel(), tmp_path / "p.pt", atomic_energies=REFERENCES).report
    gaps = [check["error"] for check in report["checks"] if "precision" in check["name"]]
    assert len(gaps) == 2 and all(0 < gap < 1e-4 for gap in gaps)


def test_given_frames_are_carried(tmp_path, molecule):
    from fusionmd.potential.archive import SELF_TEST, unpack
    from fusionmd.potential.selftest import SelfTest

    export_potential(ToyModel(), tmp_path / "p.pt", atomic_energies=REFERENCES, frames=[molecule])
    test = SelfTest.from_npz(unpack((tmp_path / "p.pt").read_bytes())[SELF_TEST])
    np.testing.assert_array_equal(test.frames[0].positions, molecule.positions)
    assert len(test.frames) == 4


def test_provenance_is_kept_and_nan_becomes_null(tmp_path):
    given = {"metrics": {"rmse": float("nan"), "mae": 1.5}, "citations": ["A 1"], "licence_weights": "CC-BY-4.0"}
    export_potential(ToyModel(), tmp_path / "p.pt", atomic_energies=REFERENCES, commit="abc", **given)
    metadata = load_potential(tmp_path / "p.pt").metadata
    assert metadata.metrics == {"rmse": None, "mae": 1.5} and metadata.citations == ("A 1",)
    assert (metadata.commit, metadata.licence_weights) == ("abc", "CC-BY-4.0")


@pytest.mark.parametrize(
    "references, says",
    [
        ({1: 0.0, 6: 0.0}, "no reference energy for O;"),
        (REFERENCES | {8: [1.0, 2.0, 3.0]}, "finite"),
        (REFERENCES | {8: np.nan}, "finite"),
    ],
)
def test_bad_references(references, says, tmp_path):
    with pytest.raises(PotentialFormatError, match=says):
        export_potential(ToyModel(), tmp_path / "p.pt", atomic_energies=references)


def test_committees_must_agree(tmp_path):
    for members, says in [
        ([ToyModel(), ToyModel(cutoff=4.0)], "cutoff"),
        ([ToyModel(), ToyModel(elements=[1, 6])], "elements"),
        ([ToyModel(), ToyModel().double()], "dtype"),
        ([], "at least one"),
    ]:
        with pytest.raises(PotentialFormatError, match=says):
            export_potential(members, tmp_path / "p.pt", atomic_energies=REFERENCES)


def test_contract_is_checked():
    with pytest.raises(PotentialFormatError, match="lacks cutoff, n_hops"):
        check_contract(torch.nn.Linear(1, 1))
    model = ToyModel()
    model.elements = [8, 1]
    with pytest.raises(PotentialFormatError, match="ascending"):
        check_contract(model)
    model.elements, model.n_hops = [1, 8], 0
    with pytest.raises(PotentialFormatError, match="positive"):
        check_contract(model)


def test_unknown_head():
    with pytest.raises(PotentialFormatError, match="unknown head 'mean'"):
        build_head("mean", 1)


def test_ghost_exchange_is_the_identity_with_all_derivatives():
    module = torch.jit.script(GhostExchange())
    h = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.equal(module(h), h)
    assert torch.autograd.gradcheck(module, (h,)) and torch.autograd.gradgradcheck(lambda x: module(x) ** 3, (h,))


def test_every_exchange_is_replaced():
    model = with_ghost_exchange(TwoHopToyModel())
    assert isinstance(model.exchange, GhostExchange)


def test_adiabatic_head():
    totals = torch.randn(5, 3, dtype=torch.float64)
    energies, cotangents = AdiabaticHead(3)(totals)
    assert torch.equal(energies, totals) and cotangents.shape == (5, 3, 3)
    assert torch.equal(torch.einsum("sko,so->sk", cotangents, totals), energies)


def test_core_without_descriptors_is_plain():
    from fusionmd.potential.core import build_core

    assert type(build_core([TwoHopToyModel()], AdiabaticHead(1), torch.zeros(3, 1))) is Core


@pytest.mark.parametrize("elements", [[1], [6, 8], list(range(1, 40))])
def test_default_frames_hold_every_element(elements):
    frames = default_frames(elements, 5.0)
    assert set(frames[0].numbers.tolist()) == set(elements)
    assert frames[1].is_periodic and frames[2].n_atoms == 1
