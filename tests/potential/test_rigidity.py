"""Uncertainties from the rigidity of the last layer: the algebra, the file, blocks and batches."""

import numpy as np
import pytest
import torch

from fusionmd.errors import DataError, MissingQuantityError, PotentialFormatError
from fusionmd.graph import concatenate
from fusionmd.potential import export_potential, load_potential, uncertainty
from fusionmd.potential.rigidity import ONE_SIGMA, calibrated, distances, root_of
from tests.potential.conftest import E0, random_structure
from tests.toy_model import ToyModel, TwoHopToyModel

RNG = np.random.default_rng(1)
COUNTS = np.tile([[4.0, 2.0]], (400, 1))


def sampled(n=400, n_features=5):
    """Features about a mean far from zero, of very different sizes."""
    return 50.0 + RNG.normal(size=(n, n_features)) * np.logspace(-2, 2, n_features)


def test_where_the_composition_is_constant_it_is_the_mahalanobis_distance():
    features = sampled()
    root, new = root_of(features, COUNTS), sampled(7)
    centred, covariance = new - features.mean(axis=0), np.cov(features.T, bias=True)
    wanted = np.einsum("ni,ij,nj->n", centred, np.linalg.inv(covariance), centred)
    # The composition itself is one more direction, of length 1.
    assert distances(root, new, COUNTS[:7]) ** 2 == pytest.approx(wanted + 1.0, rel=1e-3)


def test_it_is_the_variance_of_a_last_layer_fitted_to_the_frames():
    features, new, noise = sampled(), sampled(5), 0.3
    design, asked = np.hstack([features, np.ones((400, 1))]), np.hstack([new, np.ones((5, 1))])
    fits = [np.linalg.lstsq(design, noise * RNG.normal(size=400), rcond=None)[0] for _ in range(4000)]
    spread = np.std(asked @ np.array(fits).T, axis=1)
    foretold = noise * distances(root_of(features, COUNTS), new, COUNTS[:5]) / np.sqrt(400)
    assert spread == pytest.approx(foretold, rel=0.06)


def test_an_unknown_composition_is_far():
    features = sampled()
    root = root_of(features, COUNTS)
    same, other = (distances(root, features[:1], np.array([counts]))[0] for counts in ([4.0, 2.0], [2.0, 4.0]))
    assert other > 50 * same


def test_scales_hold_what_they_promise():
    features = sampled()
    root, held_out = root_of(features, COUNTS), sampled(300)
    lengths = distances(root, held_out, COUNTS[:300])
    errors = lengths[:, None] * RNG.standard_t(3, size=(300, 2)) * [0.1, 0.4]
    errors[5, 1] = np.nan
    rigidity = calibrated(root, held_out, COUNTS[:300], errors)
    spreads = rigidity.spreads(held_out, COUNTS[:300])
    known = np.isfinite(errors)
    within = [(np.abs(e[k]) <= s[k]).mean() for e, s, k in zip(errors.T, spreads.T, known.T, strict=True)]
    assert within == pytest.approx([ONE_SIGMA] * 2, abs=0.01)
    assert rigidity.scales[1] / rigidity.scales[0] == pytest.approx(4.0, rel=0.2)


def test_a_state_without_labels():
    features = sampled()
    errors = np.column_stack([np.ones(400), np.full(400, np.nan)])
    with pytest.raises(DataError, match="some state"):
        calibrated(root_of(features, COUNTS), features, COUNTS, errors)


@pytest.fixture(scope="module")
def structures():
    return [random_structure(8, edge=4.0, seed=seed) for seed in range(60)]


@pytest.fixture(scope="module")
def rigidity(structures, tmp_path_factory):
    path = tmp_path_factory.mktemp("plain") / "plain.pt"
    export_potential(ToyModel(n_outputs=2).double(), path, atomic_energies=E0)
    potential = load_potential(path)
    graphs = concatenate([potential.graph(one) for one in structures])
    features, counts = (part.numpy() for part in uncertainty.summed_descriptors(potential.core, graphs))
    errors = RNG.normal(size=(60, 2)) * [0.1, 0.2]
    return calibrated(root_of(features, counts), features, counts, errors)


@pytest.fixture(scope="module")
def potential(rigidity, tmp_path_factory):
    path = tmp_path_factory.mktemp("calibrated") / "c.pt"
    model = ToyModel(n_outputs=2).double()
    export_potential(model, path, atomic_energies=E0, rigidity=rigidity, calibration={"n_held_out": 60})
    return load_potential(path)


def test_the_file_says_what_was_calibrated(potential, rigidity, structures):
    graph = concatenate([potential.graph(one) for one in structures])
    features, counts = (part.numpy() for part in uncertainty.summed_descriptors(potential.core, graph))
    wanted = rigidity.spreads(features, counts)
    found = potential.uncertainties(structures)
    assert potential.metadata.has_uncertainties and potential.metadata.calibration["n_held_out"] == 60
    np.testing.assert_allclose(found, wanted, rtol=1e-10)
    assert found.shape == (60, 2) and found.min() > 0


def test_in_blocks_it_is_the_same(potential):
    crystal = random_structure(24, edge=7.0, seed=2, pbc=True)
    graph = potential.graph(crystal)
    whole = potential.uncertainties([crystal])
    tiny = potential.metadata.bytes_per_edge * graph.n_edges / 4e9
    assert potential._max_edges(tiny) < graph.n_edges
    np.testing.assert_allclose(potential.uncertainties([crystal], memory_GB=tiny), whole, rtol=1e-10)


def test_of_a_committee_it_is_the_spread(committee, molecule):
    (wanted,) = committee.evaluate([molecule])
    np.testing.assert_allclose(committee.uncertainties([molecule])[0], wanted.energies_std, atol=1e-4)
    tiny = committee.metadata.bytes_per_edge * committee.graph(molecule).n_edges / 3e9
    np.testing.assert_allclose(
        committee.uncertainties([molecule], memory_GB=tiny), committee.uncertainties([molecule]), atol=1e-4
    )


def test_others_have_none(one_hop, molecule):
    with pytest.raises(MissingQuantityError, match="fusionmd calibrate"):
        one_hop.uncertainties([molecule])


@pytest.mark.parametrize("models", [[TwoHopToyModel()], [ToyModel(), ToyModel(seed=1)]], ids=["plain", "committee"])
def test_only_one_model_with_descriptors_can_be_calibrated(models, rigidity, tmp_path):
    references = {z: float(np.ravel(e)[0]) for z, e in E0.items()}
    with pytest.raises(PotentialFormatError, match="one model with descriptors"):
        export_potential(models, tmp_path / "x.pt", atomic_energies=references, rigidity=rigidity, calibration={"n": 1})
    assert not (tmp_path / "x.pt").exists()


@pytest.mark.parametrize("given", ["rigidity", "calibration"])
def test_a_file_never_says_one_thing_and_holds_another(given, rigidity, tmp_path):
    only = {"rigidity": rigidity} if given == "rigidity" else {"calibration": {"n": 1}}
    with pytest.raises(PotentialFormatError, match="belong together"):
        export_potential(ToyModel(n_outputs=2), tmp_path / "x.pt", atomic_energies=E0, **only)


def test_in_single_precision(rigidity, structures, potential, tmp_path):
    export_potential(
        ToyModel(n_outputs=2), tmp_path / "s.pt", atomic_energies=E0, rigidity=rigidity, calibration={"n": 1}
    )
    single = load_potential(tmp_path / "s.pt", dtype=torch.float64)
    np.testing.assert_allclose(single.uncertainties(structures), potential.uncertainties(structures), rtol=1e-3)
