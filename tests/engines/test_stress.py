"""The stress of ASE and of LAMMPS is the derivative of their own energies by strain: five-point stencil, float64."""

import numpy as np
import pytest

from fusionmd.engines.ase import FusionCalculator
from fusionmd.structure import Structure
from fusionmd.units import GPA_PER_EV_PER_ANGSTROM3
from tests.engines.lammps_case import single_point
from tests.potential.conftest import random_structure

FRAMES = {
    "triclinic": random_structure(20, edge=4.7, seed=2, pbc=True),
    "smaller than the cutoff": random_structure(3, edge=2.6, seed=5, pbc=True),
}
STRAIN = 1e-3
STENCIL = {-2: 1 / 12, -1: -8 / 12, 1: 8 / 12, 2: -1 / 12}  # times f(k h) / h
VOIGT = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]


def strained(structure, i, j, size):
    strain = np.eye(3)
    strain[i, j] += size / 2
    strain[j, i] += size / 2
    return Structure(structure.numbers, structure.positions @ strain, structure.cell @ strain, True)


def by_strain(structure, energies_of):
    """Stress [6], GPa, in the order xx yy zz yz xz xy."""
    steps = [(i, j, k) for i, j in VOIGT for k in STENCIL]
    energies = energies_of([strained(structure, i, j, k * STRAIN) for i, j, k in steps])
    slopes = np.reshape(energies, (6, 4)) @ list(STENCIL.values()) / STRAIN
    return slopes / abs(np.linalg.det(structure.cell)) * GPA_PER_EV_PER_ANGSTROM3


def check(found, expected):
    assert np.abs(expected).max() > 1.0  # GPa
    assert np.abs(found - expected).max() <= 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize("potential", ["two.pt", "net.pt"])
@pytest.mark.parametrize("frame", FRAMES)
def test_ase(frame, potential, potentials):
    atoms = FRAMES[frame].to_ase()
    atoms.calc = FusionCalculator(potentials / potential, compiled="no")

    def energies_of(structures):
        found = []
        for structure in structures:
            other = structure.to_ase()
            other.calc = atoms.calc
            found.append(other.get_potential_energy())
        return found

    stress = atoms.get_stress() * GPA_PER_EV_PER_ANGSTROM3
    check(stress, by_strain(FRAMES[frame], energies_of))


@pytest.mark.usefixtures("lammps_plugin")
@pytest.mark.parametrize("potential", ["two.pt", "net.pt"])
@pytest.mark.parametrize("frame", FRAMES)
def test_lammps(frame, potential, potentials, tmp_path):
    structure = FRAMES[frame]

    def answers(structures):
        return single_point.ask_all(structures, potentials / potential, tmp_path, elements=[1, 6, 8])

    (answer,) = answers([structure])
    stress = -answer.virial / abs(np.linalg.det(structure.cell)) * GPA_PER_EV_PER_ANGSTROM3
    expected = by_strain(structure, lambda structures: [each.energy for each in answers(structures)])
    check(np.array([stress[i, j] for i, j in VOIGT]), expected)
