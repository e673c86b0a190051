"""`verify`: engines that agree pass, an engine that is wrong, fails or is absent where it is required does not."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from fusionmd.errors import ConfigError, UnsupportedStructureError
from fusionmd.potential import export_potential, load_potential
from fusionmd.structure import Structure
from fusionmd.workflows.verify import reference_answers, verify, verify_engines
from fusionmd.workflows.verify_dynamics import drift, engine_dynamics_rows, start_of
from fusionmd.workflows.verify_engine import Answer, Course, engine_rows
from fusionmd.workflows.verify_frames import trial_frames
from fusionmd.workflows.verify_inside import inside_engines
from fusionmd.workflows.verify_lammps import lammps_engines
from fusionmd.workflows.verify_openmm import openmm_engines, refusal
from fusionmd.workflows.verify_rows import Row, Verification
from fusionmd.workflows.verify_subject import in_precision, subject_of
from tests.engines.conftest import lammps_plugin  # noqa: F401
from tests.models.nets import net

E0 = {1: -13.6, 6: -1030.0, 8: -2040.0}
SLAB = Structure([6, 8], [[0.0, 0.0, 0.0], [1.3, 0.2, 0.1]], np.eye(3) * 4.0, [True, True, False])


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Two layers with tensors between them, float64."""
    target = tmp_path_factory.mktemp("verify") / "net.pt"
    export_potential(net(hidden_irreps="0e + 1o", cutoff=3.2), target, atomic_energies=E0)
    return target


@pytest.fixture
def subject(path, tmp_path):
    return subject_of(path, "float64", tmp_path)


@pytest.fixture
def ase(subject):
    return inside_engines(subject)[0]


def changed(engine, *, energy=0.0, force=0.0, virial=0.0):
    """The same engine, with a fault put into its last frame."""

    def answers(frames, state):
        *fine, last = engine.answers(frames, state)
        forces = last.forces.copy()
        forces[-1, 2] += force
        return [*fine, replace(last, energy=last.energy + energy, forces=forces, virial=last.virial + virial)]

    return replace(engine, name="faulty", answers=answers)


def rows_of(engine, subject, frames, *, is_required=False):
    return engine_rows(engine, frames, reference_answers(subject, frames), is_required=is_required)


@pytest.mark.parametrize("largest", [5.0, 400.0])
def test_float32_counts_in_proportion_where_forces_are_beyond_all_measure(largest, ase, subject):
    ((found,),) = reference_answers(subject, [SLAB])
    reference = replace(found, forces=found.forces * largest / np.abs(found.forces).max())

    def passes(fault, dtype):
        answer = Answer(reference.energy, reference.forces[0] + fault, reference.virials[0])
        engine = replace(ase, dtype=dtype, answers=lambda frames, state: [answer])
        return engine_rows(engine, [SLAB], [[reference]], is_required=False)[1].passed

    allowed = 1e-4 * max(1.0, largest / 10.0)
    assert passes(0.9 * allowed, "float32") and not passes(1.1 * allowed, "float32")
    assert not passes(1e-8, "float64")


def test_engines_of_this_process_agree(subject):
    engines = [*inside_engines(subject), *openmm_engines(subject)]
    found = verify_engines(engines, subject, trial_frames(subject.potential))
    assert found.passed, [row for row in found.rows if not row.passed]
    compared = {row.name: row for row in found.rows if not row.is_skipped}
    assert {"ASE: forces, eV/angstrom", "strided inputs: energy, eV/atom", "ASE: NVE drift, eV/atom"} <= set(compared)
    assert all(row.max_error is not None for row in compared.values())
    if find_spec("openmm"):
        assert {"OpenMM: forces, eV/angstrom", "OpenMM: NVE potential energy, eV"} <= set(compared)


@pytest.mark.usefixtures("lammps_plugin")
def test_lammps_agrees_on_one_rank_and_two_in_both_modes(subject):
    found = verify_engines(lammps_engines(subject), subject, trial_frames(subject.potential), require=["lammps"])
    assert found.passed, [row for row in found.rows if not row.passed]
    names = [row.name for row in found.rows]
    for kind in ("1 rank", "2 ranks, expand", "2 ranks, exchange"):
        assert f"LAMMPS, {kind}: virial, relative" in names
    assert "LAMMPS, 1 rank: NVE drift, eV/atom" in names


@pytest.mark.parametrize("fault", [{"energy": 1e-6}, {"force": 1e-8}, {"force": np.nan}, {"virial": 1e-3}])
def test_a_faulty_engine_is_found(fault, ase, subject):
    frames = trial_frames(subject.potential)
    failed = [row for row in rows_of(changed(ase, **fault), subject, frames) if not row.passed]
    (quantity,) = fault
    assert [row.name.split(":")[1].split(",")[0].strip(" s") for row in failed] == [quantity.removesuffix("s")]
    assert not Verification(tuple(failed)).passed


def test_an_engine_that_raises_fails(ase, subject):
    def broken(frames, state):
        raise RuntimeError("it broke")

    (row,) = rows_of(replace(ase, answers=broken), subject, [SLAB])
    assert not row.passed and not row.is_skipped and "it broke" in row.reason


def test_an_answer_of_another_shape_fails(ase, subject):
    short = replace(
        ase, answers=lambda frames, state: [replace(a, forces=a.forces[:1]) for a in ase.answers(frames, state)]
    )
    assert not any(row.passed for row in rows_of(short, subject, [SLAB]))


def test_an_absent_engine_is_skipped_unless_it_is_required(ase, subject):
    absent = replace(ase, missing="not here")
    (row,) = rows_of(absent, subject, [SLAB])
    assert row.is_skipped and row.result == "skipped: not here" and Verification((row,)).passed
    (row,) = rows_of(absent, subject, [SLAB], is_required=True)
    assert not row.is_skipped and not Verification((row,)).passed and "not here" in row.result


@pytest.mark.skipif(find_spec("openmm") is None, reason="package openmm is not installed")
def test_what_openmm_cannot_take_is_said(subject):
    (engine,) = openmm_engines(subject)
    frames = [SLAB, *trial_frames(subject.potential)[:1]]
    skipped, *compared = rows_of(engine, subject, frames)
    assert skipped.is_skipped and "pbc" in skipped.reason and skipped.reason == refusal(SLAB)
    assert len(compared) == 2 and all(row.passed for row in compared)


def test_drift_sees_what_the_time_step_does_not_explain(ase, subject):
    times = np.arange(0.0, 4.0, 0.5)
    wave = np.sin(times) ** 2

    def course(scale, more):
        total = np.repeat(scale * wave, 2)[:15] + more * np.arange(15)
        return Course(total, total)

    coarse = Course(4.0 * wave, 4.0 * wave)
    assert drift(coarse, course(1.0, 0.0)) < 1e-12
    assert drift(coarse, course(1.0, 1e-3)) > 1e-3
    leaking = replace(ase, run=lambda start, **steps: _leaking(ase.run(start, **steps)))
    frame = trial_frames(subject.potential)[0]
    rows, _ = engine_dynamics_rows(leaking, start_of(subject.potential, frame), None)
    assert not rows[0].passed


def _leaking(course):
    return Course(course.potential, course.total + 1e-3 * np.linspace(0.0, 1.0, len(course.total)))


def test_a_file_in_another_precision_has_the_same_weights(tmp_path):
    path = tmp_path / "single.pt"
    export_potential(net(cutoff=3.0).float(), path, atomic_energies=E0)
    (tmp_path / "double.pt").write_bytes(in_precision(path.read_bytes(), "float64", "single.pt"))
    double, known = load_potential(tmp_path / "double.pt"), load_potential(path, dtype=torch.float64)
    assert double.metadata.dtype == double.dtype == "float64"
    frames = trial_frames(double)
    for found, expected in zip(double.evaluate(frames), known.evaluate(frames), strict=True):
        assert np.array_equal(found.forces, expected.forces) and found.energy == expected.energy


def test_wrong_input_is_refused(path):
    with pytest.raises(ConfigError, match="gromacs.*known are openmm, lammps"):
        verify(path, require=["gromacs"])
    with pytest.raises(UnsupportedStructureError, match="frame 0: element Ag"):
        verify(path, [Structure([47], [[0.0, 0.0, 0.0]])])


def test_what_json_holds():
    rows = (Row("a", 1e-12, 1e-9), Row("b", float("inf"), 1e-9), Row("c", None, 1e-9, "absent", False))
    found = Verification(rows).to_dict()
    assert found["checks"][0] == {"name": "a", "max_error": 1e-12, "tolerance": 1e-9, "passed": True}
    assert found["checks"][1] == {"name": "b", "max_error": None, "tolerance": 1e-9, "passed": False}
    assert found["skipped"] == [{"name": "c", "reason": "absent"}] and found["passed"] is False
