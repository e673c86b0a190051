"""Reporters, mdtraj and checkpoints work with a System of ours as with any other."""

import csv

import mdtraj
import numpy as np
import openmm
import pytest
from openmm import app

from fusionmd.potential import export_potential
from fusionmd.structure import Structure
from fusionmd.units import ANGSTROM_PER_NM, EV_PER_KJ_PER_MOL, NM_PER_ANGSTROM
from fusionmd_openmm import create_system
from tests.engines.openmm_systems import E0, ase_of, crystal, molecule, reference_platform, topology_of
from tests.toy_model import ToyModel


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("openmm") / "toy.pt"
    export_potential(ToyModel(n_outputs=2).double(), path, atomic_energies=E0)
    return path


def simulation_of(structure, system):
    integrator = openmm.LangevinMiddleIntegrator(100, 10.0, 0.0002)
    integrator.setRandomNumberSeed(7)
    simulation = app.Simulation(topology_of(structure), system, integrator, reference_platform())
    simulation.context.setPositions(structure.positions * NM_PER_ANGSTROM)
    return simulation


@pytest.mark.parametrize("make", [molecule, crystal])
@pytest.mark.parametrize("reporter, name", [(app.DCDReporter, "run.dcd"), (app.XTCReporter, "run.xtc")])
def test_trajectories_and_energies_for_mdtraj(reporter, name, make, path, tmp_path):
    structure = make()
    simulation = simulation_of(structure, create_system(topology_of(structure), path))
    simulation.context.setVelocitiesToTemperature(100, 3)
    simulation.reporters.append(reporter(str(tmp_path / name), 5, enforcePeriodicBox=False))
    data = {"step": True, "potentialEnergy": True, "temperature": True, "volume": structure.is_periodic}
    simulation.reporters.append(app.StateDataReporter(str(tmp_path / "log.csv"), 5, **data))
    simulation.step(20)
    frames = mdtraj.load(str(tmp_path / name), top=mdtraj.Topology.from_openmm(simulation.topology))
    assert frames.n_frames == 4 and frames.n_atoms == structure.n_atoms
    with open(tmp_path / "log.csv") as file:
        energies = [float(row["Potential Energy (kJ/mole)"]) * EV_PER_KJ_PER_MOL for row in csv.DictReader(file)]
    for frame, energy in zip(frames, energies, strict=True):
        cell = frame.unitcell_vectors[0] * ANGSTROM_PER_NM if structure.is_periodic else None
        seen = Structure(structure.numbers, frame.xyz[0] * ANGSTROM_PER_NM, cell, structure.is_periodic)
        assert energy == pytest.approx(ase_of(seen, path).get_potential_energy(), abs=0.02)  # files round positions
    assert energies[0] != energies[-1]
    assert np.all(mdtraj.rmsd(frames, frames, 0) < 0.1) and mdtraj.compute_rg(frames).min() > 0.05


@pytest.mark.parametrize("make", [molecule, crystal])
def test_checkpoint_restarts_bit_for_bit(make, path, tmp_path):
    structure = make()
    system = create_system(topology_of(structure), path)
    simulation = simulation_of(structure, system)
    simulation.context.setVelocitiesToTemperature(100, 3)
    simulation.step(15)
    simulation.saveCheckpoint(str(tmp_path / "middle.chk"))
    simulation.step(25)
    again = simulation_of(structure, openmm.XmlSerializer.deserialize(openmm.XmlSerializer.serialize(system)))
    again.loadCheckpoint(str(tmp_path / "middle.chk"))
    assert again.currentStep == 15
    again.step(25)
    ends = [each.context.getState(positions=True, velocities=True, energy=True) for each in (simulation, again)]
    for read in ("getPositions", "getVelocities"):
        first, second = [getattr(end, read)(asNumpy=True)._value for end in ends]
        np.testing.assert_array_equal(first, second)
    assert ends[0].getPotentialEnergy() == ends[1].getPotentialEnergy()
