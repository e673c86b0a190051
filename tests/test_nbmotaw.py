"""The split of the alloy data: ends of runs, whole compositions, equal structures; the errors by group."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmarks.nbmotaw import EVERYTHING, GOALS, QUATERNARY, errors_of, groups_of, table
from benchmarks.nbmotaw_split import FILES, PATH, composition_of, kind_of, split_of
from fusionmd.data.audit import leakage
from fusionmd.data.frame import Frame
from fusionmd.data.read import read_frames
from fusionmd.data.splits import load_split
from fusionmd.models import build_model
from fusionmd.potential import load_potential
from fusionmd.potential.export import potential_bytes
from fusionmd.structure import Structure
from fusionmd.training import load_config
from tests.models.nets import ELEMENTS, net

CORNERS = np.array([[0.0, 0, 0], [1.6, 1.6, 1.6]])


def cell_of(rng, numbers, config_type, *, spread=0.1):
    """Two atoms of a strained bcc cell with made-up labels."""
    cell = 3.2 * (np.eye(3) + rng.normal(scale=spread, size=(3, 3)))
    labels = {"energy": float(rng.normal()), "forces": rng.normal(size=(2, 3)), "stress": np.eye(3) * rng.normal()}
    return Frame(Structure(numbers, CORNERS @ cell / 3.2, cell, pbc=True), config_type=config_type, **labels)


def turned(frame, rng):
    rotation = Rotation.random(random_state=int(rng.integers(1000))).as_matrix()
    structure = frame.structure
    moved = Structure(structure.numbers, structure.positions @ rotation, structure.cell @ rotation, pbc=True)
    return Frame(moved, energy=frame.energy, config_type=frame.config_type)


@pytest.fixture(scope="module")
def frames():
    """Binaries of 20 'compositions' (pairs of elements here), two runs, 20 elastic cells with their rotated copies."""
    rng = np.random.default_rng(0)
    pairs = [(a, b) for a in range(3, 8) for b in range(8, 12)]
    binaries = [cell_of(rng, pair, f"A-B_{kind}") for kind in ("unrelax", "relax") for pair in pairs for _ in range(3)]
    runs = [cell_of(rng, (42, 42), name) for name, n in (("Mo_Md", 40), ("Mo_Md_90", 20)) for _ in range(n)]
    elastic = [cell_of(rng, (42, 42), "Mo_Strain_new") for _ in range(20)]
    return [*binaries, *runs, *elastic, *(turned(frame, rng) for frame in elastic)]


def test_every_frame_has_one_part_and_the_shares_are_those_announced(frames):
    split = split_of(frames)
    assert sorted([*split.train, *split.valid, *split.test]) == list(range(len(frames)))
    assert split == split_of(frames)
    for kind, n in Counter(map(kind_of, frames)).items():
        counts = [sum(kind_of(f) == kind for f in part) for part in split.parts(frames).values()]
        assert counts == [pytest.approx(share * n, abs=0.03 * n) for share in (0.85, 0.05, 0.10)], kind


def test_held_out_frames_end_their_run_and_validation_frames_come_before_them(frames):
    split = split_of(frames)
    for name in ("Mo_Md", "Mo_Md_90"):
        run = [index for index, frame in enumerate(frames) if frame.config_type == name]
        train, valid, test = (sorted(set(part) & set(run)) for part in (split.train, split.valid, split.test))
        assert train + valid + test == run and len(test) == 0.1 * len(run) and valid


def test_a_composition_and_its_relaxed_twins_are_in_one_part(frames):
    parts = split_of(frames).parts(frames)
    binaries = {name: [f for f in part if "relax" in f.config_type] for name, part in parts.items()}
    kept = [{composition_of(frame) for frame in part} for part in binaries.values()]
    assert all(kept) and sum(map(len, kept)) == len(set.union(*kept)) == 20


def test_equal_structures_are_in_one_part(frames):
    assert not leakage(split_of(frames).parts(frames))
    half = len(frames) - 20  # without the groups, copies would be torn apart
    assert leakage({"first": frames[:half], "second": frames[half:]})


def test_kinds():
    names = {"Ta-Mo_unrelax": "unrelaxed", "Ta-Mo_relax": "relaxed", "Mo_Strain_new": "elastic", "W_Md_110": "aimd"}
    for name, kind in names.items():
        assert kind_of(Frame(Structure([1], [[0, 0, 0]]), config_type=name)) == kind


def test_the_committed_split_is_that_of_the_configuration(monkeypatch, tmp_path):
    monkeypatch.setenv("FUSIONMD_DATA", str(tmp_path))
    config, split = load_config(PATH.parent / "config.yaml"), load_split(PATH)
    assert tuple(path.name for path in config.data.train) == FILES == tuple(split.files)
    assert config.data.split == PATH and min(map(len, (split.train, split.valid, split.test))) > 100
    model = build_model(config.model, elements=[41, 42, 73, 74])
    assert model.n_hops == 1 and sum(parameter.numel() for parameter in model.parameters()) < 100_000


@pytest.mark.skipif("FUSIONMD_DATA" not in os.environ, reason="FUSIONMD_DATA does not name the folder with nbmotaw/")
def test_the_committed_split_is_made_by_the_script():
    paths = [Path(os.environ["FUSIONMD_DATA"]) / "nbmotaw" / file for file in FILES]
    committed = load_split(PATH, paths)
    made = split_of([frame for path in paths for frame in read_frames(path)])
    assert (committed.train, committed.valid, committed.test) == (made.train, made.valid, made.test)


def test_errors_by_group():
    rng = np.random.default_rng(1)
    names = ("Mo_Md", "Mo_Md", "A-B_relax", "A-B_unrelax", "Mo_Strain_new")
    frames = [cell_of(rng, (1, 8), name, spread=0.02) for name in names]
    content, _ = potential_bytes(net(), atomic_energies=dict.fromkeys(ELEMENTS, 0.0), name="small", frames=())
    groups = groups_of(frames)
    results = errors_of(load_potential(content), groups)
    assert {name: metrics["n_frames"] for name, metrics in results.items()} == {
        "aimd": 2, "unrelaxed": 1, "relaxed": 1, "elastic": 1, EVERYTHING: 5
    }  # fmt: skip
    squares = {name: m["energy_rmse_meV_per_atom"] ** 2 * m["n_frames"] for name, m in results.items()}
    assert squares.pop(EVERYTHING) == pytest.approx(sum(squares.values()))
    rows = {row[0]: row for row in table(results)["rows"]}
    assert rows["elastic"][-1].endswith("(0.5)") and "(" not in rows["relaxed"][-1]
    assert set(GOALS) == {*rows, QUATERNARY} - {"relaxed"}
