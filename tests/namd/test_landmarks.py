"""Minima and crossings where they are known, straight lines in internal coordinates, and the verbs."""

import json

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from scipy.optimize import minimize

from fusionmd.cli.main import run
from fusionmd.errors import ConfigError, DataError
from fusionmd.namd.alignment import aligned, rmsd
from fusionmd.namd.descent import Ending, InternalDescent
from fusionmd.namd.landmarks import crossing, minimum, saddle, seam_gradient
from fusionmd.namd.model_systems import ModelSurfaces
from fusionmd.namd.surfaces import PotentialSurfaces
from fusionmd.namd.vibronic_models import bma, butatriene, pyrazine
from fusionmd.namd.zmatrix import interpolated, zmatrix_of
from fusionmd.potential import export_potential, load_potential
from fusionmd.structure import Structure
from fusionmd.units import ANGSTROM_PER_BOHR
from fusionmd.workflows.namd_landmarks import states_of
from tests.namd.springs import ENERGIES, WATER, MorsePairs

# W11 = W22 and W12 = c y = 0: y = 0 and x = -D/(w1^2 a); in two dimensions that is a point
SEAMS = {bma: 0.0, butatriene: -0.020 / (9.557e-3**2 * 20.07), pyrazine: -0.028 / (3.650e-3**2 * 48.45)}


class LimitedMemory:
    """A way down for analytic models, which have no atoms."""

    def __call__(self, objective, start, *, gradient, max_evaluations):
        options = {"gtol": 0.01 * gradient, "ftol": 0.0, "maxfun": max_evaluations}
        found = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
        return Ending(found.x, "" if found.success else found.message)

    def free(self, place, gradient):
        return gradient


@pytest.mark.parametrize("model", SEAMS, ids=lambda model: model.__name__)
def test_the_crossing_of_a_cone_is_where_algebra_says(model):
    surfaces, start = ModelSurfaces(model()), model().centre + [1.0, 7.0]
    found = crossing(surfaces, start, (0, 1), LimitedMemory(), gap=4e-6, gradient=1e-6, max_evaluations=500)
    assert found.is_converged and found.gap < 4e-6
    np.testing.assert_allclose(found.positions, [SEAMS[model], 0.0], atol=0.05)
    with pytest.raises(ConfigError, match="two different"):
        crossing(surfaces, start, (0, 0), LimitedMemory(), gap=1e-5, gradient=1e-6, max_evaluations=5)


def test_minima_have_no_gradient_and_a_short_search_says_that_it_failed():
    surfaces = ModelSurfaces(butatriene())
    found = minimum(surfaces, np.array([12.0, 9.0]), 0, LimitedMemory(), gradient=1e-7, max_evaluations=500)
    asked = np.array([[True, False]])
    assert found.is_converged and np.abs(surfaces.evaluate(found.positions[None], asked).gradients[0, 0]).max() < 1e-7
    around = found.positions + 1e-2 * np.random.default_rng(0).normal(size=(20, 2))
    assert (surfaces.evaluate(around, np.repeat(asked, 20, axis=0)).energies[:, 0] > found.energies[0]).all()
    short = minimum(surfaces, np.array([12.0, 9.0]), 0, LimitedMemory(), gradient=1e-7, max_evaluations=2)
    assert not short.is_converged and short.n_evaluations <= 3


def test_the_lowest_point_of_a_seam_has_gradients_along_one_line():
    between = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(seam_gradient(3 * between, -1 * between), 0.0, atol=1e-15)
    np.testing.assert_allclose(seam_gradient(between + [0, 0, 1], [0, 0, 1]) @ between, 0.0, atol=1e-15)


@pytest.mark.parametrize("name", ["CH3CH2OH", "C6H6", "H2O", "C2H4"])
def test_lines_in_internal_coordinates_end_where_they_should(name):
    atoms = molecule(name)
    other = atoms.copy()
    other.rattle(0.2, seed=1)
    tree = zmatrix_of(atoms.numbers, [atoms.positions, other.positions])
    line = interpolated(tree, atoms.positions, other.positions, np.linspace(0, 1, 3))
    ones = np.ones(len(atoms))
    for end, wanted in ((line[0], atoms.positions), (line[2], other.positions)):
        np.testing.assert_allclose(aligned(end, wanted, ones), wanted, atol=1e-12)


def test_a_methyl_group_turns_and_its_bonds_keep_their_length():
    atoms = molecule("C2H6")
    turned, expected = atoms.copy(), atoms.copy()
    for one, angle in ((turned, 100), (expected, 50)):
        one.set_dihedral(2, 0, 1, 5, one.get_dihedral(2, 0, 1, 5) + angle, indices=[5, 6, 7])
    tree = zmatrix_of(atoms.numbers, [atoms.positions, turned.positions])
    half = interpolated(tree, atoms.positions, turned.positions, np.array([0.5]))[0]
    assert rmsd(half, expected.positions) < 1e-10
    straight = (atoms.positions + aligned(turned.positions, atoms.positions, np.ones(8))) / 2
    assert rmsd(straight, expected.positions) > 0.05


def test_distances_do_not_see_rotations_and_mirrors_but_see_displacements():
    points = np.random.default_rng(3).normal(size=(6, 3))
    turn = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]
    assert rmsd(points @ turn.T + 3.0, points) < 1e-12 and rmsd(-points @ turn.T, points) < 1e-12
    points[0] += 0.3
    assert 0.05 < rmsd(points, points - 0.3 * np.eye(6, 3) * (np.arange(6) == 0)[:, None]) < 0.3


def test_atoms_on_a_line_are_refused():
    places = np.array([[0.0, 0, 0], [1.1, 0, 0], [-1.1, 0, 0], [2.3, 0, 0]])
    with pytest.raises(DataError, match="on a line"):
        zmatrix_of(np.array([6, 6, 6, 6]), [places])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Water with two states that cross where the bonds are short or long."""
    folder = tmp_path_factory.mktemp("landmarks")
    export_potential(MorsePairs().double(), folder / "two.pt", atomic_energies={1: -13.6, 8: (-2040.0, -2039.0)})
    (folder / "start.xyz").write_text(WATER)
    (folder / "far.xyz").write_text(WATER.replace("0.97 0.00", "1.90 0.30"))
    return folder


def test_the_verbs_find_landmarks_and_the_line_through_them(folder, tmp_path, capsys):
    two = str(folder / "two.pt")
    for words in (
        ["minimum", two, str(folder / "start.xyz"), "-o", str(tmp_path / "s0")],
        ["minimum", two, str(folder / "start.xyz"), "--state", "1", "-o", str(tmp_path / "s1")],
        ["crossing", two, str(folder / "far.xyz"), "-o", str(tmp_path / "x"), "--json", str(tmp_path / "x.json")],
    ):
        assert run(["namd", *words]) == 0
    (found,) = json.loads((tmp_path / "x.json").read_text())["landmarks"]
    frame = ase.io.read(tmp_path / "x" / "landmarks.xyz")
    (checked,) = load_potential(two).evaluate([Structure.from_ase(frame)], states=[0, 1])
    np.testing.assert_allclose(frame.info["energies_eV"], checked.energies, atol=1e-8)
    assert found["is_converged"] and abs(np.diff(checked.energies)[0]) < 0.002
    left = seam_gradient(*checked.forces.reshape(2, -1))
    assert np.abs(left).max() < 0.01 < np.abs(checked.forces).max()
    ends = [str(tmp_path / name / "landmarks.xyz") for name in ("s0", "x", "s1")]
    assert run(["namd", "path", two, *ends, "-o", str(tmp_path / "liic"), "--points", "5"]) == 0
    said = json.loads((tmp_path / "liic" / "path.json").read_text())
    assert said["geometries"] == ["minimum 0", "crossing 0/1", "minimum 1"] and "Z-matrix" in said["interpolation"]
    table = np.genfromtxt(tmp_path / "liic" / "path.csv", delimiter=",", names=True)
    assert len(table) == 11 and table["state_0_eV"][0] == 0
    assert abs(table["state_1_eV"][5] - table["state_0_eV"][5]) < 0.002
    assert (tmp_path / "liic" / "path.png").read_bytes().startswith(b"\x89PNG")
    again = run(["namd", "crossing", two, str(folder / "far.xyz"), "-o", str(tmp_path / "y"), "--max-evaluations", "3"])
    assert again == 1 and "NO" in capsys.readouterr().out


def test_two_sets_of_landmarks_are_compared_by_name(folder, tmp_path, capsys):
    def written(path, stretch, energies):
        frames = ase.io.read(folder / "start.xyz", index=":") * 2
        frames = [frame.copy() for frame in frames]
        frames[1].positions[1, 0] += stretch
        for name, frame, values in zip(("S0", "S1"), frames, energies, strict=True):
            frame.info = {"name": name, "energies_eV": np.array(values)}
        ase.io.write(path, frames, format="extxyz")
        return str(path)

    ours = written(tmp_path / "a.xyz", 0.20, [[-9.0, -4.0], [-8.0, -5.0]])
    theirs = written(tmp_path / "b.xyz", 0.20, [[1.0, 6.0], [2.5, 5.2]])
    assert run(["namd", "landmarks", ours, theirs, "--json", str(tmp_path / "out.json")]) == 0
    first, second = json.loads((tmp_path / "out.json").read_text())["landmarks"]
    assert first["rmsd_angstrom"] < 1e-7 and first["difference_eV"] == [0.0, 0.0]
    np.testing.assert_allclose(second["difference_eV"], [-0.5, -0.2])
    np.testing.assert_allclose(second["gap_difference_eV"], [0.3])
    assert "S1" in capsys.readouterr().out
    assert run(["namd", "landmarks", ours, str(folder / "start.xyz")]) == 2
    assert "equal `name`" in capsys.readouterr().err


def test_what_cannot_be_searched_is_said(folder, tmp_path, capsys):
    for states, said in (("0,7", "0..1"), ("0", "of two"), ("a,b", "like 0,1")):
        words = ["namd", "crossing", str(folder / "two.pt"), str(folder / "far.xyz"), "-o", str(tmp_path / "no")]
        assert run([*words, "--states", states]) == 2 and said in capsys.readouterr().err
    words = ["namd", "path", str(folder / "two.pt"), str(folder / "far.xyz"), "-o", str(tmp_path / "no")]
    assert run(words) == 2 and "two geometries" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()
    assert states_of("1,2") == (1, 2)


OH3 = np.array([8, 1, 1, 1])
NEARLY_PLANAR = np.array([[0.0, 0, 0], [0.97, 0, 0.1], [-0.5, 0.85, 0.12], [-0.47, -0.83, 0.08]]) / ANGSTROM_PER_BOHR


@pytest.fixture(scope="module")
def pyramid(tmp_path_factory):
    """Three hydrogen atoms that want to be nearer to one another than a plane has them."""
    path = tmp_path_factory.mktemp("pyramid") / "two.pt"
    export_potential(MorsePairs().double(), path, atomic_energies=ENERGIES)
    return path


def test_the_saddle_between_two_pyramids_is_planar(pyramid):
    surfaces = PotentialSurfaces(load_potential(pyramid), OH3, masses_amu=np.array([16.0, 1.0, 1.0, 1.0]))
    limits = {"gradient": 1e-5, "max_evaluations": 200}
    found = saddle(surfaces, NEARLY_PLANAR.ravel(), 0, lambda h: InternalDescent(OH3, hessian=h), **limits)
    below = minimum(surfaces, NEARLY_PLANAR.ravel(), 0, InternalDescent(OH3), **limits)
    assert found.is_converged and found.n_imaginary == 1 and found.energies[0] > below.energies[0] + 1e-4
    places = found.positions.reshape(4, 3)
    bonds = places[1:] - places[0]
    assert (
        abs(np.linalg.det(bonds)) < 1e-3 < abs(np.linalg.det(below.positions.reshape(4, 3)[1:] - below.positions[:3]))
    )
    short = saddle(
        surfaces, NEARLY_PLANAR.ravel(), 0, lambda h: InternalDescent(OH3, hessian=h), gradient=1e-9, max_evaluations=2
    )
    assert not short.is_converged and short.reason == "too many evaluations"


def test_the_verb_finds_a_saddle(pyramid, tmp_path):
    ase.io.write(tmp_path / "flat.xyz", Atoms(OH3, NEARLY_PLANAR * ANGSTROM_PER_BOHR))
    said = tmp_path / "said.json"
    words = [
        "namd",
        "saddle",
        str(pyramid),
        str(tmp_path / "flat.xyz"),
        "-o",
        str(tmp_path / "out"),
        "--json",
        str(said),
    ]
    assert run(words) == 0
    (one,) = json.loads(said.read_text())["landmarks"]
    assert one["is_converged"] and one["n_imaginary"] == 1
