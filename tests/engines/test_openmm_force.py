"""Energies and forces of OpenMM are those of the ASE calculator: molecules, crystals, subsets, states, committees."""

import numpy as np
import openmm
import pytest
import torch
from openmm import app

from fusionmd.potential import export_potential, load_potential
from fusionmd.units import EV_PER_KJ_PER_MOL, NM_PER_ANGSTROM
from fusionmd_openmm import add_potential, create_system
from fusionmd_openmm.force import make_evaluator
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
from tests.toy_model import ToyModel, TwoHopToyModel

STRUCTURES = {"molecule": molecule, "crystal": crystal}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("openmm") / "toy.pt"
    export_potential(TwoHopToyModel(n_outputs=2).double(), path, atomic_energies=E0)
    return path


@pytest.mark.parametrize("kind", STRUCTURES)
@pytest.mark.parametrize("state", [0, 1])
@pytest.mark.parametrize("as_what", ["path", "bytes", "potential"])
def test_same_as_ase(kind, state, as_what, path):
    structure = STRUCTURES[kind]()
    given = {"path": path, "bytes": path.read_bytes(), "potential": load_potential(path)}[as_what]
    system = create_system(topology_of(structure), given, state=state)
    assert system.usesPeriodicBoundaryConditions() == structure.is_periodic
    assert_same(context_of(system, structure.positions), ase_of(structure, path, state=state))


def test_shipped_potential_in_double_precision():
    structure = random_structure(15, edge=6.5, seed=0)
    system = create_system(topology_of(structure), "acac-300K", dtype="float64", compiled="no")
    potential = load_potential("acac-300K", dtype=torch.float64)
    assert_same(context_of(system, structure.positions), ase_of(structure, potential))


def test_states_differ_and_agree_with_numeric_forces(path):
    structure, step = molecule(), 1e-4
    energies = []
    for state in (0, 1):
        context = context_of(create_system(topology_of(structure), path, state=state), structure.positions)
        energies.append(energy_of(context))
        force = forces_of(context)[3, 1]
        shifted = []
        for sign in (1, -1):
            positions = structure.positions.copy()
            positions[3, 1] += sign * step
            context.setPositions(positions * NM_PER_ANGSTROM)
            shifted.append(energy_of(context))
        assert force == pytest.approx((shifted[1] - shifted[0]) / (2 * step), abs=1e-6)
    assert abs(energies[0] - energies[1]) > 1e-3


@pytest.mark.parametrize("kind", STRUCTURES)
def test_a_subset_feels_the_potential_and_the_rest_does_not(kind, path):
    structure = STRUCTURES[kind]()
    n, rng = structure.n_atoms, np.random.default_rng(0)
    numbers, positions = np.full(n + 5, 79), rng.uniform(0, 5, (n + 5, 3))
    atoms = rng.permutation(n + 5)[:n]
    numbers[atoms], positions[atoms] = structure.numbers, structure.positions
    system = openmm.System()
    for _ in numbers:
        system.addParticle(12.0)
    if structure.is_periodic:
        system.setDefaultPeriodicBoxVectors(*structure.cell * NM_PER_ANGSTROM)
    force = add_potential(system, path, numbers=numbers, atoms=atoms, is_periodic=structure.is_periodic, force_group=7)
    assert force.getForceGroup() == 7
    context, reference = context_of(system, positions), ase_of(structure, path)
    assert energy_of(context, groups={7}) == pytest.approx(reference.get_potential_energy(), abs=1e-8)
    expected = np.zeros((n + 5, 3))
    expected[atoms] = reference.get_forces()
    np.testing.assert_allclose(forces_of(context), expected, atol=1e-9, rtol=0)


def test_periodic_as_the_system_is(path):
    structure = crystal()
    topology = topology_of(structure)
    topology.setPeriodicBoxVectors(None)
    system = openmm.System()
    for _ in range(structure.n_atoms):
        system.addParticle(12.0)
    system.setDefaultPeriodicBoxVectors(*structure.cell * NM_PER_ANGSTROM)
    assert not add_potential(system, path, topology).usesPeriodicBoundaryConditions()
    other = openmm.NonbondedForce()
    other.setNonbondedMethod(openmm.NonbondedForce.CutoffPeriodic)
    system.addForce(other)
    assert add_potential(system, path, topology).usesPeriodicBoundaryConditions()


def test_atoms_in_other_cells_change_nothing(path):
    structure = crystal()
    shifts = np.random.default_rng(0).integers(-2, 3, (structure.n_atoms, 3))
    context = context_of(create_system(topology_of(structure), path), structure.positions + shifts @ structure.cell)
    assert_same(context, ase_of(structure, path))


def test_without_reference_energies(path):
    structure = molecule()
    totals = [
        energy_of(context_of(create_system(topology_of(structure), path, **options), structure.positions))
        for options in ({"state": 1}, {"state": 1, "has_references": False})
    ]
    references = sum({1: -13.6, 6: -1030.0, 8: -2039.0}[int(z)] for z in structure.numbers)
    assert totals[0] - totals[1] == pytest.approx(references, abs=1e-8)
    assert abs(totals[1]) < 100


def test_committee_mean(tmp_path):
    export_potential(
        [ToyModel(seed=k).double() for k in range(2)], tmp_path / "c.pt", atomic_energies={1: 0.0, 6: 1.0, 8: 2.0}
    )
    structure = molecule()
    context = context_of(create_system(topology_of(structure), tmp_path / "c.pt"), structure.positions)
    assert_same(context, ase_of(structure, tmp_path / "c.pt"))


def test_large_structures_go_through_blocks(path):
    structure = random_structure(1500, edge=26.0, seed=0, pbc=True)
    evaluator = make_evaluator(path, structure.numbers, is_periodic=True, memory_GB=0.01)
    assert evaluator.potential.graph(structure).n_edges > 5_000
    evaluated = load_potential(path).evaluate([structure])[0]
    energy, forces = evaluator.evaluate(structure.positions, structure.cell)
    assert energy * EV_PER_KJ_PER_MOL == pytest.approx(evaluated.energy, abs=1e-9 * 1500)
    np.testing.assert_allclose(forces * EV_PER_KJ_PER_MOL * NM_PER_ANGSTROM, evaluated.forces[0], atol=1e-9)


def test_skin_saves_searches_and_changes_nothing(path):
    structure = crystal()
    evaluators = [make_evaluator(path, structure.numbers, is_periodic=True, skin=skin) for skin in (0.0, 0.8)]
    rng, positions = np.random.default_rng(0), structure.positions.copy()
    for _ in range(20):
        positions += rng.normal(0, 0.03, positions.shape)
        results = [evaluator.evaluate(positions, structure.cell) for evaluator in evaluators]
        assert results[0][0] == results[1][0]
        np.testing.assert_array_equal(results[0][1], results[1][1])
    searches = [evaluator._workspace.moving.n_searches for evaluator in evaluators]
    assert searches[0] == 20 > 2 * searches[1]


def test_one_atom(path):
    topology = app.Topology()
    topology.addAtom("O", app.element.oxygen, topology.addResidue("O", topology.addChain()))
    context = context_of(create_system(topology, path), np.zeros((1, 3)))
    assert abs(energy_of(context) + 2040.0) < 10
    np.testing.assert_array_equal(forces_of(context), 0.0)
