"""The audit: clean data give nothing, each planted defect gives its finding, and only that kind of it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from fusionmd.data.audit import audit_files, audit_frames, leakage
from fusionmd.data.consistency import consistency
from fusionmd.data.duplicates import duplicates
from fusionmd.data.extxyz import write_extxyz
from fusionmd.data.frame import Frame
from fusionmd.data.synthetic import E0, synthetic_frames
from fusionmd.data.unit_signs import hydrogen_bond_stiffness, total_energy_unit
from fusionmd.structure import Structure
from fusionmd.units import EV_PER_HARTREE, EV_PER_KCAL_PER_MOL, GPA_PER_EV_PER_ANGSTROM3

MOLECULES = synthetic_frames(40, 0)
CRYSTALS = synthetic_frames(40, 0, periodic=True)
KCAL = 1.0 / EV_PER_KCAL_PER_MOL


def scaled(frames, energy=1.0, forces=1.0, stress=1.0):
    return [
        replace(
            f,
            energy=f.energy * energy,
            forces=f.forces * forces,
            stress=None if f.stress is None else f.stress * stress,
        )
        for f in frames
    ]


def changed(frames, index, **labels):
    return [replace(f, **labels) if i == index else f for i, f in enumerate(frames)]


def found(frames, level=("error", "warning")):
    return {finding.check for finding in audit_frames(frames) if finding.level in level}


@pytest.mark.parametrize("frames", [MOLECULES, CRYSTALS], ids=["molecules", "crystals"])
def test_clean_data_are_clean(frames):
    assert audit_frames(frames) in ([], [f for f in audit_frames(frames) if f.level == "info"])


WRONG_UNITS = {
    "all in kcal/mol": (scaled(MOLECULES, KCAL, KCAL), ["all electrons in kcal/mol", "forces look like kcal/mol"]),
    "all in Hartree": (
        scaled(MOLECULES, 1 / EV_PER_HARTREE, 0.529 / EV_PER_HARTREE),
        ["all electrons in Hartree", "forces look like Hartree/Bohr"],
    ),
    "energy in kcal/mol": (scaled(MOLECULES, KCAL), ["all electrons in kcal/mol", "energies change 2"]),
    "forces in kcal/mol": (scaled(MOLECULES, 1.0, KCAL), ["forces look like kcal/mol", "energies change 0.04"]),
    "stress in GPa": (scaled(CRYSTALS, stress=GPA_PER_EV_PER_ANGSTROM3), ["stress says; is it in GPa"]),
}


@pytest.mark.parametrize("frames, messages", WRONG_UNITS.values(), ids=WRONG_UNITS)
def test_wrong_units_are_noticed(frames, messages):
    errors = [
        finding.message for finding in audit_frames(frames) if finding.check == "units" and finding.level == "error"
    ]
    for message in messages:
        assert any(message in error for error in errors), errors


def test_wrong_signs_are_noticed():
    assert "stress sign" in found(scaled(CRYSTALS, stress=-1.0), ["error"])
    assert "sign" in found(scaled(MOLECULES, forces=-1.0), ["error"])


def test_energies_without_all_electrons_are_judged_by_forces_alone():
    """Atomisation energies say nothing about their unit by size."""
    shifted = [replace(f, energy=f.energy - sum(E0[int(z)] for z in f.structure.numbers)) for f in MOLECULES]
    assert total_energy_unit(shifted) is None and not found(shifted)
    assert "units" in found(scaled(shifted, KCAL), ["error"])


def test_judges_are_right_about_correct_data():
    assert total_energy_unit(MOLECULES) == "eV"
    assert 6.0 < hydrogen_bond_stiffness(MOLECULES) < 90.0
    molecules, crystals = consistency(MOLECULES), consistency(CRYSTALS)
    assert molecules.forces == pytest.approx(1.0, abs=0.2) and np.isnan(molecules.stress)
    assert crystals.stress == pytest.approx(1.0, abs=0.1)


def test_consistency_sees_through_rotation():
    turned = [
        replace(f, structure=f.structure.with_positions(f.structure.positions @ r), forces=f.forces @ r)
        for f, r in zip(MOLECULES, Rotation.random(40, random_state=1).as_matrix(), strict=True)
    ]
    assert consistency(turned).forces == pytest.approx(consistency(MOLECULES).forces, abs=1e-6)


DEFECTS = {
    "missing forces": (changed(MOLECULES, 3, forces=None), "missing", (3,)),
    "zero energy": (changed(MOLECULES, 3, energy=np.array(0.0)), "zero", (3,)),
    "energy outlier": (changed(MOLECULES, 3, energy=MOLECULES[3].energy + 90.0), "outlier", (3,)),
    "force outlier": (changed(MOLECULES, 3, forces=MOLECULES[3].forces + 60.0 * np.eye(9, 3)), "outlier", (3,)),
    "net force": (changed(MOLECULES, 3, forces=MOLECULES[3].forces + 0.1), "net force", (3,)),
    "duplicate": ([*MOLECULES, MOLECULES[5]], "duplicates", (40,)),
    "contradiction": ([*MOLECULES, replace(MOLECULES[5], energy=MOLECULES[5].energy + 0.1)], "contradiction", (5, 40)),
}


@pytest.mark.parametrize("frames, check, where", DEFECTS.values(), ids=DEFECTS)
def test_defects_are_located(frames, check, where):
    located = [tuple(finding.frames) for finding in audit_frames(frames) if finding.check == check]
    assert where in located, audit_frames(frames)


def test_states_out_of_order_are_noticed():
    gaps = [[0.0, -1.0 if i == 3 else 1.0] for i in range(len(MOLECULES))]
    states = [replace(f, energy=f.energy + np.array(gap), forces=None) for f, gap in zip(MOLECULES, gaps, strict=True)]
    assert [tuple(f.frames) for f in audit_frames(states) if f.check == "state order"] == [(3,)]


def test_close_atoms_are_an_error():
    near = Frame(Structure([1, 1], [[0, 0, 0], [0, 0, 0.05]]), 1.0, source="n, frame 0")
    assert "close atoms" in found([near], ["error"])
    assert found([], ["error"]) == {"empty"}


def test_duplicates_are_found_moved_turned_and_reordered():
    first = MOLECULES[0].structure
    order, turn = np.random.default_rng(0).permutation(9), Rotation.from_euler("xyz", [0.3, 1.1, -2.0]).as_matrix()
    again = Structure(first.numbers[order], first.positions[order] @ turn + 5.0)
    nudged = Structure(first.numbers, first.positions + 1e-3 * np.eye(9, 3))
    swapped = Structure(first.numbers[[2, 1, 0, *range(3, 9)]], first.positions)
    frames = [Frame(s) for s in (first, MOLECULES[1].structure, again, nudged, swapped)]
    assert duplicates(frames) == [(0, 2)]


def test_wrapped_crystals_are_duplicates():
    first = CRYSTALS[0].structure
    moved = Structure(first.numbers, first.positions + first.cell[0] - 2 * first.cell[2] + 0.4, first.cell, True)
    assert duplicates([Frame(first), Frame(CRYSTALS[1].structure), Frame(moved)]) == [(0, 2)]


def test_leakage_between_sets():
    (finding,) = leakage({"train": MOLECULES[:10], "test": [*MOLECULES[10:20], MOLECULES[4]]})
    assert (
        finding.level == "error"
        and tuple(finding.frames) == (10,)
        and "1 frames of test are also in train" in finding.message
    )
    assert leakage({"train": MOLECULES[:10], "test": MOLECULES[10:20]}) == []


def test_files_are_audited_frame_by_frame(tmp_path):
    write_extxyz(tmp_path / "a.xyz", MOLECULES[:12])
    write_extxyz(tmp_path / "b.xyz", [*MOLECULES[20:25], MOLECULES[0]])
    text = (tmp_path / "b.xyz").read_text()
    (tmp_path / "b.xyz").write_text(
        text.replace('energy="', 'energy="nan', 1).replace('energy="nan-', 'energy="nan" x="', 1)
    )
    result = audit_files([tmp_path / "a.xyz", tmp_path / "b.xyz", tmp_path / "none.xyz"])
    assert result[str(tmp_path / "a.xyz")].n_frames == 12 and result[str(tmp_path / "b.xyz")].n_frames == 5
    unreadable = [f for f in result[str(tmp_path / "b.xyz")].findings if f.check == "unreadable"]
    assert [tuple(f.frames) for f in unreadable] == [(0,)] and "energy is NaN" in unreadable[0].message
    assert [(f.check, tuple(f.frames)) for f in result["between files"].findings] == [("leakage", (5,))]
    assert "no such file" in result[str(tmp_path / "none.xyz")].findings[0].message
