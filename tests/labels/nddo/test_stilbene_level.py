"""The shipped level of stilbene: excitations where they belong, and no seam where rings turn out of the plane."""

from importlib.resources import files

import numpy as np
import pytest
import yaml
from ase import Atoms

from fusionmd.labels.methods import method_of
from fusionmd.structure import Structure

LEVEL = "nddo-am1-casci22+stilbene"
RING = [8, 9, 10, 11, 12, 13, 21, 22, 23, 24, 25]  # the second one, without C1


@pytest.fixture(scope="module")
def geometries():
    text = files("fusionmd.workflows").joinpath("landmark_protocols/stilbene.yaml").read_text()
    found = {}
    for name, table in yaml.safe_load(text)["geometries"].items():
        rows = [line.split() for line in table.strip().splitlines()]
        found[name] = Atoms([row[0] for row in rows], np.array([row[1:] for row in rows], dtype=np.float64))
    return found


def energies(atoms):
    return method_of(LEVEL).label(Structure(atoms.numbers, atoms.positions), []).energies


@pytest.mark.parametrize("name, wanted", [("cis", 4.5), ("trans", 4.1)])
def test_verticals_are_those_of_the_gate(geometries, name, wanted):
    found = energies(geometries[name])
    assert found[1] - found[0] == pytest.approx(wanted, abs=0.5)


def test_a_turning_ring_leaves_no_seam(geometries):
    """Near 90 degrees ring orbitals take the place of those of the double bond, where orbitals are chosen by energy."""
    atoms, scan = geometries["trans"].copy(), []
    for degrees in np.arange(60.0, 121.0, 2.0):
        atoms.set_dihedral(0, 1, 8, 9, degrees, indices=RING)
        scan.append(energies(atoms))
    fine, coarse = (np.abs(np.diff(np.array(scan)[::k], n=2, axis=0)).max(axis=0) for k in (1, 2))
    assert (fine < 0.35 * coarse + 1e-4).all()
