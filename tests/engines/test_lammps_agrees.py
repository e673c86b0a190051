"""LAMMPS gives what the ASE calculator gives: every boundary, decomposition, mode and unit system."""

import numpy as np
import pytest

from fusionmd.engines.ase import FusionCalculator
from fusionmd.structure import Structure
from tests.engines.lammps_case import ask
from tests.potential.conftest import random_structure

pytestmark = pytest.mark.usefixtures("lammps_plugin")

SYSTEMS = {
    "triclinic": random_structure(24, edge=7.0, seed=2, pbc=True),
    "smaller than the cutoff": random_structure(3, edge=2.9, seed=5, pbc=True),
    "one atom": Structure([6], [[0.1, 0.2, 0.3]], np.eye(3) * 2.1 + np.eye(3, k=1) * 0.3, True),
    "molecule": random_structure(9, edge=5.0, seed=3),
    "slab": random_structure(18, edge=6.0, seed=4, pbc=[True, True, False]),
}


def check(structure, path, answer, state=0):
    atoms = structure.to_ase()
    atoms.calc = FusionCalculator(path, state=state, compiled="no")
    forces = atoms.get_forces()
    assert abs(answer.energy - atoms.get_potential_energy()) <= 1e-9 * len(atoms)
    assert np.abs(answer.forces - forces).max() <= 1e-9
    assert np.abs(answer.energies - atoms.get_potential_energies()).max() <= 1e-9
    if all(structure.pbc):
        virial = -atoms.get_stress(voigt=False) * atoms.get_volume()
        assert np.abs(answer.virial - virial).max() <= 1e-9 * max(1.0, np.abs(virial).max())


@pytest.mark.parametrize("potential", ["one.pt", "two.pt", "net.pt"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_one_rank(system, potential, potentials, tmp_path):
    answer = ask(SYSTEMS[system], potentials / potential, tmp_path)
    check(SYSTEMS[system], potentials / potential, answer)
