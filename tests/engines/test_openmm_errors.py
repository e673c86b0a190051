"""Bad input is told in a sentence, before the first step where that is possible."""

import subprocess
import sys

import numpy as np
import openmm
import pytest
import torch

from fusionmd.errors import ConfigError, MissingQuantityError, PotentialFormatError, UnsupportedStructureError
from fusionmd.potential import export_potential, load_potential
from fusionmd.structure import Structure
from fusionmd.units import NM_PER_ANGSTROM
from fusionmd_openmm import add_potential, create_system
from tests.engines.openmm_systems import E0, context_of, crystal, energy_of, molecule, topology_of
from tests.toy_model import ToyModel


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("openmm") / "toy.pt"
    export_potential(ToyModel(n_outputs=2).double(), path, atomic_energies=E0)
    return path


def test_files_that_cannot_be_used(tmp_path):
    topology = topology_of(molecule())
    with pytest.raises(PotentialFormatError, match="no potential file 'nothing.pt' and no shipped"):
        create_system(topology, "nothing.pt")
    (tmp_path / "half.pt").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(PotentialFormatError, match="half.pt"):
        create_system(topology, tmp_path / "half.pt")


def test_elements_it_does_not_know(path):
    structure = molecule()
    gold = Structure(np.where(np.arange(8) == 3, 79, structure.numbers), structure.positions)
    with pytest.raises(UnsupportedStructureError, match="element Au"):
        create_system(topology_of(gold), path)


def test_particles_without_an_element(path):
    topology = topology_of(molecule())
    residue = next(topology.residues())
    topology.addAtom("M", None, residue)
    with pytest.raises(UnsupportedStructureError, match=r"particles \[8\] have no element"):
        create_system(topology, path)


def test_particles_and_elements_that_do_not_fit(path):
    system, numbers = openmm.System(), [1, 6]
    system.addParticle(1.0)
    for arguments, says in [
        ({"numbers": numbers}, "1 particles, elements were given for 2"),
        ({}, "topology or atomic numbers"),
        ({"numbers": numbers, "topology": topology_of(molecule())}, "one of them"),
    ]:
        with pytest.raises((ConfigError, UnsupportedStructureError), match=says):
            add_potential(system, path, **arguments)
    system.addParticle(1.0)
    for atoms in ([], [0, 0], [2], [-1]):
        with pytest.raises(ConfigError, match="from 0 to 1"):
            add_potential(system, path, numbers=numbers, atoms=atoms)
    assert system.getNumForces() == 0


def test_particles_that_came_later(path):
    """The force acts on all particles, and knows the elements of those that were there."""
    structure = molecule()
    system = create_system(topology_of(structure), path)
    system.addParticle(1.0)
    context = context_of(system, np.vstack([structure.positions, np.full(3, 20.0)]))
    with pytest.raises(openmm.OpenMMException, match="made for 8 particles and is called with 9; make it again"):
        energy_of(context)


def test_options_that_do_not_exist(path):
    topology = topology_of(molecule())
    with pytest.raises(MissingQuantityError, match=r"states 0\.\.1"):
        create_system(topology, path, state=2)
    with pytest.raises(ConfigError, match="unknown option stat; known are state"):
        create_system(topology, path, stat=1)
    with pytest.raises(ConfigError, match="unknown dtype 'float16'"):
        create_system(topology, path, dtype="float16")
    with pytest.raises(ConfigError, match="dtype given with a Potential"):
        create_system(topology, load_potential(path), dtype="float32")


def test_a_gpu_that_is_not_there(path):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ConfigError, match="no CUDA device; use 'cpu' or 'auto'"):
        create_system(topology_of(molecule()), path, device="cuda")


def test_what_goes_wrong_inside_openmm_is_told_with_type_and_traceback(path):
    structure = molecule()
    context = context_of(create_system(topology_of(structure), path), structure.positions)
    energy = energy_of(context)
    for spoil, says in [(np.nan, "NaN"), (structure.positions[3, 0] + 0.01, "angstrom apart")]:
        positions = structure.positions.copy()
        positions[2] = positions[3]
        positions[2, 0] = spoil
        context.setPositions(positions * NM_PER_ANGSTROM)
        with pytest.raises(openmm.OpenMMException, match=r"(?s)UnsupportedStructureError: .*" + says + ".*Traceback"):
            energy_of(context)
    context.setPositions(structure.positions * NM_PER_ANGSTROM)
    assert energy_of(context) == energy


def test_a_cutoff_of_mm_that_the_box_does_not_allow(path):
    """Mixed systems: OpenMM's own sentence arrives, and the potential does not hide it."""
    structure = crystal()
    system = create_system(topology_of(structure), path)
    nonbonded = openmm.NonbondedForce()
    for _ in range(structure.n_atoms):
        nonbonded.addParticle(0.0, 0.3, 0.0)
    nonbonded.setNonbondedMethod(openmm.NonbondedForce.CutoffPeriodic)
    system.addForce(nonbonded)
    with pytest.raises(openmm.OpenMMException, match="half the periodic box"):
        context_of(system, structure.positions)


def test_openmm_that_is_not_installed():
    code = (
        "import sys; sys.modules['openmm'] = None\n"
        "import fusionmd_openmm\n"
        "from fusionmd.errors import ConfigError\n"
        "try:\n    fusionmd_openmm.create_system\n"
        "except ConfigError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert "pip install 'fusionmd[openmm]'" in done.stdout, done.stderr
