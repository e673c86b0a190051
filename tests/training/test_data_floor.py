"""What training makes of frames: labels as arrays, E0, splits, memory settings."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from fusionmd.data.frame import Frame
from fusionmd.data.read import units_of
from fusionmd.data.units import Units
from fusionmd.errors import ConfigError
from fusionmd.structure import Structure
from fusionmd.training.config import Config, DataConfig
from fusionmd.training.frames import energies_of, forces_of, frames_of, given_units, stress_of, weights_of
from fusionmd.training.problem import prepare
from fusionmd.training.references import given_energies, references_of
from fusionmd.training.split import random_split, split_frames
from fusionmd.training.start import Start
from tests.training import toy

WATER = Structure([8, 1, 1], [[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])


def frame(**labels) -> Frame:
    return Frame(WATER, **labels)


def configured(path, **sections) -> Config:
    return Config.model_validate(toy.config(path, **sections))


def test_missing_labels_are_nan_and_plain_ones_are_of_the_ground_state():
    assert np.isnan(energies_of(frame(), 2)).all() and np.isnan(stress_of(frame())).all()
    plain = frame(energy=1.5, forces=np.ones((3, 3)))
    np.testing.assert_array_equal(energies_of(plain, 2), [1.5, np.nan])
    assert (forces_of(plain, 2)[0] == 1).all() and np.isnan(forces_of(plain, 2)[1]).all()
    two = frame(energy=[1.0, 2.0])
    np.testing.assert_array_equal(energies_of(two, 1), [1.0])
    np.testing.assert_array_equal(energies_of(two, 3), [1.0, 2.0, np.nan])


def test_weights_multiply():
    weighted = frame(weights={"all": 2.0, "forces": 0.5})
    assert weights_of(weighted, 3.0) == (6.0, 3.0, 6.0)


def test_units_are_those_of_the_format_unless_given(tmp_path):
    given = given_units(DataConfig(train=("a.xyz",), energy_unit="kcal/mol"))
    nothing = given_units(DataConfig(train=("a.xyz",)))
    assert units_of(tmp_path / "a.xyz", given).energy == "kcal/mol"
    assert units_of(tmp_path / "a.npz", nothing).energy == "kcal/mol"
    assert units_of(tmp_path / "a.npz", {"length": "Bohr"}) == Units("kcal/mol", "Bohr")
    assert units_of(tmp_path / "a.xyz", nothing).energy == "eV"


def test_files_are_read_in_order(tmp_path):
    first, second = (toy.write_frames(tmp_path / f"{seed}.xyz", 3, seed=seed) for seed in (1, 2))
    data = configured(first).data
    together = frames_of([second, first], data)
    apart = [*frames_of([second], data), *frames_of([first], data)]
    assert [f.source for f in together] == [f.source for f in apart] and len(together) == 6


@pytest.mark.parametrize("kind", ["fitted", "given", "isolated"])
def test_references(frames, tmp_path, kind):
    e0: dict = {"kind": kind}
    data = {}
    if kind == "given":
        e0["values"] = {"H": toy.E0[1], "C": toy.E0[6], "O": toy.E0[8]}
    if kind == "isolated":
        atoms = "".join(
            f'1\nProperties=species:S:1:pos:R:3 config_type=isolated_atom energy={energy} pbc="F F F"\n{symbol} 0 0 0\n'
            for symbol, energy in (("H", toy.E0[1]), ("C", toy.E0[6]), ("O", toy.E0[8]))
        )
        (tmp_path / "atoms.xyz").write_text(atoms)
        data["isolated_atoms"] = str(tmp_path / "atoms.xyz")
    config = configured(frames, e0=e0, data=data)
    found = references_of(config, frames_of([frames], config.data), (1, 6, 8))
    # The Morse interaction (some -1 eV per atom) is in the fit.
    assert found == pytest.approx(toy.E0, abs=3.0 if kind == "fitted" else 1e-9)


def with_atoms(frames, path, *, key="energy"):
    """The frames of a file, and one isolated atom of each element between them."""
    lines = [
        f'1\nProperties=species:S:1:pos:R:3 config_type=IsolatedAtom {key}={toy.E0[z]} pbc="F F F"\n{name} 0 0 0\n'
        for name, z in (("H", 1), ("C", 6), ("O", 8))
    ]
    path.write_text("".join([lines[0], frames.read_text(), *lines[1:]]))
    return path


@pytest.mark.parametrize("seed", range(4))
def test_isolated_atoms_among_the_frames_are_found_on_either_side_of_the_split(frames, tmp_path, seed):
    path = with_atoms(frames, tmp_path / "all.xyz")
    config = configured(path, e0={"kind": "isolated"}, data={"valid_count": 9}, training={"seed": seed})
    problem = prepare(config, Start(), dtype=torch.float64, device=torch.device("cpu"))
    assert problem.e0 == pytest.approx(toy.E0)
    assert len(problem.train) + len(problem.valid) == 16 and all(s.n_atoms > 1 for s in problem.train)


def test_a_file_of_atoms_needs_no_forces(frames, tmp_path):
    labels = frames.read_text().replace("energy=", "dft=").replace("forces:R", "f:R")
    (tmp_path / "frames.xyz").write_text(labels)
    (tmp_path / "nothing.xyz").write_text("")
    atoms = with_atoms(tmp_path / "nothing.xyz", tmp_path / "atoms.xyz", key="dft")
    data = {"isolated_atoms": str(atoms), "energy_key": "dft", "forces_key": "f"}
    config = configured(tmp_path / "frames.xyz", e0={"kind": "isolated"}, data=data)
    assert references_of(config, frames_of([tmp_path / "frames.xyz"], config.data), (1, 6, 8)) == pytest.approx(toy.E0)


def test_weights_of_config_types_and_of_frames_reach_the_loss(frames, tmp_path):
    text = frames.read_text().split("\n")
    comments = [i for i, line in enumerate(text) if line.startswith("Properties")]
    for count, i in enumerate(comments):
        text[i] += f" config_type={'ab'[count % 2]}" + (" config_forces_weight=5" if count == 0 else "")
    (tmp_path / "f.xyz").write_text("\n".join(text))
    weights = {"Default": 2.0, "b": 0.25}
    config = configured(tmp_path / "f.xyz", data={"config_type_weights": weights, "valid": str(frames)})
    problem = prepare(config, Start(), dtype=torch.float64, device=torch.device("cpu"))
    assert problem.train[0].weights == (2.0, 10.0, 2.0)  # type a has no weight of its own
    assert {sample.weights for sample in problem.train[1::2]} == {(0.25, 0.25, 0.25)}
    assert {sample.weights for sample in problem.valid} == {(2.0, 2.0, 2.0)}


def test_a_table_with_an_unknown_symbol():
    with pytest.raises(ConfigError, match="e0.values.*Xy"):
        given_energies({"H": -13.6, "Xy": 0.0})


def test_the_random_split_is_a_function_of_seed_and_count():
    data = DataConfig(train=("a.xyz",), valid_fraction=0.25)
    splits = [random_split(data, 20, seed=seed) for seed in (1, 1, 2)]
    assert splits[0] == splits[1] != splits[2]
    assert len(splits[0].valid) == 5 and sorted([*splits[0].train, *splits[0].valid]) == list(range(20))


def test_a_saved_split_gives_the_same_frames(frames, tmp_path):
    from fusionmd.data.splits import save_split

    first = split_frames(configured(frames).data, seed=3)
    save_split(tmp_path / "split.json", first.split, [frames])
    again = split_frames(configured(frames, data={"split": str(tmp_path / "split.json")}).data, seed=99)
    assert [f.source for f in again.valid] == [f.source for f in first.valid]
    assert [f.source for f in again.train] == [f.source for f in first.train]


def test_validation_frames_may_have_files_of_their_own(frames, tmp_path):
    other = toy.write_frames(tmp_path / "valid.xyz", 2, seed=9)
    found = split_frames(configured(frames, data={"valid": str(other)}).data, seed=1)
    assert (len(found.train), len(found.valid), found.split) == (16, 2, None)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_large_blocks_can_be_kept():
    """In a process of its own: the setting holds for good. Kept memory is not given back when it is freed."""
    program = """
from pathlib import Path
import sys
sys.path.insert(0, sys.argv[1])
from fusionmd.training.malloc import keep_large_blocks
import numpy
print(keep_large_blocks())
block = numpy.ones(10_000_000)
del block
print(int(Path("/proc/self/statm").read_text().split()[1]) * 4096 > 80_000_000)
"""
    output = subprocess.run([sys.executable, "-c", program, "."], capture_output=True, text=True, check=True).stdout
    assert output.split() in (["True", "True"], ["False", "False"])
