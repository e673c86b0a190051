"""Labels from MOPAC: energies and forces belong together; what fails is said; a killed run goes on."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from fusionmd.data.continuity import continuity
from fusionmd.data.extxyz import write_extxyz
from fusionmd.data.frame import Frame
from fusionmd.data.read import read_frames
from fusionmd.errors import LabelError
from fusionmd.labels import mopac_output
from fusionmd.labels.methods import method_of
from fusionmd.labels.roots import roots_of
from fusionmd.labels.run import label_frames
from fusionmd.structure import Structure

ETHYLENE = Structure(
    [6, 6, 1, 1, 1, 1],
    [[0, 0, 0], [1.34, 0.02, 0], [-0.55, 0.93, 0.05], [-0.55, -0.93, 0], [1.89, 0.93, 0.1], [1.89, -0.93, 0]],
)
COLLAPSED = Structure([6, 6, 1, 1, 1, 1], np.full((6, 3), 0.01) * np.arange(6)[:, None])
AM1 = method_of("mopac-am1-ci22")


def moved(step: float) -> Structure:
    positions = ETHYLENE.positions.copy()
    positions[2, 1] += step
    return Structure(ETHYLENE.numbers, positions)


def test_forces_are_the_slopes_of_the_energies_of_their_states():
    found = AM1.label(ETHYLENE, [0, 1, 2])
    ahead, behind = (AM1.label(moved(step), [0]).energies for step in (2e-3, -2e-3))
    assert found.forces.shape == (3, 6, 3) and (np.diff(found.energies) > 1).all()
    # State energies are printed to a microelectronvolt.
    np.testing.assert_allclose(found.forces[:, 2, 1], -(ahead - behind) / 4e-3, atol=1.5e-3)
    np.testing.assert_allclose(found.forces.sum(1), 0, atol=1e-5)


def test_every_root_gives_the_same_energies_and_only_its_own_forces():
    low, high = AM1.label(ETHYLENE, [0]), AM1.label(ETHYLENE, [2])
    np.testing.assert_allclose(low.energies, high.energies, atol=2e-5)
    assert np.isnan(low.forces[1:]).all() and np.isnan(high.forces[:2]).all() and np.isfinite(high.forces[2]).all()


def test_replaced_parameters_change_the_energies(tmp_path):
    path = tmp_path / "softer.params"
    path.write_text("GSS C 10.08\nEND\n")
    method = method_of("mopac-am1-ci22", parameters=path)
    assert "softer" in method.name
    assert np.abs(method.label(ETHYLENE, [0]).energies - AM1.label(ETHYLENE, [0]).energies).max() > 0.01
    path.write_text("GSS 10.08\n")
    with pytest.raises(LabelError, match="no parameter"):
        method_of("mopac-am1-ci22", parameters=path)


def test_a_charge_is_given_to_the_molecule():
    cation = Structure([6, 7, 1, 1, 1, 1], ETHYLENE.positions)
    found = method_of("mopac-am1-ci22", charge=1).label(cation, [0])
    assert np.isfinite(found.energies).all()


def test_what_fails_twice_is_left_out_and_on_record(tmp_path):
    failures = label_frames([ETHYLENE, COLLAPSED, moved(0.01)], AM1, tmp_path / "out.xyz", roots=[1], n_jobs=2)
    frames = read_frames(tmp_path / "out.xyz")
    assert list(failures) == [1] and len(frames) == 2
    record = json.loads((tmp_path / "out.xyz.failures.json").read_text())
    assert record["n_labelled"] == 2 and record["failures"]["1"] == failures[1]
    assert np.isnan(frames[0].forces[0]).all() and np.isfinite(frames[0].forces[1]).all()
    with pytest.raises(LabelError, match="no frame of 1"):
        label_frames([COLLAPSED], AM1, tmp_path / "none.xyz", roots=[0])


def test_an_interrupted_run_goes_on_where_it_was(tmp_path):
    structures = [moved(0.01 * k) for k in range(4)]
    label_frames(structures, AM1, tmp_path / "whole.xyz", roots=[0])

    def interrupt(n_done):
        if n_done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        label_frames(structures, AM1, tmp_path / "out.xyz", roots=[0], on_progress=interrupt)
    journal = tmp_path / "out.xyz.journal"
    with open(journal, "a") as file:
        file.write('{"frame": 3, "ener')
    with pytest.raises(LabelError, match="other frames"):
        label_frames(structures, AM1, tmp_path / "out.xyz", roots=[1])
    steps = []
    label_frames(structures, AM1, tmp_path / "out.xyz", roots=[0], on_progress=steps.append)
    assert steps[0] >= 2 and not journal.exists()
    assert (tmp_path / "out.xyz").read_bytes() == (tmp_path / "whole.xyz").read_bytes()


def test_labels_along_a_path_are_continuous_and_another_method_shows(tmp_path):
    label_frames([moved(0.03 * k) for k in range(4)], AM1, tmp_path / "path.xyz", roots=[0, 1, 2])
    frames = read_frames(tmp_path / "path.xyz")
    assert (continuity(frames).jumps, continuity(frames).n_checked) == ((), 9)
    label_frames([moved(0.06)], method_of("mopac-pm3-ci22"), tmp_path / "other.xyz", roots=[0, 1, 2])
    found = continuity([*frames[:2], *read_frames(tmp_path / "other.xyz"), frames[3]])
    assert found.suspects == [1, 2, 3] and {jump.state for jump in found.jumps} == {0, 1, 2}


def test_a_calculation_that_takes_too_long_is_stopped():
    with pytest.raises(LabelError, match="longer than"):
        replace(AM1, timeout_s=0.01).label(ETHYLENE, [0])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: method_of("b3lyp"), "not known"),
        (lambda: method_of("mopac-am1-ci22", n_states=4), "4 states"),
        (lambda: AM1.label(ETHYLENE, [3]), "root 3"),
        (lambda: AM1.label(ETHYLENE, []), "no root"),
        (lambda: roots_of("0,3", 3), "from 0 to 2"),
        (lambda: mopac_output.heat_of_formation(" START OF MOPAC FILE\n"), "HEAT_OF_FORMATION"),
        (lambda: mopac_output.singlet_energies("nothing", root=1, heat_eV=0.0, n_states=3), "no states"),
    ],
)
def test_what_cannot_be(make, says):
    with pytest.raises(LabelError, match=says):
        make()


TABLE = """  STATE       ENERGY (EV)        Q.N.  SPIN   SYMMETRY
         ABSOLUTE     RELATIVE                                X           Y           Z

{}           The "+" symbol indicates the root used.
"""
TRIPLET = "    1    -2.751421    0.000000     1   TRIPLET     A         1.1814      0.0117      0.0206\n"
GROUND = "    1    -2.751421    0.000000     1{}  SINGLET     A\n"
SECOND = "    3{0}    -1.617624    1.133797     2{0}  SINGLET     A\n"
THIRD = "    4    -1.005489    1.745932     3   SINGLET     A         0.1025      0.0010      0.0018\n"


@pytest.mark.parametrize(
    ("rows", "root"),
    [
        (TRIPLET + SECOND.format("+") + THIRD, 2),  # the ground state is left out
        (TRIPLET + SECOND.format(" ") + THIRD, 1),
        (GROUND.format("+").replace("1 ", "1+", 1) + SECOND.format(" ") + THIRD, 1),  # the triplet is left out
    ],
)
def test_states_that_the_table_leaves_out_have_the_energy_before(rows, root):
    energies = mopac_output.singlet_energies(TABLE.format(rows), root=root, heat_eV=0.0, n_states=3)
    assert energies - energies[0] == pytest.approx([0.0, 1.133797, 1.745932], abs=1e-9)
    assert energies[root - 1] == 0.0


def test_a_root_that_is_not_the_one_asked_for():
    with pytest.raises(LabelError, match="another root"):
        mopac_output.singlet_energies(TABLE.format(TRIPLET + SECOND.format("+") + THIRD), root=3, heat_eV=0, n_states=3)


def test_a_table_without_states():
    with pytest.raises(LabelError, match="0 singlets"):
        mopac_output.singlet_energies(TABLE.format(""), root=1, heat_eV=0.0, n_states=3)


def test_gradients_that_are_no_numbers():
    text = " GRADIENTS:KCAL/MOL/ANGSTROM[03]=\n  1.0 NaN 2.0\n OVERLAP_MATRIX[0078]=\n"
    with pytest.raises(LabelError, match="finite"):
        mopac_output.forces(text, 1)


def test_periodic_frames_are_refused(tmp_path):
    crystal = Structure(ETHYLENE.numbers, ETHYLENE.positions, 10 * np.eye(3), True)
    with pytest.raises(LabelError, match="periodic"):
        label_frames([crystal], AM1, tmp_path / "out.xyz", roots=[0])


def test_the_verb(tmp_path):
    write_extxyz(tmp_path / "in.xyz", [Frame(ETHYLENE), Frame(moved(0.02))])
    command = [
        sys.executable,
        "-m",
        "fusionmd.cli",
        "label",
        "in.xyz",
        "--roots",
        "0,1",
        "-o",
        "out.xyz",
        "--jobs",
        "2",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "MOPAC AM1" in done.stdout
    assert [frame.n_states for frame in read_frames(tmp_path / "out.xyz")] == [3, 3]
    wrong = subprocess.run([*command, "--method", "nothing"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert wrong.returncode == 2 and "not known" in wrong.stderr and wrong.stderr.count("\n") == 1
