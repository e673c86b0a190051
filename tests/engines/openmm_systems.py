"""Structures as OpenMM sees them, and what OpenMM says of them in eV and angstrom."""

import numpy as np
import openmm
import pytest
from openmm import app, unit

from fusionmd.engines.ase import FusionCalculator
from fusionmd.structure import Structure
from fusionmd.units import ANGSTROM_PER_NM, EV_PER_KJ_PER_MOL, NM_PER_ANGSTROM
from tests.potential.conftest import random_structure

E0 = {1: -13.6, 6: -1030.0, 8: (-2040.0, -2039.0)}
ENERGY_PER_ATOM, FORCES = 1e-9, 1e-9  # eV, eV/angstrom


def reference_platform():
    return openmm.Platform.getPlatformByName("Reference")


def molecule(n_atoms=8, seed=4):
    return random_structure(n_atoms, edge=4.5, seed=seed)


def crystal(n_atoms=12, seed=3):
    """A box smaller than twice the cutoff, in the reduced form of OpenMM."""
    found = random_structure(n_atoms, edge=5.5, seed=seed, pbc=True)
    cell = np.tril(found.cell)
    fractional = found.positions @ np.linalg.inv(found.cell)
    return Structure(found.numbers, fractional @ cell, cell, True)


def topology_of(structure):
    """One residue, no bonds."""
    topology = app.Topology()
    residue = topology.addResidue("ALL", topology.addChain())
    for number in structure.numbers:
        topology.addAtom("X", app.Element.getByAtomicNumber(int(number)), residue)
    if structure.is_periodic:
        topology.setPeriodicBoxVectors(structure.cell * NM_PER_ANGSTROM * unit.nanometer)
    return topology


def context_of(system, positions, integrator=None):
    """On the Reference platform; positions in angstrom."""
    context = openmm.Context(system, integrator or openmm.VerletIntegrator(0.0005), reference_platform())
    context.setPositions(np.asarray(positions) * NM_PER_ANGSTROM)
    return context


def energy_of(context, **selection):
    """Potential energy, eV."""
    return context.getState(energy=True, **selection).getPotentialEnergy()._value * EV_PER_KJ_PER_MOL


def forces_of(context, **selection):
    """Forces [n_atoms, 3], eV/angstrom."""
    forces = context.getState(forces=True, **selection).getForces(asNumpy=True)._value
    return forces * EV_PER_KJ_PER_MOL / ANGSTROM_PER_NM


def ase_of(structure, potential, **options):
    """The same structure with the reference calculator."""
    atoms = structure.to_ase()
    atoms.calc = FusionCalculator(potential, **options)
    return atoms


def assert_same(context, atoms):
    """Energy and forces of OpenMM are those of ASE."""
    assert energy_of(context) == pytest.approx(atoms.get_potential_energy(), abs=ENERGY_PER_ATOM * len(atoms))
    np.testing.assert_allclose(forces_of(context), atoms.get_forces(), atol=FORCES, rtol=0)
