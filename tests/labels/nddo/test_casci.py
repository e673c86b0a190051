"""Singlets of the smooth active space: laws, forces, what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from fusionmd.errors import LabelError
from fusionmd.labels.methods import method_of
from fusionmd.labels.nddo import field
from fusionmd.structure import Structure

NUMBERS = np.array([6, 6, 1, 1, 1, 1])
STEP = 1e-3  # angstrom
RESPONSE = 3e-5  # eV/angstrom, what forces may differ by where the field starts elsewhere


@pytest.fixture(autouse=True)
def tight(monkeypatch):
    """Tolerances that leave the equations themselves to be seen."""
    monkeypatch.setattr(field, "TOLERANCE", 1e-12)
    monkeypatch.setattr(field, "RESPONSE_TOLERANCE", 1e-9)


@pytest.fixture(scope="module")
def method(tmp_path_factory):
    path = tmp_path_factory.mktemp("levels") / "ethylene.params"
    path.write_text("GSS C 11.0\nSITE 0 1 2 3\nSITE 1 0 4 5\nACTIVE 0 1\nEND\n")
    return method_of("nddo-am1-casci22", parameters=path)


def ethylene(degrees, pyramid=0.0):
    """Twisted; one carbon bent out of plane, angstrom."""
    angle = np.deg2rad(degrees)
    side = 0.93 * np.array([0, np.cos(angle), np.sin(angle)])
    places = [[0, 0, 0], [1.36, 0, 0], [-0.55, 0.93, pyramid], [-0.55, -0.93, pyramid], side, -side]
    places = np.array(places, dtype=np.float64)
    places[4:, 0] = 1.91
    return places


def energies(method, places):
    return method.label(Structure(NUMBERS, places), []).energies


@pytest.mark.parametrize("degrees, pyramid", [(0, 0.0), (40, 0.3), (90, 0.0), (85, -0.4)])
def test_forces_are_slopes_of_the_energies(method, degrees, pyramid):
    places = ethylene(degrees, pyramid) + np.random.default_rng(0).normal(scale=0.03, size=(6, 3))
    forces = method.label(Structure(NUMBERS, places), [0, 1, 2]).forces
    way = np.random.default_rng(1).normal(size=(6, 3))
    ahead, behind, far, back = (energies(method, places + k * STEP * way) for k in (1, -1, 2, -2))
    slope = (8 * (ahead - behind) - (far - back)) / (12 * STEP)
    assert -np.einsum("sax,ax->s", forces, way) == pytest.approx(slope, abs=5e-6)


def test_rotations_and_reflections_change_nothing(method):
    places = ethylene(50, 0.2)
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    label, turned = (method.label(Structure(NUMBERS, x), [0, 1]) for x in (places, places @ turn.T + 1.0))
    assert turned.energies == pytest.approx(label.energies, abs=1e-7)
    assert turned.forces[:2] == pytest.approx(label.forces[:2] @ turn.T, abs=1e-6)
    assert np.abs(label.forces[:2].sum(axis=1)).max() < 1e-8


def test_the_order_of_atoms_changes_nothing(method, tmp_path):
    path = tmp_path / "other.params"
    path.write_text("GSS C 11.0\nSITE 5 4 3 2\nSITE 4 5 1 0\nACTIVE 4 5\nEND\n")
    other, places = method_of("nddo-am1-casci22", parameters=path), ethylene(50, 0.2)
    swapped = other.label(Structure(NUMBERS[::-1].copy(), places[::-1].copy()), [1])
    label = method.label(Structure(NUMBERS, places), [1])
    assert swapped.energies == pytest.approx(label.energies, abs=1e-7)
    assert swapped.forces[1][::-1] == pytest.approx(label.forces[1], abs=1e-6)


def test_a_half_turn_is_none(method):
    assert energies(method, ethylene(180, 0.25)) == pytest.approx(energies(method, ethylene(0, 0.25)), abs=1e-6)


def test_states_are_smooth_through_the_twist(method):
    """The mean of the states, which knows no crossing: a jump would not let second differences fall with the step."""
    scan = np.array([energies(method, ethylene(degrees, 0.25)) for degrees in np.arange(60.0, 121.0, 0.75)])
    fine, coarse = (np.abs(np.diff(scan[::k].mean(axis=1), n=2)).max() for k in (1, 2))
    assert fine < 0.3 * coarse


def test_the_twisted_diradical_has_two_nearly_equal_excited_states(method):
    gaps = {degrees: np.diff(energies(method, ethylene(degrees))) for degrees in (0, 90)}
    assert gaps[90][1] < 0.3 < gaps[0][1]
    assert gaps[90][0] < gaps[0][0] / 2


def test_a_pair_far_away_is_a_sum(method, tmp_path):
    path = tmp_path / "pair.params"
    path.write_text("GSS C 11.0\nSITE 0 1 2 3\nSITE 1 0 4 5\nEND\n")
    places = ethylene(90, 0.2)
    both = np.concatenate([places, [[0.0, 0, 300], [0.74, 0, 300]]])
    pair = method_of("nddo-am1-casci22", parameters=path).label(Structure([*NUMBERS, 1, 1], both), []).energies
    assert np.diff(pair) == pytest.approx(np.diff(energies(method, places)), abs=0.1)


@pytest.mark.parametrize(
    "lines, said",
    [
        ("SITE 0 1 2 3", "1 are given, 2 are needed"),
        ("SITE 0 1 2 2\nSITE 1 0 4 5", "four different"),
        ("ZZZ C 1.0\nSITE 0 1 2 3\nSITE 1 0 4 5", "AM1 has"),
        ("GSS Si 1.0\nSITE 0 1 2 3\nSITE 1 0 4 5", "AM1 has"),
        ("SITE 0 1 2 9\nSITE 1 0 4 5", "another molecule"),
        ("SITE 0 1 2 3\nSITE 1 0 4 5\nBOND 0 1", "3 are given, 2 are needed"),
        ("SITE 0 1 2 3\nBOND 1 1", "two different"),
        ("SITE 0 1 2 3\nSITE 1 0 4 5\nFILTER 0 1.4", "positive"),
    ],
)
def test_wrong_parameters_are_named(tmp_path, lines, said):
    path = tmp_path / "bad.params"
    path.write_text(f"{lines}\nEND\n")
    with pytest.raises(LabelError, match=said):
        energies(method_of("nddo-am1-casci22", parameters=path), ethylene(0))


def test_odd_electrons_and_wrong_roots_are_refused(method):
    with pytest.raises(LabelError, match="even number"):
        replace(method, charge=1).label(Structure(NUMBERS, ethylene(0)), [])
    with pytest.raises(LabelError, match="root 3"):
        method.label(Structure(NUMBERS, ethylene(0)), [3])


def test_without_parameters_sites_are_missing():
    with pytest.raises(LabelError, match="SITE"):
        method_of("nddo-am1-casci22")


def test_names_tell_settings_apart(method):
    changes = ({}, {"width_eV": 2.0}, {"temperature_eV": 2.0}, {"charge": 1}, {"n_states": 2})
    assert len({replace(method, **change).name for change in changes}) == len(changes)


def test_what_is_found_does_not_depend_on_where_it_starts(method, monkeypatch):
    """With the tolerances that users have."""
    monkeypatch.undo()
    places = ethylene(70, 0.2)
    fresh = replace(method).label(Structure(NUMBERS, places), [1])
    again, near = replace(method), np.random.default_rng(3).normal(scale=0.01, size=places.shape)
    for share in (2.0, 1.0, 0.5):
        again.label(Structure(NUMBERS, places + share * near), [])
    warm = again.label(Structure(NUMBERS, places), [1])
    assert warm.energies == pytest.approx(fresh.energies, abs=1e-6)
    assert warm.forces[1] == pytest.approx(fresh.forces[1], abs=RESPONSE)


def test_one_method_serves_several_molecules(method):
    """Starts of one are not taken for another, though it has as many atoms."""
    one = replace(method, charge=1)
    other = Structure(np.array([6, 7, 1, 1, 1, 1]), ethylene(30))  # CH2NH2+
    expected = replace(one).label(other, []).energies
    with pytest.raises(LabelError, match="even number"):
        energies(one, ethylene(30))
    neutral = replace(method)
    before = energies(neutral, ethylene(30))
    neutral.label(
        Structure(np.array([6, 6, 1, 1, 1, 1, 1, 1]), np.vstack([ethylene(30), [[0, 0, 9], [0.7, 0, 9]]])), []
    )
    assert energies(neutral, ethylene(30)) == pytest.approx(before, abs=1e-6)
    assert one.label(other, []).energies == pytest.approx(expected, abs=1e-6)
