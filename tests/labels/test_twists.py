"""Twists: energy, gradient, files that name them."""

import numpy as np
import pytest

from fusionmd.data.read import read_frames
from fusionmd.errors import LabelError
from fusionmd.labels.methods import method_of
from fusionmd.labels.parameters import read_parameters
from fusionmd.labels.run import label_frames
from fusionmd.labels.terms import total
from fusionmd.labels.twists import Twist
from fusionmd.structure import Structure

STEP = 1e-5
TWISTS = (Twist(0, 1, 2, 3, 4, 0.3), Twist(5, 2, 1, 0, 4, -0.2))


def test_the_gradient_is_that_of_the_energy():
    positions = np.random.default_rng(0).normal(size=(6, 3))
    _, gradient = total(TWISTS, positions)
    for place in np.ndindex(6, 3):
        ahead, behind = positions.copy(), positions.copy()
        ahead[place] += STEP
        behind[place] -= STEP
        slope = (total(TWISTS, ahead)[0] - total(TWISTS, behind)[0]) / (2 * STEP)
        assert gradient[place] == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize("degrees", [0, 30, 90, 150])
def test_the_energy_is_the_height_times_the_squared_sine(degrees):
    angle = np.deg2rad(degrees)
    side = np.array([np.cos(angle), np.sin(angle), 0.3])
    positions = np.array([[1.0, 0, 0.5], [0, 0, 0], [0, 0, 1.4], side, -side])
    energy, gradient = Twist(0, 1, 2, 3, 4, 0.25).evaluate(positions)
    assert energy == pytest.approx(0.25 * np.sin(angle) ** 2)
    assert np.abs(gradient.sum(axis=0)).max() < 1e-12


def test_atoms_in_line_have_no_twist():
    positions = np.array([[0.0, 0, -1], [0, 0, 0], [0, 0, 1], [1, 0, 1], [-1, 0, 1]])
    energy, gradient = Twist(0, 1, 2, 3, 4, 0.25).evaluate(positions)
    assert energy == 0.0 and not gradient.any()


def test_a_file_with_twists_shifts_all_states_alike(tmp_path):
    path = tmp_path / "ethylene.params"
    path.write_text("# for ethylene\nTWIST 2 0 1 4 5 0.5\nEND\n")
    places = [[0, 0, 0], [1.34, 0, 0], [-0.55, 0.93, 0], [-0.55, -0.93, 0], [1.9, 0.6, 0.7], [1.9, -0.6, -0.7]]
    ethylene = Structure(np.array([6, 6, 1, 1, 1, 1]), np.array(places))
    plain = method_of("mopac-am1-ci22").label(ethylene, [0])
    twisted = method_of("mopac-am1-ci22", parameters=path).label(ethylene, [0])
    energy, gradient = Twist(2, 0, 1, 4, 5, 0.5).evaluate(ethylene.positions)
    assert energy > 0.1
    assert twisted.energies - plain.energies == pytest.approx(energy, abs=1e-6)
    assert twisted.forces[0] - plain.forces[0] == pytest.approx(-gradient, abs=1e-6)


def test_wrong_lines_are_named(tmp_path):
    path = tmp_path / "bad.params"
    for line, said in (("TWIST 1 0 2 3 0.1", "no parameter"), ("TWIST 1 0 2 3 3 0.1", "atom twice")):
        path.write_text(f"GSS C 10.0\n{line}\nEND\n")
        with pytest.raises(LabelError, match=said):
            read_parameters(path)


def test_a_molecule_without_the_atoms_is_refused(tmp_path):
    path = tmp_path / "other.params"
    path.write_text("TWIST 1 0 2 3 7 0.25\nEND\n")
    hydrogen = Structure(np.array([1, 1]), np.array([[0.0, 0, 0], [0.74, 0, 0]]))
    with pytest.raises(LabelError, match="another molecule"):
        method_of("mopac-am1-ci22", parameters=path).label(hydrogen, [0])


def test_the_name_tells_contents_apart(tmp_path):
    path = tmp_path / "one.params"
    names = set()
    for value in (10.0, 10.1):
        path.write_text(f"GSS C {value}\nEND\n")
        names.add(method_of("mopac-am1-ci22", parameters=path).name)
    assert len(names) == 2


def test_shipped_levels_go_by_name(tmp_path):
    shipped = method_of("mopac-am1-ci22+stilbene")
    assert shipped.name != method_of("mopac-am1-ci22").name
    with pytest.raises(LabelError, match="stilbene"):
        method_of("mopac-am1-ci22+nothing")
    with pytest.raises(LabelError, match="of its own"):
        method_of("mopac-am1-ci22+stilbene", parameters=tmp_path / "other.params")


def test_labels_say_where_the_active_orbitals_are(tmp_path):
    places = [[0, 0, 0], [1.34, 0, 0], [-0.55, 0.93, 0], [-0.55, -0.93, 0], [1.9, 0.93, 0], [1.9, -0.93, 0]]
    ethylene = Structure(np.array([6, 6, 1, 1, 1, 1]), np.array(places))
    found = {}
    for name, atoms in (("carbon", "0 1"), ("hydrogen", "2 3 4 5"), ("all", "0 1 2 3 4 5")):
        path = tmp_path / f"{name}.params"
        path.write_text(f"ACTIVE {atoms}\nEND\n")
        found[name] = method_of("mopac-am1-ci22", parameters=path).label(ethylene, [0]).active_weight
    assert found == pytest.approx({"carbon": 1.0, "hydrogen": 0.0, "all": 1.0}, abs=1e-6)  # pi and pi*
    frames = tmp_path / "labelled.xyz"
    label_frames([ethylene], method_of("mopac-am1-ci22", parameters=path), frames, roots=[0])
    assert read_frames(frames)[0].info["active_weight"] == pytest.approx(found["all"])
    assert method_of("mopac-am1-ci22").label(ethylene, [0]).active_weight is None
