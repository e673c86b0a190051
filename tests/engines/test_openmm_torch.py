"""The module for openmm-torch computes what the potential does; the backend is used only where it is known to work."""

import json
import os
import subprocess
import sys
from pathlib import Path

import ase.io
import numpy as np
import pytest
import torch

from fusionmd.cli.main import run
from fusionmd.errors import ConfigError, MissingQuantityError, UnsupportedStructureError
from fusionmd.files import user_cache
from fusionmd.potential import export_potential, load_potential
from fusionmd.structure import Structure
from fusionmd.units import EV_PER_KJ_PER_MOL, NM_PER_ANGSTROM
from fusionmd_openmm import create_system, torch_module, write_torch_module
from tests.engines.openmm_systems import E0, crystal, molecule, topology_of
from tests.potential.conftest import random_structure
from tests.toy_model import ToyModel, TwoHopToyModel

ROOT = Path(__file__).resolve().parents[2]
# As openmm_torch_env.sh has it.
ENVIRONMENT = Path(os.environ.get("FUSIONMD_OPENMMTORCH") or user_cache("openmmtorch"))
STRUCTURES = {
    "molecule": molecule,
    "box below the cutoff": lambda: skewed(2, edge=2.6),
    "box below twice the cutoff": crystal,
    "large box": lambda: random_structure(90, edge=11.0, seed=5, pbc=True),
    "far outside the box": lambda: with_shifts(crystal()),
    "one atom": lambda: Structure([8], np.zeros((1, 3))),
    "one atom and its images": lambda: Structure([8], np.zeros((1, 3)), np.eye(3) * 2.2, True),
}


def skewed(n_atoms, edge):
    return random_structure(n_atoms, edge=edge, seed=8, pbc=True)


def with_shifts(structure):
    shifts = np.random.default_rng(0).integers(-2, 3, (structure.n_atoms, 3))
    return structure.with_positions(structure.positions + shifts @ structure.cell)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("openmm") / "toy.pt"
    export_potential(TwoHopToyModel(n_outputs=2).double(), path, atomic_energies=E0)
    return path


def evaluated(module, structure, dtype=torch.float64):
    """Energy, eV, and forces, eV/angstrom."""
    positions, box = [
        torch.tensor(part * NM_PER_ANGSTROM, dtype=dtype) for part in (structure.positions, structure.cell)
    ]
    with torch.jit.optimized_execution(False):
        energy, forces = module(positions, box) if structure.is_periodic else module(positions)
    return float(energy) * EV_PER_KJ_PER_MOL, forces.numpy() * EV_PER_KJ_PER_MOL * NM_PER_ANGSTROM


@pytest.mark.parametrize("kind", STRUCTURES)
@pytest.mark.parametrize("state", [0, 1])
def test_same_as_the_potential(kind, state, path):
    structure, potential = STRUCTURES[kind](), load_potential(path)
    module = torch_module(potential, structure.numbers, is_periodic=structure.is_periodic, state=state)
    energy, forces = evaluated(module, structure)
    expected = potential.evaluate([structure], states=state)[0]
    assert energy == pytest.approx(expected.energy, abs=1e-9 * structure.n_atoms)
    np.testing.assert_allclose(forces, expected.forces[0], atol=1e-9, rtol=0)


def test_edges_are_those_of_the_package(path):
    structure, potential = skewed(3, edge=3.0), load_potential(path)
    module, graph = torch_module(potential, structure.numbers, is_periodic=True), potential.graph(structure)
    vectors, senders, receivers = module.edges(
        torch.tensor(structure.positions), torch.tensor(structure.cell * NM_PER_ANGSTROM)
    )
    assert torch.equal(senders, graph.senders) and torch.equal(receivers, graph.receivers)
    assert torch.equal(module.slots(receivers, 3), graph.slots)
    torch.testing.assert_close(vectors, graph.edge_vectors, atol=1e-12, rtol=0)


def test_shipped_potential_in_single_precision():
    structure = random_structure(15, edge=6.5, seed=0)
    potential = load_potential("acac-300K")
    energy, forces = evaluated(torch_module(potential, structure.numbers), structure)
    expected = potential.evaluate([structure])[0]
    assert energy == pytest.approx(expected.energy, abs=1e-4)
    np.testing.assert_allclose(forces, expected.forces[0], atol=1e-4, rtol=0)


def test_single_precision_positions(path):
    structure, potential = molecule(), load_potential(path)
    energy, forces = evaluated(torch_module(potential, structure.numbers), structure, torch.float32)
    expected = potential.evaluate([structure])[0]
    assert energy == pytest.approx(expected.energy, abs=1e-4)
    np.testing.assert_allclose(forces, expected.forces[0], atol=1e-4)


def test_a_subset_of_the_particles(path):
    structure, potential = molecule(), load_potential(path)
    chosen = [9, 0, 4, 3, 7, 1, 8, 5]
    everywhere = np.full((11, 3), 7.7)
    everywhere[chosen] = structure.positions
    module = torch_module(potential, structure.numbers, particles=chosen)
    forces = module(torch.tensor(everywhere * NM_PER_ANGSTROM))[1].numpy() * EV_PER_KJ_PER_MOL * NM_PER_ANGSTROM
    expected = np.zeros((11, 3))
    expected[chosen] = potential.evaluate([structure])[0].forces[0]
    np.testing.assert_allclose(forces, expected, atol=1e-9, rtol=0)


def test_committee_mean(tmp_path):
    members = [ToyModel(seed=k).double() for k in range(2)]
    export_potential(members, tmp_path / "c.pt", atomic_energies={1: 0.0, 6: 1.0, 8: 2.0})
    structure, potential = molecule(), load_potential(tmp_path / "c.pt")
    energy, forces = evaluated(torch_module(potential, structure.numbers), structure)
    expected = potential.evaluate([structure])[0]
    assert energy == pytest.approx(expected.energy, abs=1e-9)
    np.testing.assert_allclose(forces, expected.forces[0], atol=1e-9)


def test_the_file_loads_alone(path, tmp_path):
    structure, potential = crystal(), load_potential(path)
    write_torch_module(tmp_path / "m.pt", torch_module(potential, structure.numbers, is_periodic=True))
    np.savez(tmp_path / "in.npz", positions=structure.positions * NM_PER_ANGSTROM, box=structure.cell * NM_PER_ANGSTROM)
    code = (
        "import sys, torch, numpy\n"
        "sys.modules['fusionmd'] = sys.modules['vesin'] = None\n"
        "data = numpy.load('in.npz')\n"
        "with torch.no_grad():\n"
        "    energy, forces = torch.jit.load('m.pt')(torch.tensor(data['positions']), torch.tensor(data['box']))\n"
        "print(repr(float(energy)), repr(float(forces.abs().sum())))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    energy, forces = map(float, done.stdout.split())
    expected = potential.evaluate([structure])[0]
    assert energy * EV_PER_KJ_PER_MOL == pytest.approx(expected.energy, abs=1e-9 * 12)
    assert forces * EV_PER_KJ_PER_MOL * NM_PER_ANGSTROM == pytest.approx(np.abs(expected.forces[0]).sum(), abs=1e-8)


def test_bad_input(path):
    potential = load_potential(path)
    with pytest.raises(UnsupportedStructureError, match="element Au"):
        torch_module(potential, [79])
    with pytest.raises(MissingQuantityError, match=r"states 0\.\.1"):
        torch_module(potential, [1], state=2)
    with pytest.raises(ConfigError, match=r"2001 atoms.*create_system"):
        torch_module(potential, [1] * 2001)
    with pytest.raises(torch.jit.Error, match="closer than 0.1 angstrom"):
        torch_module(potential, [1, 1])(torch.zeros(2, 3))
    with pytest.raises(torch.jit.Error, match="setUsesPeriodicBoundaryConditions"):
        torch_module(potential, [1, 1], is_periodic=True)(torch.eye(3)[:2])


def test_command_line(path, tmp_path, capsys):
    ase.io.write(tmp_path / "start.xyz", crystal().to_ase())
    out, report = tmp_path / "module.pt", tmp_path / "r.json"
    arguments = ["export", str(path), "--openmm-torch", str(out)]
    assert run([*arguments, "--atoms", str(tmp_path / "start.xyz"), "--state", "1", "--json", str(report)]) == 0
    assert json.loads(report.read_text())["openmm_torch"]["n_atoms"] == 12
    structure = Structure.from_ase(ase.io.read(tmp_path / "start.xyz"))
    energy, _ = evaluated(torch.jit.load(str(out)), structure)
    assert energy == pytest.approx(load_potential(path).evaluate([structure], states=1)[0].energy, abs=1e-8)
    capsys.readouterr()
    for wrong, says in [(arguments, "needs --atoms"), (arguments[:2], "nothing to write")]:
        assert run(wrong) == 2
        assert says in capsys.readouterr().err


def test_backend_is_refused_where_it_does_not_work(path):
    pytest.importorskip("openmm")
    try:
        import openmmtorch  # noqa: F401
    except ImportError:
        pass
    else:
        pytest.skip("openmm-torch is installed here")
    with pytest.raises(ConfigError, match=r"openmmtorch is not installed; use backend='python'"):
        create_system(topology_of(molecule()), path, backend="torchforce")


COMPARE = """
import json, sys
import ase.io, numpy as np, openmm
from fusionmd_openmm import add_potential
atoms = ase.io.read("start.xyz")
found = []
for backend in ("python", "torchforce"):
    system = openmm.System()
    for mass in atoms.get_masses():
        system.addParticle(mass)
    if atoms.pbc.all():
        system.setDefaultPeriodicBoxVectors(*atoms.cell.array / 10)
    add_potential(system, "toy.pt", numbers=atoms.numbers, is_periodic=bool(atoms.pbc.all()), backend=backend, state=1)
    context = openmm.Context(system, openmm.VerletIntegrator(0.0002), openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(atoms.positions / 10)
    context.getIntegrator().step(5)
    state = context.getState(energy=True, forces=True)
    found.append((state.getPotentialEnergy()._value, state.getForces(asNumpy=True)._value))
json.dump([abs(found[0][0] - found[1][0]), float(np.abs(found[0][1] - found[1][1]).max())], sys.stdout)
"""


needs_environment = pytest.mark.skipif(
    not (ENVIRONMENT / ".installed").exists(), reason="make it with tests/engines/openmm_torch_env.sh"
)


def answer_of_environment(code, folder):
    """What `code` prints, as JSON, where torch, OpenMM and openmm-torch fit each other."""
    command = [str(ENVIRONMENT / "bin" / "python"), "-W", "ignore", "-c", code]
    sources = os.pathsep.join(str(ROOT / name) for name in ("", "openmm_plugin"))
    environment = {**os.environ, "PYTHONPATH": sources}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@needs_environment
@pytest.mark.parametrize("make", [molecule, crystal])
def test_torchforce_in_its_own_environment(make, path, tmp_path):
    structure = make()
    (tmp_path / "toy.pt").write_bytes(path.read_bytes())
    ase.io.write(tmp_path / "start.xyz", structure.to_ase())
    energy, forces = answer_of_environment(COMPARE, tmp_path)
    assert energy * EV_PER_KJ_PER_MOL < 1e-9 * structure.n_atoms
    assert forces * EV_PER_KJ_PER_MOL * NM_PER_ANGSTROM < 1e-9


ALONE = """
import json, sys
sys.modules.update(fusionmd=None, fusionmd_openmm=None, vesin=None)
import torch, openmm, openmmtorch
import ase.io
atoms = ase.io.read("start.xyz")
system = openmm.System()
for mass in atoms.get_masses():
    system.addParticle(mass)
force = openmmtorch.TorchForce("module.pt")
force.setOutputsForces(True)
if atoms.pbc.all():
    system.setDefaultPeriodicBoxVectors(*atoms.cell.array / 10)
    force.setUsesPeriodicBoundaryConditions(True)
system.addForce(force)
context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
context.setPositions(atoms.positions / 10)
state = context.getState(energy=True, forces=True)
print(json.dumps([state.getPotentialEnergy()._value, state.getForces(asNumpy=True)._value.tolist()]))
"""


@needs_environment
@pytest.mark.parametrize("make", [molecule, crystal])
def test_exported_file_alone_in_torchforce(make, path, tmp_path, capsys):
    """As docs/openmm.md tells it: written here, read by another torch, nothing of ours there."""
    ase.io.write(tmp_path / "start.xyz", make().to_ase())
    paths = [str(tmp_path / name) for name in ("module.pt", "start.xyz")]
    assert run(["export", str(path), "--openmm-torch", paths[0], "--atoms", paths[1], "--state", "1"]) == 0
    structure = Structure.from_ase(ase.io.read(paths[1]))
    energy, forces = answer_of_environment(ALONE, tmp_path)
    expected = load_potential(path).evaluate([structure], states=1)[0]
    assert energy * EV_PER_KJ_PER_MOL == pytest.approx(expected.energy, abs=1e-9 * structure.n_atoms)
    found = np.array(forces) * EV_PER_KJ_PER_MOL * NM_PER_ANGSTROM
    np.testing.assert_allclose(found, expected.forces[0], atol=1e-9, rtol=0)
