"""SA-CASSCF from PySCF: gradients are slopes of energies, couplings and strengths those of overlaps of states."""

import json
import sys

import numpy as np
import pytest

from fusionmd.cli.main import run
from fusionmd.data.extxyz import write_extxyz
from fusionmd.data.frame import Frame
from fusionmd.data.read import read_frames
from fusionmd.errors import LabelError
from fusionmd.labels.casscf import Casscf
from fusionmd.labels.methods import method_of
from fusionmd.labels.run import label_frames
from fusionmd.structure import Structure
from fusionmd.units import HARTREE_PER_EV

child = pytest.importorskip("fusionmd.labels.pyscf_child", reason="PySCF is not installed")

# Four hydrogens without symmetry: quick, and nothing vanishes by chance.
H4 = Structure([1, 1, 1, 1], [[0, 0, 0], [0.85, 0.05, 0], [0.1, 0.95, 0.2], [1.05, 1.1, -0.15]])
FORMALDEHYDE = Structure([6, 8, 1, 1], [[0, 0, 0], [0.1, 0, 1.5], [0.93, 0.1, -0.55], [-0.93, 0, -0.6]])
OTHER_STARTS = ([8, 9], [7, 9], [8, 10], [6, 9])
METHOD = method_of("pyscf-casscf22-6-31g", has_couplings=True)
STEP = 1e-3


def moved(step: float) -> Structure:
    positions = H4.positions.copy()
    positions[3, 1] += step
    return Structure(H4.numbers, positions)


def states(structure):
    return child.states_of(METHOD._job(structure, [0]))


def overlap(left, right, orbitals):
    """<left|right> of two states of two electrons above one doubly occupied orbital, from overlaps of orbitals."""
    strings = ([0, 1], [0, 2])
    minors = np.array([[np.linalg.det(orbitals[np.ix_(a, b)]) for b in strings] for a in strings])
    return np.einsum("ij,ik,jl,kl->", left, minors, minors, right)


@pytest.fixture(scope="module")
def found():
    return METHOD.label(H4, [0, 2])


@pytest.fixture(scope="module")
def here():
    return states(H4)


@pytest.fixture(scope="module")
def beside():
    return [states(moved(step)) for step in (STEP, -STEP)]


def test_forces_are_the_slopes_of_the_energies(found, beside):
    slopes = (np.array(beside[0].e_states) - np.array(beside[1].e_states)) / (2 * STEP) / HARTREE_PER_EV
    np.testing.assert_allclose(found.forces[[0, 2], 3, 1], -slopes[[0, 2]], atol=2e-5)
    np.testing.assert_allclose(found.forces[[0, 2]].sum(1), 0, atol=1e-6)
    assert np.isnan(found.forces[1]).all() and (np.diff(found.energies) > 0.1).all()


def test_couplings_are_those_of_overlaps_of_states(found, here, beside):
    """Half the change of the metric is left out of the overlap: that part moves with the electrons."""
    metric = here.mol.intor("int1e_ovlp")
    between = []
    for there in beside:
        orbitals = here.mo_coeff.T @ (metric + there.mol.intor("int1e_ovlp")) / 2 @ there.mo_coeff
        table = np.array([[overlap(a, b, orbitals) for b in there.ci] for a in here.ci])
        between.append(table * np.sign(np.diag(table)))
    slopes = (between[0] - between[1]) / (2 * STEP)
    expected = np.abs([slopes[0, 1], slopes[0, 2], slopes[1, 2]])
    assert expected.max() > 0.05
    np.testing.assert_allclose(np.abs(found.couplings[:, 3, 1]), expected, rtol=1e-4)
    np.testing.assert_allclose(found.couplings.sum(1), 0, atol=1e-6)


def test_strengths_are_those_of_overlaps_in_a_field(found, here):
    moments = []
    for operator in here.mol.intor("int1e_r"):
        ahead, behind = (
            [
                overlap(here.ci[0], here.ci[k], np.eye(len(operator)) + h * here.mo_coeff.T @ operator @ here.mo_coeff)
                for k in (1, 2)
            ]
            for h in (1e-4, -1e-4)
        )
        moments.append((np.array(ahead) - behind) / 2e-4)
    gaps = np.array(here.e_states[1:]) - here.e_states[0]
    np.testing.assert_allclose(found.strengths, 2 / 3 * gaps * (np.array(moments) ** 2).sum(0), rtol=1e-5, atol=1e-8)
    assert found.strengths.min() > 1e-4


def test_density_fitting_changes_little_and_its_forces_are_slopes(found):
    fitted = method_of("pyscf-df-casscf22-6-31g")
    result, ahead, behind = (fitted.label(moved(step), [1]) for step in (0.0, STEP, -STEP))
    slope = (ahead.energies[1] - behind.energies[1]) / (2 * STEP)
    assert 1e-7 < np.abs(result.energies - found.energies).max() < 0.02
    assert abs(result.forces[1, 3, 1] + slope) < 2e-5
    assert result.couplings is None and "density fitting" in fitted.name


def test_the_frontier_orbitals_are_the_default(found):
    same = method_of("pyscf-casscf22-6-31g", active=[2, 3]).label(H4, [0])
    np.testing.assert_allclose(same.energies, found.energies, atol=1e-7)


def test_starts_come_in_order_of_distance():
    ion = Structure([6, 7, 1, 1, 1, 1], np.random.default_rng(1).normal(size=(6, 3)))
    starts = Casscf(4, 3, "6-31g", charge=1, n_starts=6).starts(ion)
    assert starts == [(7, 8, 9), (6, 8, 9), (7, 8, 10), (5, 8, 9), (6, 7, 9), (6, 8, 10)]
    assert Casscf(4, 3, "6-31g", charge=1).starts(ion) == [()]


def test_of_several_starts_the_lowest_average_counts():
    """Stretched formaldehyde: from the frontier orbitals alone it falls into a solution that lies higher."""
    alone, best = (method_of("pyscf-casscf22-sto-3g", n_starts=n).label(FORMALDEHYDE, [0]) for n in (1, 4))
    others = [method_of("pyscf-casscf22-sto-3g", active=active).label(FORMALDEHYDE, [0]) for active in OTHER_STARTS]
    lowest = min(others, key=lambda one: one.energies.mean())
    assert best.energies.mean() < alone.energies.mean() - 0.1
    np.testing.assert_allclose(best.energies, lowest.energies, atol=1e-5)
    np.testing.assert_allclose(best.forces[0], lowest.forces[0], atol=1e-3)


def test_a_frame_that_cannot_be_is_on_record(tmp_path):
    method = method_of("pyscf-casscf22-sto-3g", n_states=2)
    radical = Structure([1, 1, 1], H4.positions[:3])
    failures = label_frames([H4, radical], method, tmp_path / "out.xyz", roots=[0])
    assert "3 electrons" in failures[1]
    assert json.loads((tmp_path / "out.xyz.failures.json").read_text())["n_labelled"] == 1


def test_the_verb_writes_couplings_and_strengths(tmp_path):
    write_extxyz(tmp_path / "in.xyz", [Frame(H4)])
    wanted = ["--method", "pyscf-casscf22-sto-3g", "--states", "2", "--roots", "1", "--active", "2,3", "--couplings"]
    assert run(["label", str(tmp_path / "in.xyz"), *wanted, "-o", str(tmp_path / "out.xyz")]) == 0
    (frame,) = read_frames(tmp_path / "out.xyz")
    assert frame.couplings.shape == (1, 4, 3) and np.abs(frame.couplings).max() > 0.01
    assert np.size(frame.info["oscillator_strengths"]) == 1 and np.isnan(frame.forces[0]).all()
    assert run(["label", str(tmp_path / "in.xyz"), "--active", "0", "-o", str(tmp_path / "out.xyz")]) == 2


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: method_of("pyscf-casscf22-6-31g", n_states=4), "make 3 singlets"),
        (lambda: method_of("pyscf-casscf32-6-31g"), "even number"),
        (lambda: method_of("pyscf-casscf-6-31g"), "not known"),
        (lambda: method_of("pyscf-casscf22-6-31g", active=[2]), "2 different numbers"),
        (lambda: method_of("pyscf-df-casscf22-6-31g", has_couplings=True), "no couplings with density fitting"),
        (lambda: method_of("pyscf-casscf22-6-31g", n_starts=0), "one or more"),
        (lambda: method_of("pyscf-casscf22-6-31g", active=[2, 3], n_starts=2), "one where active"),
        (lambda: method_of("openmolcas-casscf22-6-31g", n_starts=2), "no starts"),
        (lambda: method_of("mopac-am1-ci22", has_couplings=True), "no couplings"),
        (lambda: METHOD.label(H4, [3]), "root 3"),
        (lambda: METHOD.label(H4, []), "no root"),
        (lambda: method_of("pyscf-casscf22-6-32g").label(H4, [0]), "PySCF failed.*basis"),
        (lambda: method_of("pyscf-casscf22-sto-3g", timeout_s=0.01).label(H4, [0]), "longer than"),
    ],
)
def test_what_cannot_be(make, says):
    with pytest.raises(LabelError, match=says):
        make()


def test_numbers_of_singlets():
    assert [Casscf(n, m, "x", n_states=1).n_singlets for n, m in ((2, 2), (4, 4), (6, 6), (2, 3))] == [3, 20, 175, 6]


@pytest.mark.parametrize(("package", "name"), [("pyscf", "pyscf-casscf22-6-31g"), ("mopactools", "mopac-am1-ci22")])
def test_programs_that_are_not_installed(monkeypatch, package, name):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(LabelError, match="not installed; pip install"):
        method_of(name)
