"""Whole runs of the toy: what they learn, what they leave behind, what they refuse."""

import json
import re

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

from fusionmd.data import write_extxyz
from fusionmd.data.frame import Frame
from fusionmd.errors import ConfigError, DataError
from fusionmd.graph import graph_of
from fusionmd.potential import load_potential
from fusionmd.structure import Structure
from fusionmd.training import Hooks, train
from fusionmd.training.config import Config
from fusionmd.training.frames import frames_of
from fusionmd.training.loop import train_batch
from fusionmd.training.metrics import metrics_of
from fusionmd.training.trained import load_trained
from fusionmd.workflows.evaluate import compare
from tests.training import toy

FAST = {"learning_rate": 3e-2, "ema": 0.9}


@pytest.fixture(scope="module")
def run(frames, tmp_path_factory):
    """A finished run: (folder, result, records)."""
    folder, records = tmp_path_factory.mktemp("run"), []
    settings = toy.config(
        frames, training={"epochs": 40, "valid_every": 2}, optimizer=FAST, e0={"kind": "given", "values": SYMBOLS}
    )
    with toy.registered():
        return folder, train(settings, folder, hooks=Hooks(on_record=records.append)), records


SYMBOLS = {"H": toy.E0[1], "C": toy.E0[6], "O": toy.E0[8]}


def test_the_error_falls(run):
    _, result, records = run
    assert [record["epoch"] for record in records] == list(range(2, 41, 2))
    assert records[-1]["train_loss"] < 0.1 * records[0]["train_loss"]
    losses = {record["epoch"]: record["valid_loss"] for record in records}
    assert min(losses, key=losses.get) == result.best_epoch and losses[result.best_epoch] < 0.8 * losses[2]


def test_a_run_leaves_log_table_report_and_configuration(run):
    folder, result, records = run
    assert [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()] == records
    header, *rows = (folder / "metrics.csv").read_text().splitlines()
    assert "valid_forces_rmse_meV_A" in header.split(",") and len(rows) == 20
    page = (folder / "report.html").read_text()
    assert page.count("<svg") == 2
    # Self-contained: nothing is fetched from elsewhere.
    assert not re.search(r"(src|href)=\"(?!#|data:)|@import|url\((?!#)", page)
    assert f"{result.metrics['forces_rmse_meV_A']:.4g}" in page and "learning_rate: 0.03" in page
    assert json.loads((folder / "result.json").read_text()) == result.summary()
    assert len(json.loads((folder / "split.json").read_text())["valid"]) == 4


def test_the_potential_reproduces_the_validation_errors(run, frames):
    folder, result, _ = run
    potential = load_potential(folder / "potential.pt")
    chosen = json.loads((folder / "split.json").read_text())["valid"]
    labelled = frames_of([frames], Config.model_validate(toy.config(frames)).data)
    metrics = metrics_of(compare(potential, [labelled[i] for i in chosen]))
    assert metrics == pytest.approx(result.metrics, rel=1e-6)
    description = potential.metadata.config[0]
    assert description["training"]["data"]["train"] == [frames.name]


def test_the_best_model_is_in_the_checkpoint(run, frames):
    folder, _, _ = run
    trained = load_trained(folder)
    structure = Structure.from_ase(read(frames, 0))
    potential = load_potential(folder / "potential.pt")
    energy = potential.evaluate([structure])[0].energy - sum(toy.E0[int(z)] for z in structure.numbers)
    graph = graph_of(structure, trained.model.elements, trained.model.cutoff)
    arguments = (graph.edge_vectors, graph.senders, graph.receivers, graph.slots, graph.species, structure.n_atoms)
    assert trained.model(*arguments).sum().item() == pytest.approx(energy, abs=1e-6)
    assert trained.e0 == toy.E0


def test_missing_labels_and_config_type_weights(tmp_path):
    rng = np.random.default_rng(3)
    atoms = [toy.morse_frame(rng, 3 + i % 2) for i in range(8)]
    for i, frame in enumerate(atoms):
        frame.info["config_type"] = "a" if i < 4 else "b"
    del atoms[1].calc.results["energy"], atoms[6].calc.results["forces"]
    write(tmp_path / "f.xyz", atoms, format="extxyz")
    data = {"valid_count": 2, "config_type_weights": {"Default": 2.0, "b": 0.0}}
    result = train(toy.config(tmp_path / "f.xyz", data=data, training={"epochs": 1}), tmp_path / "run")
    assert np.isfinite(result.metrics["forces_rmse_meV_A"])


def test_odd_frames_are_learnt_from(tmp_path):
    """Lone atoms, one atom in a cell far smaller than the cutoff, an atom without neighbours, any order of atoms."""
    rng = np.random.default_rng(6)
    usual = [toy.morse_frame(rng, 4) for _ in range(6)]
    for atoms in usual[:2]:
        forces = atoms.get_forces()[::-1]
        energy = atoms.get_potential_energy()
        atoms.set_positions(atoms.positions[::-1])
        atoms.numbers = atoms.numbers[::-1]
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
    far = toy.morse_frame(rng, 3)
    far.positions[2] += 100.0
    odd = [Atoms("O"), Atoms("O", cell=[1.1, 1.2, 1.3], pbc=True), Atoms("H", cell=[20, 20, 20], pbc=True), far]
    for atoms in odd:
        atoms.calc = SinglePointCalculator(atoms, energy=-2000.0 * len(atoms), forces=np.zeros((len(atoms), 3)))
    write(tmp_path / "f.xyz", [*usual, *odd], format="extxyz")
    settings = toy.config(tmp_path / "f.xyz", data={"valid_count": 4}, loss={"stress": 1.0}, training={"epochs": 2})
    for model in (toy.MODEL, {"name": "fusion_net", "n_channels": 2, "l_max": 1, "cutoff": 3.0, "radial_widths": [4]}):
        result = train({**settings, "model": model}, tmp_path / model["name"])
        assert np.isfinite(result.metrics["forces_rmse_meV_A"]) and result.potential is not None, result.export_failure


def test_several_states(tmp_path):
    rng = np.random.default_rng(4)
    frames = []
    for _ in range(8):
        atoms = toy.morse_frame(rng, 4)
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        energies = np.array([energy, energy + 1.0])
        frames.append(Frame(Structure.from_ase(atoms), energies, np.stack([forces, 0.5 * forces])))
    write_extxyz(tmp_path / "f.xyz", frames)
    settings = toy.config(tmp_path / "f.xyz", data={"valid_count": 2}, training={"epochs": 2})
    result = train({**settings, "model": {**toy.MODEL, "n_outputs": 2}}, tmp_path / "run")
    assert len(result.metrics["states"]) == 2 and result.potential is not None


def test_a_loss_that_is_no_number_stops_the_run(frames, tmp_path, monkeypatch):
    def spoiled(state, work):
        if state.step == 3:
            with torch.no_grad():
                state.model.own.fill_(float("nan"))
        train_batch(state, work)

    monkeypatch.setattr("fusionmd.training.loop.train_batch", spoiled)
    with pytest.raises(ConfigError, match=r"loss became nan .*in epoch 1, batch 4; lower optimizer.learning_rate"):
        train(toy.config(frames, training={"checkpoint_minutes": 0.0}), tmp_path)
    assert torch.isfinite(load_trained(tmp_path).model.own).all()


def test_a_failed_export_leaves_the_checkpoint_and_the_reason(frames, tmp_path, monkeypatch):
    def failing(*arguments, **settings):
        raise ValueError("no luck")

    monkeypatch.setattr("fusionmd.training.finish.export_potential", failing)
    result = train(toy.config(frames, training={"epochs": 1}), tmp_path)
    assert result.potential is None and result.export_failure == "ValueError: no luck"
    assert "no luck" in (tmp_path / "report.html").read_text() and (tmp_path / "checkpoint.pt").exists()


@pytest.mark.parametrize(
    ("sections", "error", "message"),
    [
        ({"e0": {"kind": "isolated"}}, DataError, "no E0 for H, C, O"),
        ({"e0": {"kind": "given", "values": {"H": 1.0}}}, DataError, "no E0 for C, O"),
        ({"e0": {"kind": "given", "values": {"Xx": 1.0}}}, ConfigError, "Xx"),
        ({"data": {"valid_count": 16}}, DataError, "0 frames to train on"),
        ({"data": {"energy_key": "dft"}}, DataError, "no frame has the key 'dft'"),
        ({"data": {"train": "none.xyz"}}, DataError, "none.xyz: no such file"),
        ({"data": {"elements": [1, 6]}}, DataError, r"frame \d+: element O is not among those of this model \(H, C\)"),
        ({"model": {"name": "nothing"}}, ConfigError, "'nothing' is not known"),
        ({"model": {}}, ConfigError, "is not known"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_written(frames, tmp_path, sections, error, message):
    model = sections.get("model", toy.MODEL)
    others = {key: value for key, value in sections.items() if key != "model"}
    settings = toy.config(frames, **{"e0": {"kind": "given", "values": SYMBOLS}, **others})
    with pytest.raises(error, match=message):
        train({**settings, "model": model}, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_two_atoms_at_one_place_are_named_with_their_frame(tmp_path):
    rng = np.random.default_rng(5)
    atoms = [toy.morse_frame(rng, 4) for _ in range(6)]
    atoms[2].positions[1] = atoms[2].positions[0] + 0.01
    write(tmp_path / "f.xyz", atoms, format="extxyz")
    with pytest.raises(DataError, match="frame 2"):
        train(toy.config(tmp_path / "f.xyz", data={"valid_count": 2}), tmp_path / "run")
