"""What training makes of frames: labels as arrays, E0, splits, memory settings."""

import subprocess
import sys

import numpy as np
import pytest

from fusionmd.data.frame import Frame
from fusionmd.errors import ConfigError
from fusionmd.structure import Structure
from fusionmd.training.config import Config, DataConfig
from fusionmd.training.frames import energies_of, forces_of, frames_of, stress_of, units_of, weights_of
from fusionmd.training.references import given_energies, references_of
from fusionmd.training.split import random_split, split_frames
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
    data = DataConfig(train=("a.xyz",), energy_unit="kcal/mol")
    assert units_of(tmp_path / "a.xyz", data).energy == "kcal/mol"
    assert units_of(tmp_path / "a.npz", DataConfig(train=("a.npz",))).energy == "kcal/mol"
    assert units_of(tmp_path / "a.xyz", DataConfig(train=("a.xyz",))).energy == "eV"


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
