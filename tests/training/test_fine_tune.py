import numpy as np
import pytest
import torch
from ase.io import write

from fusionmd.errors import ConfigError, PotentialFormatError
from fusionmd.graph import graph_of
from fusionmd.structure import Structure
from fusionmd.training import train
from fusionmd.training.config import Config
from fusionmd.training.fine_tune import carry_over_, evenly_chosen, frozen_names, left_over_energies
from fusionmd.training.problem import counts_by_element, prepare, seeded_model
from fusionmd.training.start import Start, start_of_potential
from fusionmd.training.trained import load_trained
from tests.toy_model import ToyModel
from tests.training import toy

CPU, DOUBLE = torch.device("cpu"), torch.float64


@pytest.fixture(scope="module")
def potential(tmp_path_factory):
    """A potential for H and C."""
    folder = tmp_path_factory.mktemp("first")
    rng = np.random.default_rng(0)
    frames = [toy.morse_frame(rng, 3 + i % 3) for i in range(12)]
    for frame in frames:
        energy = frame.get_potential_energy()
        energy -= sum(toy.E0[int(z)] - toy.E0[6] for z in frame.numbers if z == 8)
        frame.numbers[frame.numbers == 8] = 6
        frame.calc.results["energy"] = energy
        frame.calc.atoms = frame.copy()
    write(folder / "hc.xyz", frames, format="extxyz")
    e0 = {"kind": "given", "values": {"H": toy.E0[1], "C": toy.E0[6]}}
    optimizer = {"learning_rate": 3e-2, "ema": 0.9}
    settings = toy.config(folder / "hc.xyz", training={"epochs": 20, "valid_every": 20}, e0=e0, optimizer=optimizer)
    with toy.registered():
        return train(settings, folder / "run").potential


def test_weights_find_their_places_among_more_elements():
    small, large = ToyModel((1, 8), dim=3, seed=1).double(), ToyModel((1, 6, 8), dim=3, seed=2).double()
    untouched = large.own[1].detach().clone()
    weights = {name: tensor.detach().clone() for name, tensor in small.state_dict().items()}
    carry_over_(large, weights, (1, 8), (1, 6, 8))
    assert torch.equal(large.own[[0, 2]], small.own) and torch.equal(large.own[1], untouched)
    assert torch.equal(large.edges.pair[[0, 2, 6, 8]], small.edges.pair)
    assert torch.equal(large.mlp[0].weight, small.mlp[0].weight)


@pytest.mark.parametrize("radial_species", [False, True])
def test_the_real_network_says_the_same_of_old_elements_after_new_ones_came(radial_species):
    section = {"name": "fusion_net", "n_channels": 4, "l_max": 1, "cutoff": 3.0, "radial_widths": [8]}
    section |= {"message": "(Y, h_j)@1+", "product": ["A", "(A, A)@1+"], "radial_species": radial_species}
    statistics = {"mean_degree": 4.0, "rms_force": 1.5, "shift": -2.0}
    small, large = (seeded_model(section, z, statistics, seed=len(z)).double() for z in ((1, 8), (1, 6, 8)))
    weights = {name: t.detach().clone() for name, t in [*small.named_parameters(), *small.named_buffers()]}
    structure = Structure([8, 1, 1], [[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])

    def energy(model):
        graph = graph_of(structure, model.elements, 3.0)
        return model(graph.edge_vectors, graph.senders, graph.receivers, graph.slots, graph.species, 3).sum().item()

    assert energy(large) != pytest.approx(energy(small), abs=1e-3)
    carry_over_(large, weights, (1, 8), (1, 6, 8))
    assert energy(large) == pytest.approx(energy(small), abs=1e-10)


def test_a_wider_readout_says_at_first_what_the_old_one_said():
    section = {"name": "fusion_net", "n_channels": 4, "l_max": 1, "cutoff": 3.0, "radial_widths": [8]}
    section |= {"message": "(Y, h_j)@1+", "product": ["A"], "readout_width": 2}
    statistics = {"mean_degree": 4.0, "rms_force": 1.5, "shift": -2.0}
    start = Start(elements=(1, 8), statistics=statistics, model=section, weights={})
    wider = start.model_section({"readout_width": 7})
    assert wider == section | {"readout_width": 7} and start.model_section(section) == section
    small, large = (seeded_model(one, (1, 8), statistics, seed=3).double() for one in (section, wider))
    weights = {name: t.detach().clone() for name, t in [*small.named_parameters(), *small.named_buffers()]}
    carry_over_(large, weights, (1, 8), (1, 8))
    graph = graph_of(Structure([8, 1], [[0, 0, 0], [0.96, 0, 0]]), (1, 8), 3.0)
    one, other = (
        model(graph.edge_vectors, graph.senders, graph.receivers, graph.slots, graph.species, 2)
        for model in (small, large)
    )
    assert torch.allclose(one, other, rtol=1e-12) and large.readouts[-1].hidden[:, 2:].abs().min() > 0
    with pytest.raises(ConfigError, match="an axis of 7, the model wants 2"):
        carry_over_(small, dict(large.named_parameters()), (1, 8), (1, 8))


def test_weights_of_another_size_are_refused():
    with pytest.raises(ConfigError, match="axis of 3, the model wants 5"):
        carry_over_(ToyModel((1, 8), dim=5), ToyModel((1, 8), dim=3).state_dict(), (1, 8), (1, 8))


def test_new_elements_start_from_the_potential_with_e0_refitted(potential, frames):
    settings = toy.config(frames)
    start = start_of_potential(potential)
    problem = prepare(Config.model_validate({**settings, "model": {}}), start, dtype=DOUBLE, device=CPU)
    assert problem.elements == (1, 6, 8) and start.elements == (1, 6)
    assert problem.model_config == toy.MODEL
    assert problem.e0[8] - problem.e0[6] == pytest.approx(toy.E0[8] - toy.E0[6], abs=3.0)
    left = left_over_energies(problem.model, problem.head, problem.train, counts_by_element(problem.train, 3))
    assert np.abs(left).max() < 1e-6


def test_new_elements_without_e0_are_refused(potential, frames):
    settings = {**toy.config(frames, fine_tune={"refit_e0": False}), "model": {}}
    with pytest.raises(ConfigError, match="the potential has no E0 for O; give e0.values or set fine_tune.refit_e0"):
        prepare(Config.model_validate(settings), start_of_potential(potential), dtype=DOUBLE, device=CPU)


def test_frozen_parameters_stay(potential, frames, tmp_path):
    settings = toy.config(frames, training={"epochs": 2}, fine_tune={"freeze": ["mlp.*"]})
    train({**settings, "model": {}}, tmp_path, potential=potential)
    before = start_of_potential(potential).weights
    after = load_trained(tmp_path).model
    assert torch.equal(after.mlp[0].weight, before["mlp.0.weight"])
    assert not torch.equal(after.own[0], before["own"][0])


def test_fine_tuning_can_be_resumed(potential, frames, tmp_path):
    settings = {**toy.config(frames, training={"epochs": 1}), "model": {}}
    first = train(settings, tmp_path, potential=potential)
    again = train({**settings, "training": {**settings["training"], "epochs": 2}}, tmp_path, resume=True)
    assert first.n_epochs == 1 and again.n_epochs == 2


def test_weights_of_another_convention_are_refused(potential, monkeypatch):
    monkeypatch.setattr("fusionmd.potential.metadata.CONVENTION_ID", "another")
    with pytest.raises(PotentialFormatError, match="'fusionmd-real-cg-1', this fusionmd has 'another'.*train again"):
        start_of_potential(potential)


def test_another_model_section_is_refused(potential, frames, tmp_path):
    settings = {**toy.config(frames), "model": {**toy.MODEL, "dim": 7}}
    with pytest.raises(ConfigError, match=r"other values of model\.dim .*'dim': 4"):
        train(settings, tmp_path / "run", potential=potential)


def test_a_freeze_pattern_must_match():
    with pytest.raises(ConfigError, match="'layers.*' matches no parameter; they are own, "):
        frozen_names(ToyModel(), ["layers.*"])


def test_without_a_potential_the_start_is_open():
    assert not Start().is_fine_tuning and Start().model_section({"name": "x"}) == {"name": "x"}


def test_rare_elements_are_among_those_chosen():
    counts = np.zeros((1000, 3))
    counts[:, 0], counts[[17, 640], 2] = 2.0, 1.0
    chosen = evenly_chosen(counts, 10)
    assert {17, 640, 0, 999} <= set(chosen.tolist()) and len(chosen) == 12
    assert not len(evenly_chosen(np.zeros((4, 2)), 10))
