"""A System with a potential in it is copied, saved and loaded elsewhere; what cannot be restored says so, no crash."""

import copy
import json
import subprocess
import sys

import numpy as np
import openmm
import pytest

from fusionmd.potential import export_potential
from fusionmd.units import EV_PER_KJ_PER_MOL, NM_PER_ANGSTROM
from fusionmd_openmm import create_system
from fusionmd_openmm.evaluator import Broken, Evaluator, restored
from fusionmd_openmm.settings import Settings
from tests.engines.openmm_systems import E0, ase_of, assert_same, context_of, crystal, molecule, topology_of
from tests.toy_model import TwoHopToyModel

CHILD = """
import json, sys
import openmm
import numpy as np
system = openmm.XmlSerializer.deserialize(open(sys.argv[1]).read())
said = {"uses_pbc": system.usesPeriodicBoundaryConditions()}
context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
context.setPositions(np.array(json.load(open(sys.argv[2]))))
try:
    state = context.getState(energy=True, forces=True)
    said |= {"energy": state.getPotentialEnergy()._value, "forces": state.getForces(asNumpy=True)._value.tolist()}
except openmm.OpenMMException as error:
    said |= {"error": str(error)}
said |= {"saved_again": len(openmm.XmlSerializer.serialize(system))}
json.dump(said, sys.stdout)
"""


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("openmm") / "toy.pt"
    export_potential(TwoHopToyModel(n_outputs=2).double(), path, atomic_energies=E0)
    return path.read_bytes()


@pytest.fixture
def path(content, tmp_path):
    (tmp_path / "toy.pt").write_bytes(content)
    return tmp_path / "toy.pt"


def in_another_process(system, structure, folder):
    """What a Python that knows nothing but the XML finds; it must end well."""
    (folder / "system.xml").write_text(openmm.XmlSerializer.serialize(system))
    (folder / "positions.json").write_text(json.dumps((structure.positions * NM_PER_ANGSTROM).tolist()))
    command = [sys.executable, "-c", CHILD, str(folder / "system.xml"), str(folder / "positions.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def system_with(function, n_atoms):
    system = openmm.System()
    for _ in range(n_atoms):
        system.addParticle(12.0)
    system.addForce(openmm.PythonForce(function))
    return system


@pytest.mark.parametrize("make", [molecule, crystal])
def test_xml_carries_the_potential(make, path, tmp_path):
    structure = make()
    system = create_system(topology_of(structure), path, state=1)
    reference = ase_of(structure, path, state=1)
    path.unlink()
    said = in_another_process(system, structure, tmp_path)
    assert said["uses_pbc"] == structure.is_periodic
    assert said["energy"] * EV_PER_KJ_PER_MOL == pytest.approx(reference.get_potential_energy(), abs=1e-8)
    forces = np.array(said["forces"]) * EV_PER_KJ_PER_MOL * NM_PER_ANGSTROM
    np.testing.assert_allclose(forces, reference.get_forces(), atol=1e-9, rtol=0)


def test_copies_compute_the_same(path):
    structure = molecule()
    system = copy.deepcopy(create_system(topology_of(structure), path))
    assert_same(context_of(system, structure.positions), ase_of(structure, path))


def test_a_potential_that_is_damaged_is_an_error_at_the_first_step(path, tmp_path):
    structure = molecule(2)
    settings = Settings(tuple(structure.numbers.tolist()))
    said = in_another_process(system_with(Evaluator(path.read_bytes()[:500], settings), 2), structure, tmp_path)
    assert said["error"].startswith("PotentialFormatError: ") and "Traceback" in said["error"]
    assert said["saved_again"] > 1000


def test_settings_of_another_version_are_an_error_at_the_first_step(path, tmp_path):
    arguments = (path.read_bytes(), {"numbers": (1, 8), "gravity": 9.8})
    found = restored(*arguments)
    assert isinstance(found, Broken)
    said = in_another_process(system_with(found, 2), molecule(2), tmp_path)
    assert "gravity" in said["error"] and "make the System again" in said["error"]


@pytest.mark.parametrize("arguments", [(), (None, None), (b"", {}), (1, 2, 3), ("text", {"numbers": 3})])
def test_restoring_never_raises(arguments):
    found = restored(*arguments)
    with pytest.raises(RuntimeError):
        found(openmm.State)
