"""Landmarks by a protocol: starts, bonds, criteria, what is kept, and what cannot be."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

from fusionmd.cli.main import run
from fusionmd.errors import ConfigError
from fusionmd.workflows.label_landmarks import Row, best
from fusionmd.workflows.label_landmarks_gate import judge
from fusionmd.workflows.label_landmarks_geometry import atoms_of, changed, measured, other_bonds
from fusionmd.workflows.label_landmarks_settings import Change, LandmarkProtocol, Measured, read_protocol

PROTOCOL = """
title: ethylene
reference: planar
force_eV_per_angstrom: 0.1
gap_eV: 0.05
max_evaluations: 14
geometries:
  planar: |
    C 0 0 0
    C 1.34 0.02 0
    H -0.55 0.93 0.05
    H -0.55 -0.93 0
    H 1.89 0.93 0.1
    H 1.89 -0.93 0
coordinates:
  torsion: {dihedral: [2, 0, 1, 4]}
  C=C: {distance: [0, 1]}
landmarks:
  - {name: planar, kind: minimum, states: [0], start: {geometry: planar}, expect: {torsion: [0, 20]}}
  - name: twisted
    kind: constrained
    states: [0]
    start: {landmark: planar, changes: [{dihedral: [2, 0, 1, 4], to: 80}]}
    hold: [{dihedral: [2, 0, 1, 4], at: 90}]
  - {name: hopeless, kind: crossing, states: [0, 1], start: {geometry: planar}}
groups: {lowest: [twisted, hopeless]}
paths:
  - {name: twist, through: [planar, lowest], points: 1}
  - {name: none, through: [planar, hopeless], points: 1}
criteria:
  - {name: barrier, energy: [lowest, 0], above: [planar, 0], at_least: 0.1, at_most: 3}
  - {name: bond, coordinate: C=C, at: planar, value: 1.33, within: 0.03, source: a book}
  - {name: crossing, energy: [hopeless, 1], above: [planar, 1], at_most: 0}
"""


@pytest.fixture
def protocol(tmp_path):
    (tmp_path / "ethylene.yaml").write_text(PROTOCOL)
    return tmp_path / "ethylene.yaml"


def test_the_verb_finds_keeps_and_judges(protocol, tmp_path, capsys):
    words = ["label", "landmarks", str(protocol), "-o", str(tmp_path / "out"), "--json", str(tmp_path / "out.json")]
    assert run(words) == 1
    said = json.loads((tmp_path / "out.json").read_text())
    planar, twisted, hopeless = said["landmarks"]
    assert planar["is_usable"] and planar["relative_eV"][0] == 0 and 1.30 < planar["coordinates"]["C=C"][0] < 1.36
    assert twisted["is_usable"] and twisted["coordinates"]["torsion"][0] == pytest.approx(90, abs=0.1)
    assert not hopeless["is_usable"] and hopeless["reason"] == "too many evaluations"
    assert [one["passed"] for one in said["gate"]] == [True, True, False] and not said["passed"]
    assert said["paths"][0]["energies_eV"][-1][0] == pytest.approx(twisted["relative_eV"][0], abs=1e-4)
    assert said["paths"][1]["reason"] == "no usable hopeless"
    text = capsys.readouterr().out
    assert "no usable landmark" in text and "NO too many evaluations" in text
    assert "| bond | 1.3" in (tmp_path / "out" / "landmarks.md").read_text()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "found").iterdir()}
    protocol.write_text(PROTOCOL.replace("at: 90", "at: 89").replace("0.03, source", "0.0001, source"))
    assert run(words) == 1 and len(kept) == 3
    again = {path.stem for path, time in kept.items() if path.stat().st_mtime_ns != time}
    assert again == {"twisted"}
    assert not json.loads((tmp_path / "out.json").read_text())["gate"][1]["passed"]


def row(name, energies, **changes):
    one = Row(name, [0], np.zeros((6, 3)), np.array(energies), 0.0, 1, None, True, "", [], [], {"C=C": (1.33, 1.35)})
    return replace(one, **changes)


def test_the_lowest_usable_landmark_stands_for_its_group(protocol):
    given = read_protocol(protocol)
    rows = {
        "planar": row("planar", [0.0, 7.0]),
        "twisted": row("twisted", [2.0, 5.0]),
        "hopeless": row("hopeless", [1.0, 6.0], states=[0, 1]),
    }
    assert best(rows, given.groups, "lowest").name == "twisted"
    assert [one.passed for one in judge(given, rows)] == [True, True, True]
    rows["hopeless"] = row("hopeless", [1.0, 2.0])
    assert judge(given, rows)[0].values == (1.0,)
    for flaw in ({"bonds": ["+0-2"]}, {"elsewhere": ["torsion 3"]}, {"n_imaginary": 1}, {"is_converged": False}):
        rows["hopeless"] = row("hopeless", [1.0, 2.0], **flaw)
        assert judge(given, rows)[0].values == (2.0,) and judge(given, rows)[2].values == ()
    rows["planar"] = row("planar", [0.0, 7.0], coordinates={"C=C": (1.33, 1.37)})
    assert not judge(given, rows)[1].passed


def test_what_lies_beyond_a_bond_goes_along():
    ethanol = molecule("CH3CH2OH")
    other, carbon, oxygen, hydrogen = 0, 1, 2, 3
    turned = changed(ethanol, [Change(dihedral=(other, carbon, oxygen, hydrogen), to=60)])
    assert turned.get_dihedral(other, carbon, oxygen, hydrogen) == pytest.approx(60)
    moved = np.flatnonzero(np.linalg.norm(turned.positions - ethanol.positions, axis=1) > 1e-6)
    assert moved.tolist() == [hydrogen]
    longer = changed(
        ethanol, [Change(distance=(carbon, oxygen), to=1.9), Change(angle=(carbon, oxygen, hydrogen), to=90)]
    )
    assert longer.get_distance(carbon, oxygen) == pytest.approx(1.9)
    assert longer.get_distance(oxygen, hydrogen) == pytest.approx(ethanol.get_distance(oxygen, hydrogen))
    assert longer.get_angle(carbon, oxygen, hydrogen) == pytest.approx(90)
    with pytest.raises(ConfigError, match="not among those"):
        changed(ethanol, [Change(angle=(hydrogen, carbon, other), to=100, moves=(oxygen,))])
    with pytest.raises(ConfigError, match="in a ring"):
        changed(molecule("C6H6"), [Change(distance=(0, 1), to=1.6)])


def test_coordinates_and_bonds_are_told():
    ethylene = atoms_of(read_text())
    flat = measured(ethylene.positions, Measured(pyramidalisation=(0, 1, 2, 3)))
    bent = changed(ethylene, [Change(dihedral=(1, 2, 0, 3), to=120, moves=(3,))])
    assert flat[0] < 5 < 20 < measured(bent.positions, Measured(pyramidalisation=(0, 1, 2, 3)))[0] < 90
    low, high = measured(ethylene.positions, Measured(distances=((0, 1), (0, 2))))
    assert low == pytest.approx(1.0816, abs=1e-3) and high == pytest.approx(1.3401, abs=1e-3)
    migrated = ethylene.positions.copy()
    migrated[2] = [1.6, 0.3, 1.0]
    assert other_bonds(ethylene.numbers, migrated, ethylene.positions, []) == ["-0-2", "+1-2"]
    assert other_bonds(ethylene.numbers, migrated, ethylene.positions, [(2, 1)]) == ["-0-2"]


def read_text():
    return LandmarkProtocol.model_validate(
        {"title": "x", "reference": "a", "geometries": {"a": GEOMETRY}, "landmarks": [ENTRY]}
    ).geometries["a"]


GEOMETRY = PROTOCOL.split("planar: |")[1].split("coordinates")[0]
ENTRY = {"name": "a", "kind": "minimum", "states": [0], "start": {"geometry": "a"}}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("H 1.89 -0.93 0", "H 1.89 -0.93", "three coordinates"),
        ("title: ethylene", "titel: ethylene", "did you mean title"),
        ("start: {landmark: planar,", "start: {landmark: later,", "later is not there"),
        ("start: {geometry: planar}, expect", "start: {}, expect", "start from a geometry"),
        ("kind: constrained", "kind: minimum", "hold"),
        ("states: [0, 1], start", "states: [1, 1], start", "two different states"),
        ("states: [0, 1], start", "states: [0, 3], start", "there are 0..2"),
        ("dihedral: [2, 0, 1, 4], to", "dihedral: [2, 0, 1, 9], to", "there are 0..5"),
        ("dihedral: [2, 0, 1, 4], to", "dihedral: [2, 0, 1], to", "give one of"),
        ("groups: {lowest: [twisted, hopeless]}", "groups: {lowest: [twisted, gone]}", "gone is not there"),
        ("coordinate: C=C, at", "coordinate: C-C, at", "C-C is not there"),
        ("within: 0.03, ", "", "go together"),
        ("at_least: 0.1, at_most: 3", "source: none", "give value and within"),
        ("reference: planar", "reference: plane", "plane is not there"),
        ("distance: [0, 1]", "distance: [0, 1], angle: [0, 1, 2]", "give one of"),
        ("title: ethylene", "title: [", "not valid YAML"),
    ],
)
def test_what_is_wrong_in_a_protocol_is_said(protocol, old, new, says, capsys):
    assert old in PROTOCOL
    protocol.write_text(PROTOCOL.replace(old, new))
    assert run(["label", "landmarks", str(protocol), "-o", str(protocol.parent / "out")]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1 and not (protocol.parent / "out").exists()


def test_the_shipped_protocol_is_of_the_molecule_it_names(capsys, tmp_path):
    given = read_protocol("stilbene")
    for text in given.geometries.values():
        atoms = atoms_of(text)
        assert atoms.get_chemical_formula() == "C14H12"
        lengths = atoms.get_all_distances() + 9 * np.eye(26)
        assert 1.08 < lengths.min() and (lengths < 1.6).sum() == 2 * 27
    assert {entry.name for entry in given.landmarks} >= {"cis", "trans", *given.groups["twisted crossing"]}
    assert run(["label", "landmarks", "stilben", "-o", str(tmp_path)]) == 2
    assert "shipped: stilbene" in capsys.readouterr().err


def test_frames_are_labelled_without_the_word(tmp_path, capsys):
    Atoms("H2", [[0, 0, 0], [0.7, 0, 0]]).write(tmp_path / "in.xyz")
    assert run(["label", str(tmp_path / "in.xyz"), "--method", "none", "-o", str(tmp_path / "out.xyz")]) == 2
    assert "'none' is not known" in capsys.readouterr().err
