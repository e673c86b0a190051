"""The ASE calculator."""

import numpy as np
import pytest
from ase import Atoms, units
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.fd import calculate_numerical_forces
from ase.md.verlet import VelocityVerlet

from fusionmd.engines.ase import FusionCalculator
from fusionmd.errors import MissingQuantityError, UnsupportedStructureError
from fusionmd.potential import export_potential, load_potential
from tests.potential.conftest import random_structure
from tests.toy_model import ToyModel, TwoHopToyModel

E0 = {1: -13.6, 6: -1030.0, 8: -2040.0}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("ase") / "toy.pt"
    export_potential(TwoHopToyModel(n_outputs=2).double(), path, atomic_energies=E0)
    return path


@pytest.fixture
def crystal():
    return random_structure(12, edge=5.0, seed=3, pbc=True).to_ase()


@pytest.fixture
def molecule():
    return random_structure(8, edge=4.0, seed=4).to_ase()


def test_results_are_those_of_the_potential(path, crystal):
    from fusionmd.structure import Structure

    crystal.calc = FusionCalculator(path, state=1)
    expected = load_potential(path).evaluate([Structure.from_ase(crystal)], states=1)[0]
    assert crystal.get_potential_energy() == pytest.approx(expected.energies[1], rel=1e-14)
    assert crystal.get_potential_energies().sum() == pytest.approx(crystal.get_potential_energy(), rel=1e-14)
    np.testing.assert_allclose(crystal.get_forces(), expected.forces[0], atol=1e-13)
    np.testing.assert_allclose(crystal.get_stress(voigt=False), expected.stresses[0], atol=1e-14)
    np.testing.assert_allclose(crystal.calc.results["state_energies"], expected.energies)
    assert crystal.get_potential_energy(force_consistent=True) == crystal.get_potential_energy()


def test_forces_and_stress_are_derivatives(path, crystal):
    crystal.calc = FusionCalculator(path)
    numeric = calculate_numerical_forces(crystal, eps=1e-4, iatoms=[0, 5])
    np.testing.assert_allclose(crystal.get_forces()[[0, 5]], numeric, atol=1e-6)
    strained, step = [crystal.copy() for _ in range(2)], 1e-4
    for atoms, sign in zip(strained, (1, -1), strict=True):
        atoms.set_cell(atoms.cell @ np.diag([1, 1, 1 + sign * step]), scale_atoms=True)
        atoms.calc = crystal.calc
    slope = (strained[0].get_potential_energy() - strained[1].get_potential_energy()) / (2 * step)
    assert crystal.get_stress()[2] == pytest.approx(slope / crystal.get_volume(), abs=1e-7)


def test_no_stress_without_a_cell(path, molecule):
    molecule.calc = FusionCalculator(path)
    molecule.get_forces()
    with pytest.raises(PropertyNotImplementedError):
        molecule.get_stress()


def test_skin_changes_nothing_while_atoms_move(path, crystal):
    calculators = [FusionCalculator(load_potential(path), skin=skin) for skin in (0.0, 0.8)]
    rng = np.random.default_rng(0)
    for step in range(30):
        crystal.positions += rng.normal(0, 0.04, crystal.positions.shape)
        if step == 15:
            crystal.set_cell(crystal.cell * 1.03, scale_atoms=True)
        forces = [calc.get_forces(crystal) for calc in calculators]
        np.testing.assert_allclose(forces[0], forces[1], atol=1e-11)
    assert calculators[1].neighbors.n_searches < 15 < calculators[0].neighbors.n_searches


def test_other_atoms_through_the_same_calculator(path, crystal, molecule):
    calc = FusionCalculator(path)
    fresh = [FusionCalculator(path).get_forces(atoms) for atoms in (crystal, molecule)]
    other = molecule.copy()
    other.numbers[0] = 8 if other.numbers[0] != 8 else 1
    for atoms, expected in [(crystal, fresh[0]), (molecule, fresh[1]), (crystal, fresh[0])]:
        np.testing.assert_allclose(calc.get_forces(atoms), expected, atol=1e-12)
    calc.get_forces(molecule)
    np.testing.assert_allclose(calc.get_forces(other), FusionCalculator(path).get_forces(other), atol=1e-12)


def test_energy_is_conserved(path, molecule):
    molecule.calc = FusionCalculator(path)
    molecule.set_velocities(np.random.default_rng(1).normal(0, 0.02, (8, 3)))
    dynamics, totals = VelocityVerlet(molecule, 0.25 * units.fs), []
    for _ in range(40):
        dynamics.run(5)
        totals.append(molecule.get_total_energy())
    assert np.ptp(totals) < 2e-3 * max(np.ptp([molecule.get_kinetic_energy()] + [0]), 1.0)


def test_committee_reports_its_spread(tmp_path, molecule):
    export_potential([ToyModel(seed=k) for k in range(2)], tmp_path / "c.pt", atomic_energies=E0)
    molecule.calc = FusionCalculator(tmp_path / "c.pt")
    molecule.get_forces()
    assert molecule.calc.results["energy_std"] > 0 and molecule.calc.results["forces_std"].shape == (8, 3)


def test_bad_input(path, molecule):
    with pytest.raises(MissingQuantityError, match="states 0..1"):
        FusionCalculator(path, state=2)
    gold = Atoms("Au")
    gold.calc = FusionCalculator(path)
    with pytest.raises(UnsupportedStructureError, match="element Au"):
        gold.get_forces()
