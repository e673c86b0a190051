"""8. OpenMM: relax acetylacetone, heat it to 300 K, and watch the hydrogen between its two oxygen atoms.

    python examples/08_openmm.py              writes examples/output/openmm.dcd and openmm.csv
    pip install 'fusionmd[openmm]' mdtraj     what it needs beside fusionmd

The potential is one force of an ordinary OpenMM System: integrators, reporters and analysis are OpenMM's and mdtraj's.
"""

import argparse
from pathlib import Path

import mdtraj
import numpy as np
import openmm
from ase.io import read
from openmm import app

from fusionmd.units import ANGSTROM_PER_NM, EV_PER_KJ_PER_MOL, NM_PER_ANGSTROM
from fusionmd_openmm import create_system, minimize

START = Path(__file__).resolve().parent / "structures" / "acetylacetone.xyz"
DONOR, ACCEPTOR, HYDROGEN = 0, 4, 7


def topology_of(numbers: np.ndarray) -> app.Topology:
    """OpenMM wants names and residues; the potential reads the elements alone, and needs no bonds."""
    topology = app.Topology()
    residue = topology.addResidue("ACA", topology.addChain())
    for index, number in enumerate(numbers):
        element = app.Element.getByAtomicNumber(int(number))
        topology.addAtom(f"{element.symbol}{index}", element, residue)
    return topology


def energy(simulation: app.Simulation) -> float:
    """Potential energy, eV."""
    return simulation.context.getState(energy=True).getPotentialEnergy()._value * EV_PER_KJ_PER_MOL


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--potential", default="acac-300K", help="shipped name, or a file that knows H, C and O")
    arguments.add_argument("--steps", type=int, default=4000, help="of 0.5 fs")
    arguments.add_argument("--out", type=Path, default=Path("examples/output"))
    arguments.add_argument("--smoke", action="store_true", help="100 steps")
    given = arguments.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    n_steps = 100 if given.smoke else given.steps

    # One line makes the System; with openmm-ml it is MLPotential('fusionmd', modelPath=...).createSystem(topology).
    atoms = read(START)
    topology = topology_of(atoms.numbers)
    system = create_system(topology, given.potential)

    # 0.5 fs resolves the vibrations of hydrogen. The Reference platform computes in float64; the model takes the time.
    integrator = openmm.LangevinMiddleIntegrator(300, 10.0, 0.0005)  # K, 1/ps, ps
    integrator.setRandomNumberSeed(1)
    simulation = app.Simulation(topology, system, integrator, openmm.Platform.getPlatformByName("Reference"))
    simulation.context.setPositions(atoms.positions * NM_PER_ANGSTROM)

    # In short steps: OpenMM's own minimiser begins with a long one, to where the potential knows nothing.
    before, n_minimised = energy(simulation), minimize(simulation.context)
    print(f"{n_minimised} steps of minimisation: {before:.3f} -> {energy(simulation):.3f} eV")

    simulation.context.setVelocitiesToTemperature(300, 1)
    trajectory = given.out / "openmm.dcd"
    simulation.reporters.append(app.DCDReporter(str(trajectory), 10))
    columns = {"step": True, "potentialEnergy": True, "temperature": True}
    simulation.reporters.append(app.StateDataReporter(str(given.out / "openmm.csv"), 10, **columns))
    simulation.step(n_steps)
    print(f"{n_steps} steps of Langevin dynamics at 300 K: {trajectory}")

    frames = mdtraj.load(str(trajectory), top=mdtraj.Topology.from_openmm(topology))
    pairs = [[DONOR, ACCEPTOR], [DONOR, HYDROGEN], [ACCEPTOR, HYDROGEN]]
    distances = mdtraj.compute_distances(frames, pairs) * ANGSTROM_PER_NM
    for name, values in zip(("O...O", "O-H", "H...O"), distances.T, strict=True):
        print(f"{name:<6} {values.mean():.2f} angstrom, from {values.min():.2f} to {values.max():.2f}")
    print(
        f"the hydrogen is nearer to the other oxygen in {np.mean(distances[:, 1] > distances[:, 2]):.0%} of the frames"
    )


if __name__ == "__main__":
    main()
