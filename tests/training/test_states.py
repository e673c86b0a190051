"""Several states: heads, gaps and couplings in the loss, labels that are missing, a run from data to potential."""

import json

import numpy as np
import pytest
import torch

from fusionmd.data.extxyz import write_extxyz
from fusionmd.data.frame import Frame
from fusionmd.data.read import read_frames
from fusionmd.errors import ConfigError, DataError
from fusionmd.graph import graph_of
from fusionmd.potential import load_potential
from fusionmd.potential.heads import build_head
from fusionmd.structure import Structure
from fusionmd.training import train
from fusionmd.training.batches import collate, shapes_of
from fusionmd.training.losses import TERMS, loss_terms
from fusionmd.training.metrics import metrics_of
from fusionmd.training.prediction import predict
from fusionmd.training.samples import Sample
from fusionmd.training.step import loss_and_gradients
from fusionmd.workflows.evaluate import compare
from tests.toy_model import TwoHopToyModel

WEIGHTS = torch.tensor([1.0, 10.0, 0.0, 5.0, 3.0], dtype=torch.float64)
NUMBERS = (1, 6, 8, 1)


def tensors(model):
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def samples_of(model, n_states: int, n_pairs: int) -> list[Sample]:
    rng = np.random.default_rng(n_states)
    structures = [Structure(NUMBERS, 1.5 * np.eye(4)[:, :3] + 0.2 * rng.normal(size=(4, 3))) for _ in range(3)]
    return [
        Sample(
            graph_of(structure, model.elements, model.cutoff),
            np.sort(rng.normal(size=n_states)),
            rng.normal(size=(n_states, 4, 3)),
            np.full((3, 3), np.nan),
            couplings=rng.normal(size=(n_pairs, 4, 3)),
        )
        for structure in structures
    ]


CASES = [("diabatic", 3, 2, 1), ("diabatic", 6, 3, 3), ("characteristic", 3, 2, 0), ("characteristic", 4, 3, 0)]


@pytest.mark.parametrize(("kind", "n_outputs", "n_states", "n_pairs"), CASES)
def test_parameter_gradients_are_those_of_finite_differences(kind, n_outputs, n_states, n_pairs):
    model, head = TwoHopToyModel(cutoff=3.0, dim=4, n_outputs=n_outputs).double(), build_head(kind, n_outputs)
    samples = samples_of(model, n_states, n_pairs)
    batch, names = collate(samples, shapes_of(samples, 4)), tuple(name for name, _ in model.named_parameters())
    result = loss_and_gradients(model, tensors(model), batch, WEIGHTS, trained=names, head=head)
    assert (result.terms[[0, 1, 3]] > 1e-2).all() and (result.terms[4] > 1e-2) == (n_pairs > 0)
    for name, gradient in zip(names, result.gradients, strict=True):
        parameter, place, losses = dict(model.named_parameters())[name], int(gradient.abs().argmax()), []
        for step in (1e-5, -2e-5):
            with torch.no_grad():
                parameter.view(-1)[place] += step
            losses.append(loss_and_gradients(model, tensors(model), batch, WEIGHTS, trained=names, head=head).loss)
        with torch.no_grad():
            parameter.view(-1)[place] += 1e-5
        slope = float(losses[0] - losses[1]) / 2e-5
        assert gradient.view(-1)[place].item() == pytest.approx(slope, rel=1e-5, abs=1e-6), name


def test_signs_of_couplings_are_free_frame_by_frame_and_nothing_else_is():
    model, head = TwoHopToyModel(cutoff=3.0, dim=4, n_outputs=6).double(), build_head("diabatic", 6)
    samples = samples_of(model, 3, 3)

    def term():
        batch = collate(samples, shapes_of(samples, 3))
        return loss_terms(predict(model, tensors(model), batch, head=head), batch)[TERMS.index("couplings")].item()

    before = term()
    samples[1].couplings[0] *= -1
    samples[2].couplings[2] *= -1
    assert term() == pytest.approx(before, rel=1e-12)
    samples[1].couplings[0, 2] *= -1
    assert abs(term() - before) > 1e-3 * before


def surfaces(positions):
    """Two states of a bent ABC molecule: energies, gradients and coupling by differences of a 2 x 2 matrix."""

    def matrix(x):
        r, s = np.linalg.norm(x[1] - x[0]), np.linalg.norm(x[2] - x[1])
        t = np.linalg.norm(x[2] - x[0])
        a, b = 4 * (r - 1.1) ** 2 + 3 * (s - 1.3) ** 2, 4 * (r - 1.3) ** 2 + 3 * (s - 1.2) ** 2 + 1.0
        return np.array([[a, 0.3 * (t - 1.9)], [0.3 * (t - 1.9), b]])

    energies, states = np.linalg.eigh(matrix(positions))
    slopes = np.empty((2, 2, *positions.shape))
    for place in np.ndindex(*positions.shape):
        step = np.zeros_like(positions)
        step[place] = 1e-5
        slopes[(..., *place)] = (matrix(positions + step) - matrix(positions - step)) / 2e-5
    turned = np.einsum("ia,ij...,jb->ab...", states, slopes, states)
    return energies, -np.stack([turned[0, 0], turned[1, 1]]), turned[0, 1][None] / (energies[1] - energies[0])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    rng, frames = np.random.default_rng(1), []
    for k in range(24):
        positions = np.array([[0, 0, 0], [1.2, 0, 0], [1.5, 1.2, 0]]) + 0.1 * rng.normal(size=(3, 3))
        energies, forces, couplings = surfaces(positions)
        if k % 4 == 1:
            forces[0] = np.nan
        frames.append(Frame(Structure([1, 6, 8], positions), energies, forces, couplings=couplings))
    path = tmp_path_factory.mktemp("states") / "states.xyz"
    write_extxyz(path, frames)
    return path


def config(data, **changes):
    model = {"name": "fusion_net", "cutoff": 3.0, "n_layers": 1, "n_channels": 4, "l_max": 1, "n_outputs": 3}
    return {
        "data": {"train": str(data), "valid_count": 6},
        "model": model | {"hidden_irreps": "0e", "product": ["A", "(A, A)"], "radial_widths": [8]},
        "head": "diabatic",
        "loss": {"energy": 10.0, "forces": 10.0, "gaps": 1.0, "couplings": 5.0},
        "training": {"epochs": 4, "dtype": "float64", "compile": False, "valid_every": 1},
    } | changes


def test_partial_labels_survive_the_file(data):
    frames = read_frames(data)
    assert np.isnan(frames[1].forces[0]).all() and np.isfinite(frames[1].forces[1]).all()
    assert frames[0].couplings.shape == (1, 3, 3)
    with pytest.raises(DataError, match="NaN"):
        Frame(frames[0].structure, [0.0, np.nan])
    with pytest.raises(DataError, match="1 pairs"):
        Frame(frames[0].structure, [0.0, 1.0], couplings=np.zeros((2, 3, 3)))


def test_a_run_with_couplings_ends_in_a_potential_that_has_them(data, tmp_path):
    result = train(config(data), tmp_path / "run")
    assert result.export_failure is None
    potential = load_potential(tmp_path / "run" / "potential.pt")
    assert potential.metadata.head == "diabatic" and potential.n_states == 2 and potential.has_couplings
    valid = json.loads((tmp_path / "run" / "split.json").read_text())["valid"]
    frames = read_frames(data)
    measured = metrics_of(compare(potential, [frames[k] for k in valid]))
    for key in ("energy_rmse_meV", "gap_rmse_meV", "couplings_rmse_meV_A", "forces_rmse_meV_A"):
        assert measured[key] == pytest.approx(result.metrics[key], rel=1e-6), key
    again = train(config(data) | {"head": "diabatic"}, tmp_path / "again", potential=tmp_path / "run" / "potential.pt")
    assert again.metrics["energy_rmse_meV"] < 2 * result.metrics["energy_rmse_meV"]


def test_training_lowers_the_error_of_couplings(data, tmp_path):
    loss = {"energy": 10.0, "forces": 10.0, "couplings": 50.0}
    first = config(data) | {"data": {"train": str(data), "valid": str(data)}, "loss": loss}
    before = train(first, tmp_path / "short").metrics
    after = train(first | {"training": first["training"] | {"epochs": 80}}, tmp_path / "long").metrics
    assert after["couplings_rmse_meV_A"] < 0.7 * before["couplings_rmse_meV_A"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"head": "characteristic"}, "no couplings"),
        ({"head": "adiabatic"}, "no couplings"),
    ],
)
def test_couplings_of_heads_without_them(changes, says, data, tmp_path):
    with pytest.raises(ConfigError, match=says):
        train(config(data, **changes), tmp_path / "run")
