"""Each stress convention against the finite strain of an analytic energy."""

import numpy as np
import pytest

from fusionmd.data.conventions import stress_from_ase, stress_from_virial, voigt_of
from fusionmd.data.read import read_frames
from fusionmd.data.synthetic import synthetic_frames, synthetic_labels
from fusionmd.errors import DataError
from fusionmd.units import GPA_PER_EV_PER_ANGSTROM3

FRAME = synthetic_frames(1, 3, periodic=True)[0]
VOLUME = FRAME.structure.volume


@pytest.fixture(scope="module")
def slope():
    """dE/dstrain [3, 3], eV, by central differences."""
    h, result = 1e-4, np.zeros((3, 3))
    for i, j in np.ndindex(3, 3):
        strain = np.zeros((3, 3))
        strain[i, j] += h / 2
        strain[j, i] += h / 2
        up, down = (synthetic_labels(FRAME.structure.strained(s * strain)).energy for s in (1, -1))
        result[i, j] = (up - down) / (2 * h)
    assert np.abs(np.diag(result)).min() > 1.0
    return result


def test_synthetic_labels_are_derivatives(slope):
    assert FRAME.stress == pytest.approx(slope / VOLUME, abs=1e-6)
    structure, h = synthetic_frames(1, 5)[0].structure, 1e-5
    forces = synthetic_labels(structure).forces
    for atom, axis in [(0, 0), (2, 1), (8, 2)]:
        step = np.zeros((9, 3))
        step[atom, axis] = h
        up, down = (synthetic_labels(structure.with_positions(structure.positions + s * step)).energy for s in (1, -1))
        assert forces[atom, axis] == pytest.approx(-(up - down) / (2 * h), abs=1e-5)


def test_ase_stress_is_the_slope_over_volume(slope):
    for given in (slope / VOLUME, slope.ravel() / VOLUME, voigt_of(slope / VOLUME)):
        assert stress_from_ase(given) == pytest.approx(slope / VOLUME)


def test_quip_virial_is_minus_the_slope(slope):
    for given in (-slope, -slope.ravel(), voigt_of(-slope)):
        assert stress_from_virial(given, VOLUME) == pytest.approx(slope / VOLUME)


CONVENTIONS = {
    "ASE stress": ("stress", lambda slope: slope / VOLUME, {}),
    "MACE stress": ("REF_stress", lambda slope: slope / VOLUME, {}),
    "QUIP virial": ("virial", lambda slope: -slope, {}),
    "MACE virials": ("REF_virials", lambda slope: -slope, {}),
    "own stress": ("s", lambda slope: slope / VOLUME, {"stress_key": "s"}),
    "own virial": ("w", lambda slope: -slope, {"virial_key": "w"}),
}


@pytest.mark.parametrize("key, convention, options", CONVENTIONS.values(), ids=CONVENTIONS)
def test_files_of_every_convention_mean_the_same(tmp_path, slope, key, convention, options):
    frame = read_frames(write_with(tmp_path, key, convention(slope)), **options)[0]
    assert frame.stress == pytest.approx(FRAME.stress, abs=1e-6)


def test_the_named_virial_wins_over_a_stress_nobody_named(tmp_path, slope):
    path = write_with(tmp_path, "virial", -slope, more='stress="9 0 0 0 9 0 0 0 9"')
    assert read_frames(path, virial_key="virial")[0].stress == pytest.approx(FRAME.stress, abs=1e-6)
    assert read_frames(path)[0].stress[0, 0] == 9.0


def test_stress_in_gpa(tmp_path, slope):
    from fusionmd.data.units import Units

    path = write_with(tmp_path, "stress", slope / VOLUME * GPA_PER_EV_PER_ANGSTROM3)
    assert read_frames(path, units=Units(stress="GPa"))[0].stress == pytest.approx(FRAME.stress, abs=1e-6)


def test_virial_needs_a_volume():
    with pytest.raises(DataError, match="the cell spans no volume"):
        stress_from_virial(np.eye(3), 0.0)


def write_with(folder, key, tensor, more=""):
    structure = FRAME.structure
    numbers = " ".join(map(repr, np.ravel(tensor).tolist()))
    lattice = " ".join(map(repr, structure.cell.ravel().tolist()))
    rows = [
        f"{'O' if z == 8 else 'Mg'} {x!r} {y!r} {w!r}"
        for z, (x, y, w) in zip(structure.numbers, structure.positions.tolist(), strict=True)
    ]
    header = f'Lattice="{lattice}" Properties=species:S:1:pos:R:3 pbc="T T T" {key}="{numbers}" {more}'
    path = folder / "a.xyz"
    path.write_text("\n".join([str(len(rows)), header, *rows]) + "\n")
    return path
