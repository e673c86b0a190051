"""Reading frames: formats, keys, units; and every kind of bad file with its own message."""

import json

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.io import write

from fusionmd.data.dataset import Dataset
from fusionmd.data.extxyz import parse_comment, write_extxyz
from fusionmd.data.frame import Frame
from fusionmd.data.read import read_frames
from fusionmd.data.synthetic import synthetic_frames
from fusionmd.data.units import Units
from fusionmd.errors import DataError
from fusionmd.structure import Structure
from fusionmd.units import ANGSTROM_PER_BOHR, EV_PER_ANGSTROM3_PER_GPA, EV_PER_HARTREE, EV_PER_KCAL_PER_MOL

WATER = "3\n{}\nO 0 0 0 1 0 0\nH 0.9 0.1 0 0 1 0\nH -0.2 0.95 0 0 0 1\n"
COLUMNS = "Properties=species:S:1:pos:R:3:{}:R:3"


def written(tmp_path, text, name="a.xyz"):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("periodic", [False, True])
def test_extxyz_round_trip_is_exact(tmp_path, periodic):
    frames = synthetic_frames(3, 0, periodic)
    frames[1] = Frame(frames[1].structure, frames[1].energy, config_type="no forces", weights={"energy": 0.5})
    write_extxyz(tmp_path / "a.xyz", frames)
    back = read_frames(tmp_path / "a.xyz")
    assert Dataset(back).data_hash == Dataset(frames).data_hash
    assert back[1].forces is None and back[1].weights == {"energy": 0.5}
    assert Dataset(back).data_hash != Dataset(back[::-1]).data_hash


def test_several_states_round_trip(tmp_path):
    structure = Structure([1, 1], [[0, 0, 0], [0, 0, 1]])
    forces = np.arange(18.0).reshape(3, 2, 3)
    write_extxyz(tmp_path / "a.xyz", [Frame(structure, np.array([-1.0, 0.5, 2.0]), forces)])
    (frame,) = read_frames(tmp_path / "a.xyz")
    assert frame.n_states == 3 and frame.ground_energy == -1.0
    assert np.array_equal(frame.forces, forces)


def test_what_ase_writes_is_read(tmp_path):
    atoms = Atoms("OH", [[0, 0, 0], [0, 0, 1]], cell=[4, 5, 6], pbc=True)
    stress = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    atoms.calc = SinglePointCalculator(atoms, energy=-3.5, forces=[[0, 0, 1], [0, 0, -1]], stress=stress)
    write(tmp_path / "a.xyz", atoms)
    connect(tmp_path / "a.db").write(atoms)
    for name in ("a.xyz", "a.db"):
        (frame,) = read_frames(tmp_path / name, require=("energy", "forces", "stress"))
        assert frame.ground_energy == -3.5 and frame.forces[1].tolist() == [0, 0, -1]
        assert frame.stress.tolist() == [[1, 6, 5], [6, 2, 4], [5, 4, 3]]
        assert frame.structure.pbc == (True, True, True) and frame.structure.cell[2, 2] == 6.0


def test_database_in_atomic_units_says_so_itself(tmp_path):
    database = connect(tmp_path / "a.db")
    database.metadata = {
        "_distance_unit": "Bohr",
        "_property_unit_dict": {"energy": "Hartree", "forces": "Hartree/Bohr"},
    }
    forces = np.arange(12.0).reshape(2, 2, 3)  # [n_atoms, n_states, 3]
    database.write(Atoms("HH", [[0, 0, 0], [0, 0, 2]]), data={"energy": np.array([[-1.0, -0.5]]), "forces": forces})
    (frame,) = read_frames(tmp_path / "a.db")
    assert frame.energy == pytest.approx([-EV_PER_HARTREE, -EV_PER_HARTREE / 2])
    assert frame.forces == pytest.approx(forces.transpose(1, 0, 2) * EV_PER_HARTREE / ANGSTROM_PER_BOHR)
    assert frame.structure.positions[1, 2] == pytest.approx(2 * ANGSTROM_PER_BOHR)


@pytest.mark.parametrize("keys", [("nuclear_charges", "coords", "energies", "forces"), ("z", "R", "E", "F")])
def test_npz_is_kcal_unless_said(tmp_path, keys):
    arrays = [np.array([8, 1]), np.random.default_rng(0).normal(size=(3, 2, 3)), np.arange(3.0), np.ones((3, 2, 3))]
    if keys[0] == "z":
        arrays[2] = arrays[2][:, None]  # sGDML files have [n, 1]
    np.savez(tmp_path / "a.npz", **dict(zip(keys, arrays, strict=True)))
    frames = read_frames(tmp_path / "a.npz")
    assert [frame.ground_energy for frame in frames] == pytest.approx(np.arange(3) * EV_PER_KCAL_PER_MOL)
    assert frames[2].forces == pytest.approx(np.full((2, 3), EV_PER_KCAL_PER_MOL))
    assert frames[0].structure.numbers.tolist() == [8, 1]
    assert read_frames(tmp_path / "a.npz", units=Units())[2].ground_energy == 2.0


def test_key_names_of_mace_and_quip(tmp_path):
    mace = written(tmp_path, WATER.format(COLUMNS.format("REF_forces") + " REF_energy=-5 config_energy_weight=2"))
    quip = written(tmp_path, WATER.format(COLUMNS.format("force") + " energy=-5"), "b.xyz")
    for path in (mace, quip):
        (frame,) = read_frames(path, require=("energy", "forces"))
        assert frame.ground_energy == -5.0 and frame.forces.tolist() == np.eye(3).tolist()
    assert read_frames(mace)[0].weights == {"energy": 2.0}
    own = written(tmp_path, WATER.format(COLUMNS.format("f_dft") + " e_dft=-7 energy=1"), "c.xyz")
    (frame,) = read_frames(own, energy_key="e_dft", forces_key="f_dft")
    assert frame.ground_energy == -7.0 and frame.forces[1, 1] == 1.0 and frame.info["energy"] == 1
    assert read_frames(own, energy_key="")[0].energy is None
    assert read_frames(own, forces_key="forces")[0].forces is None  # a usual name may be absent, another may not
    with pytest.raises(DataError, match="no frame has the key 'f'; the keys are .*'f_dft'.*forces_key"):
        read_frames(own, forces_key="f")
    with pytest.raises(DataError, match="no frame has the key 'forces'; forces may be 'force'"):
        read_frames(quip, forces_key="forces")


def test_units_are_words():
    units = Units("Hartree", "Bohr", forces="kcal/mol/angstrom", stress="GPa")
    assert units.forces_factor == pytest.approx(EV_PER_KCAL_PER_MOL)
    assert units.stress_factor == pytest.approx(EV_PER_ANGSTROM3_PER_GPA)
    assert Units(stress="Hartree/Bohr^3").stress_factor == pytest.approx(EV_PER_HARTREE / ANGSTROM_PER_BOHR**3)
    for wrong in ({"energy": "ev"}, {"length": "A"}, {"forces": "eV"}, {"stress": "Pascal"}):
        with pytest.raises(DataError, match="unknown"):
            Units(**wrong)


def test_comment_values():
    comment = """a=1 b="T F T" c='x y' d=[1, 2.5] flag e="_JSON [1, {\\"k\\": 2}]" f=T "g h"="1 2 3" i=1e-3 j=abc"""
    values = parse_comment(comment)
    assert values["a"] == 1 and values["b"] == [True, False, True] and values["c"] == "x y" and values["flag"] is True
    assert values["d"].tolist() == [1, 2.5] and values["e"] == [1, {"k": 2}] and values["f"] is True
    assert values["g h"].tolist() == [1, 2, 3] and values["i"] == 1e-3 and values["j"] == "abc"


GOOD = WATER.format(COLUMNS.format("forces") + " energy=-1")
LATTICE = 'Lattice="{}" pbc="T T T" ' + COLUMNS.format("forces") + " energy=-1"
BAD_XYZ = {
    "nan position": (GOOD.replace("0.9 0.1", "nan 0.1"), r"a\.xyz, frame 1: positions of atoms \[1\] are NaN"),
    "nan energy": (GOOD.replace("energy=-1", "energy=nan"), "frame 1: energy is NaN"),
    "nan forces": (GOOD.replace("0 1 0\nH", "0 inf 0\nH"), r"frame 1: forces is NaN or infinite \(rows \[1\]"),
    "text energy": (GOOD.replace("energy=-1", "energy=low"), "frame 1: a label is the text 'low'"),
    "empty frame": ("0\n\n", r"frame 1: the frame is empty \(0 atoms\)"),
    "truncated": (GOOD[: GOOD.rindex("H -0.2")], "frame 1: 3 atoms announced, the file ends after 2; is it truncated"),
    "short line": (GOOD.replace("1 0 0\n", "1 0\n"), "frame 1: atom 0 has 6 columns, .* wants 7"),
    "letters": (GOOD.replace("0.95", "0.9x5"), "frame 1: column pos: could not convert"),
    "element": (GOOD.replace("O 0", "Oo 0"), "frame 1: unknown element symbol 'Oo'.*did you mean"),
    "no element": (GOOD.replace("species:S:1", "name:S:1"), "frame 1: no column `species` or `Z`; name the columns"),
    "no position": (GOOD.replace("pos:R", "r:R"), "frame 1: no column `pos`; name the columns"),
    "two atoms short": (GOOD.replace("3\n", "5\n", 1), "frame 1: 5 atoms announced, the file ends after 3"),
    "header": ("hello\n", "frame 1: wanted the number of atoms, got 'hello'"),
    "zero height": (WATER.format(LATTICE.format("4 0 0 0 0 0 0 0 4")), "frame 1: periodic axis 1 has height 0"),
    "lattice": (WATER.format(LATTICE.format("4 4 4")), "frame 1: Lattice has 3 numbers; wanted 9"),
    "twice": (GOOD.replace("energy=-1", "energy=-1 REF_energy=-2"), "frame 1: energy is given twice.*energy_key"),
    "two state counts": (GOOD.replace("energy=-1", 'energy="1 2"').replace("forces:R:3", "forces:R:6"), "columns"),
    "stress shape": (WATER.format(LATTICE.format("4 0 0 0 4 0 0 0 4") + ' stress="1 2 3 4"'), "stress has shape"),
    "lopsided": (WATER.format(LATTICE.format("4 0 0 0 4 0 0 0 4") + ' stress="1 2 0 0 1 0 0 0 1"'), "not symmetric"),
}


@pytest.mark.parametrize("text, message", BAD_XYZ.values(), ids=BAD_XYZ)
def test_bad_xyz_names_file_frame_and_reason(tmp_path, text, message):
    with pytest.raises(DataError, match=message) as caught:
        read_frames(written(tmp_path, GOOD + text))
    assert "a.xyz, frame 1" in str(caught.value)


def test_missing_labels(tmp_path):
    path = written(tmp_path, GOOD + GOOD.replace("energy=-1", "free=-1"))
    assert read_frames(path)[1].energy is None
    with pytest.raises(DataError, match=r"a\.xyz, frame 1: no energy label; .*energy_key.*\['free'\]"):
        read_frames(path, require=("energy", "forces"))
    with pytest.raises(DataError, match="no frame has the key 'dft_energy'; energy may be 'energy'"):
        read_frames(path, energy_key="dft_energy")


def test_bad_files(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_frames(tmp_path / "absent.xyz")
    with pytest.raises(DataError, match="unknown data format '.cif'"):
        read_frames(written(tmp_path, "", "a.cif"))
    with pytest.raises(DataError, match="holds no frames"):
        read_frames(written(tmp_path, "\n", "empty.xyz"))
    with pytest.raises(DataError, match="not a readable .npz"):
        read_frames(written(tmp_path, "no archive", "a.npz"))
    with pytest.raises(DataError, match="not an ASE database"):
        read_frames(written(tmp_path, "no database" * 100, "a.db"))
    assert not (tmp_path / "absent.db").exists()


def test_npz_of_several_states(tmp_path):
    rng = np.random.default_rng(0)
    positions, energies, forces = rng.normal(size=(4, 2, 3)), rng.normal(size=(4, 3)), rng.normal(size=(4, 3, 2, 3))
    forces[1, 2] = np.nan
    np.savez(tmp_path / "states.npz", z=[6, 1], R=positions, E=energies, F=forces)
    frames = read_frames(tmp_path / "states.npz", units=Units())
    np.testing.assert_array_equal([frame.energy for frame in frames], energies)
    np.testing.assert_array_equal([frame.forces for frame in frames], forces)
    np.savez(tmp_path / "fewer.npz", z=[6, 1], R=positions, E=energies[:, :2], F=forces)
    with pytest.raises(DataError, match="n_states, n_atoms"):
        read_frames(tmp_path / "fewer.npz")


def test_bad_npz(tmp_path):
    np.savez(tmp_path / "keys.npz", a=np.zeros(3))
    with pytest.raises(DataError, match=r"holds \['a'\]; wanted the arrays nuclear_charges"):
        read_frames(tmp_path / "keys.npz")
    np.savez(tmp_path / "lengths.npz", z=[1, 1], R=np.zeros((4, 2, 3)), E=np.zeros(3))
    with pytest.raises(DataError, match="array lengths do not match"):
        read_frames(tmp_path / "lengths.npz")


def test_units_of_a_database_must_be_known(tmp_path):
    database = connect(tmp_path / "a.json")
    database.write(Atoms("H"), data={"energy": -1.0})
    content = json.loads((tmp_path / "a.json").read_text())
    assert read_frames(tmp_path / "a.json")[0].ground_energy == -1.0
    assert content
    database = connect(tmp_path / "b.db")
    database.write(Atoms("H"))
    database.metadata = {"_distance_unit": "furlong"}
    with pytest.raises(DataError, match="declare the unit 'furlong'"):
        read_frames(tmp_path / "b.db")
