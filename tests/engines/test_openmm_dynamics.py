"""OpenMM moves the atoms as it should: NVE as ASE does it, minimisation, multiple time steps, ring polymers, NPT."""

import numpy as np
import openmm
import pytest
import torch
from ase import units
from ase.io import read
from ase.md.verlet import VelocityVerlet

from fusionmd.engines.ase import FusionCalculator
from fusionmd.errors import ConfigError, PropagationError
from fusionmd.potential import export_potential, load_potential
from fusionmd.structure import Structure
from fusionmd.units import ANGSTROM_PER_NM, FS_PER_PS, KJ_PER_MOL_PER_EV, NM_PER_ANGSTROM
from fusionmd_openmm import Evaluator, create_system, minimize, velocity_verlet
from fusionmd_openmm.settings import Settings
from tests.engines.openmm_systems import (
    E0,
    ase_of,
    assert_same,
    context_of,
    crystal,
    energy_of,
    forces_of,
    molecule,
    topology_of,
)
from tests.potential.conftest import random_structure
from tests.test_examples import EXAMPLES
from tests.toy_model import ToyModel

NM_PER_PS_PER_ASE = NM_PER_ANGSTROM * units.fs * FS_PER_PS  # velocities of ASE to those of OpenMM


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("openmm") / "toy.pt"
    export_potential(ToyModel(n_outputs=2).double(), path, atomic_energies=E0)
    return path


@pytest.fixture
def acetylacetone():
    atoms = read(EXAMPLES / "structures" / "acetylacetone.xyz")
    atoms.calc = FusionCalculator(load_potential("acac-300K", dtype=torch.float64))
    return atoms


def system_of(atoms, **options):
    """The same masses as in ASE."""
    system = create_system(
        topology_of(Structure.from_ase(atoms)), atoms.calc.potential, removes_motion=False, **options
    )
    for index, mass in enumerate(atoms.get_masses()):
        system.setParticleMass(index, mass)
    return system


def positions_of(context, **options):
    """[n_atoms, 3], angstrom."""
    return context.getState(positions=True, **options).getPositions(asNumpy=True)._value * ANGSTROM_PER_NM


def test_nve_is_that_of_ase(acetylacetone):
    atoms, n_steps, timestep = acetylacetone, 200, 0.5
    atoms.set_momenta(
        np.random.default_rng(0).normal(size=(15, 3)) * np.sqrt(atoms.get_masses() * 300 * units.kB)[:, None]
    )
    context = context_of(system_of(atoms), atoms.positions, velocity_verlet(timestep))
    context.setVelocities(atoms.get_velocities() * NM_PER_PS_PER_ASE)
    dynamics = VelocityVerlet(atoms, timestep * units.fs)
    errors, totals = [], []
    for _ in range(n_steps):
        dynamics.run(1)
        context.getIntegrator().step(1)
        state = context.getState(energy=True)
        potential, kinetic = [
            energy._value / KJ_PER_MOL_PER_EV for energy in (state.getPotentialEnergy(), state.getKineticEnergy())
        ]
        errors.append(potential - atoms.get_potential_energy())
        totals.append(potential + kinetic)
    assert np.abs(errors).max() < 1e-5
    assert np.ptp(totals) < 5e-3 * 15
    assert np.abs(positions_of(context) - read(EXAMPLES / "structures" / "acetylacetone.xyz").positions).max() > 0.1


def test_minimiser_of_ours(acetylacetone):
    atoms = acetylacetone
    atoms.rattle(0.05, seed=1)
    context = context_of(system_of(atoms), atoms.positions)
    before, start = energy_of(context), atoms.positions.copy()
    assert minimize(context, force_tolerance=0.01) > 3
    atoms.positions = positions_of(context)
    assert before - energy_of(context) > 0.1 and np.abs(atoms.positions - start).max() < 1.0
    assert np.linalg.norm(atoms.get_forces(), axis=1).max() < 0.01
    with pytest.raises(PropagationError, match="after 1 steps a force of"):
        minimize(context, force_tolerance=1e-9, max_steps=1)


def test_minimiser_of_openmm(path):
    """Held in place by springs, for its first trial step goes far."""
    structure = molecule()
    system = create_system(topology_of(structure), path, removes_motion=False)
    springs = openmm.CustomExternalForce("2e4*((x-x0)^2 + (y-y0)^2 + (z-z0)^2)")
    for name in ("x0", "y0", "z0"):
        springs.addPerParticleParameter(name)
    for index, place in enumerate(structure.positions * NM_PER_ANGSTROM):
        springs.addParticle(index, place)
    system.addForce(springs)
    context = context_of(system, structure.positions)
    before = energy_of(context)
    openmm.LocalEnergyMinimizer.minimize(context, tolerance=0.1)
    assert energy_of(context) < before - 1e-3
    assert np.abs(forces_of(context)).max() < 1e-3


def test_minimiser_keeps_no_constraints(path):
    structure = molecule()
    system = create_system(topology_of(structure), path)
    system.addConstraint(0, 1, 0.1)
    with pytest.raises(ConfigError, match="1 constraints"):
        minimize(context_of(system, structure.positions))


@pytest.mark.parametrize("scale", [0.99, 1.0, 1.01])
def test_boxes_scaled_as_a_barostat_does(scale, path):
    structure = crystal()
    context = context_of(create_system(topology_of(structure), path), structure.positions)
    scaled = Structure(structure.numbers, structure.positions * scale, structure.cell * scale, True)
    context.setPeriodicBoxVectors(*scaled.cell * NM_PER_ANGSTROM)
    context.setPositions(scaled.positions * NM_PER_ANGSTROM)
    assert_same(context, ase_of(scaled, path))


def test_barostat_scales_atoms_and_not_molecules(path):
    structure = crystal()
    system = create_system(topology_of(structure), path, removes_motion=False)
    barostat = openmm.MonteCarloBarostat(5e5, 300, 1)
    barostat.setRandomNumberSeed(1)
    system.addForce(barostat)
    context = context_of(system, structure.positions, openmm.VerletIntegrator(1e-9))
    context.setVelocitiesToTemperature(0)
    assert [len(molecule) for molecule in context.getMolecules()] == [1] * structure.n_atoms
    context.getIntegrator().step(100)
    state = context.getState(positions=True)
    cell = state.getPeriodicBoxVectors(asNumpy=True)._value * ANGSTROM_PER_NM
    positions = state.getPositions(asNumpy=True)._value * ANGSTROM_PER_NM
    assert abs(np.linalg.det(cell) / structure.volume - 1) > 0.02
    moved = positions @ np.linalg.inv(cell) - structure.positions @ np.linalg.inv(structure.cell)
    np.testing.assert_allclose(moved - np.round(moved), 0.0, atol=1e-6)
    assert_same(context, ase_of(Structure(structure.numbers, positions, cell, True), path))


def test_ideal_gas_has_its_volume(tmp_path):
    """<V> = (N + 1) kT / P of N atoms that never meet; were they one rigid molecule, it would be 2 kT / P."""
    export_potential(ToyModel(cutoff=0.3).double(), tmp_path / "gas.pt", atomic_energies={1: 0.0, 6: 0.0, 8: 0.0})
    gas = random_structure(27, edge=30.0, seed=0, pbc=True)
    gas = Structure(gas.numbers, gas.positions, np.eye(3) * 30.0, True)
    temperature, expected = 300.0, gas.volume
    pressure = (gas.n_atoms + 1) * units.kB * temperature / expected
    system = create_system(topology_of(gas), tmp_path / "gas.pt", removes_motion=False)
    barostat = openmm.MonteCarloBarostat(pressure / (1e5 * units.Pascal), temperature, 1)
    barostat.setRandomNumberSeed(1)
    system.addForce(barostat)
    context = context_of(system, gas.positions, openmm.VerletIntegrator(1e-9))
    context.setVelocitiesToTemperature(0)
    volumes = []
    for _ in range(1000):
        context.getIntegrator().step(1)
        volumes.append(context.getState().getPeriodicBoxVolume()._value * ANGSTROM_PER_NM**3)
    assert np.mean(volumes[100:]) == pytest.approx(expected, rel=0.15)
    assert np.std(volumes[100:]) / expected == pytest.approx(28**-0.5, rel=0.3)


class Counting(Evaluator):
    """Counts its calls."""

    n_calls = 0

    def __call__(self, state):
        self.n_calls += 1
        return super().__call__(state)


@pytest.mark.parametrize("n_inner", [1, 4])
def test_multiple_time_steps(n_inner, path):
    """Stiff bonds in the inner loop, the potential in the outer one; with one inner step it is velocity Verlet."""
    structure = molecule()
    counting = Counting(path.read_bytes(), Settings(tuple(structure.numbers.tolist())))
    system = openmm.System()
    for _ in range(8):
        system.addParticle(12.0)
    force, bonds = openmm.PythonForce(counting), openmm.HarmonicBondForce()
    force.setForceGroup(1)
    bonds.addBond(0, 1, np.linalg.norm(structure.positions[0] - structure.positions[1]) * NM_PER_ANGSTROM, 4e5)
    system.addForce(force)
    system.addForce(bonds)
    loops = openmm.MTSIntegrator(0.0002, [(1, 1), (0, n_inner)])
    context, plain = [context_of(system, structure.positions, i) for i in (loops, velocity_verlet(0.2))]
    energies = []
    for chosen in (context, plain):
        chosen.setVelocitiesToTemperature(100, 1)
        counting.n_calls = 0
        chosen.getIntegrator().step(50)
        assert counting.n_calls <= 53
        state = chosen.getState(energy=True)
        energies.append((state.getPotentialEnergy() + state.getKineticEnergy())._value / KJ_PER_MOL_PER_EV)
    if n_inner == 1:
        np.testing.assert_allclose(positions_of(context), positions_of(plain), atol=1e-9)
    else:
        assert np.abs(positions_of(context) - positions_of(plain)).max() > 1e-9
    assert energies[0] == pytest.approx(energies[1], abs=2e-3)


def test_ring_polymers(path):
    structure, n_copies = molecule(), 4
    system = create_system(topology_of(structure), path, removes_motion=False)
    integrator = openmm.RPMDIntegrator(n_copies, 300, 10.0, 0.0001)
    integrator.setRandomNumberSeed(1)
    context = context_of(system, structure.positions, integrator)
    for copy in range(n_copies):
        integrator.setPositions(copy, structure.positions * NM_PER_ANGSTROM)
    integrator.step(30)
    seen = []
    for copy in range(n_copies):
        state = integrator.getState(copy, getPositions=True, getEnergy=True, getForces=True)
        positions = state.getPositions(asNumpy=True)._value * ANGSTROM_PER_NM
        atoms = ase_of(Structure(structure.numbers, positions), path)
        assert state.getPotentialEnergy()._value / KJ_PER_MOL_PER_EV == pytest.approx(
            atoms.get_potential_energy(), abs=8e-9
        )
        forces = state.getForces(asNumpy=True)._value / KJ_PER_MOL_PER_EV * NM_PER_ANGSTROM
        np.testing.assert_allclose(forces, atoms.get_forces(), atol=1e-9, rtol=0)
        seen.append(positions)
    assert np.std(seen, axis=0).max() > 1e-3
    assert context.getSystem().getNumParticles() == 8
