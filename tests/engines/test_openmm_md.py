"""`fusionmd md --engine openmm`: the same files as with ASE, every ensemble, any cell."""

import json
import os
import signal
import subprocess
import sys

import ase.io
import numpy as np
import openmm
import pytest
from ase import units

from fusionmd.cli.main import run
from fusionmd.errors import PropagationError, UnsupportedStructureError
from fusionmd.potential import export_potential, load_potential
from fusionmd.structure import Structure
from fusionmd.units import BOLTZMANN_EV_PER_K, KJ_PER_MOL_PER_EV
from fusionmd.workflows.md import run_md
from fusionmd.workflows.md_settings import MDSettings
from fusionmd_openmm import Dynamics, langevin
from fusionmd_openmm.box import reduced_box
from tests.engines.md_course import assert_the_course_of_ase, rows
from tests.engines.openmm_systems import E0
from tests.potential.conftest import random_structure
from tests.toy_model import ToyModel


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("md") / "toy.pt"
    export_potential(ToyModel(n_outputs=2).double(), path, atomic_energies=E0)
    return path


@pytest.fixture(scope="module")
def potential(path):
    return load_potential(path)


@pytest.fixture
def molecule():
    return random_structure(8, edge=4.5, seed=4).to_ase()


def tilted_crystal():
    """A cell that lies anywhere in space."""
    atoms = random_structure(12, edge=5.5, seed=3, pbc=True).to_ase()
    atoms.rotate(35, (1, 2, 3), rotate_cell=True)
    return atoms


@pytest.mark.parametrize("make", [lambda: random_structure(8, edge=4.5, seed=4).to_ase(), tilted_crystal])
def test_nve_is_that_of_the_engine_ase(make, potential, tmp_path):
    assert_the_course_of_ase("openmm", make, potential, tmp_path)


def test_langevin_samples_its_temperature(potential, molecule, tmp_path):
    settings = MDSettings(engine="openmm", ensemble="nvt", steps=600, timestep_fs=0.2, friction_per_ps=500, interval=5)
    for name in ("a", "b"):
        run_md(potential, molecule, settings, tmp_path / name)
    temperatures = [line["temperature_K"] for line in rows(tmp_path / "a")][20:]
    assert np.mean(temperatures) == pytest.approx(300, rel=0.15)
    assert (tmp_path / "a/last.xyz").read_text() == (tmp_path / "b/last.xyz").read_text()


def test_barostat_moves_the_volume_and_keeps_the_shape(potential, tmp_path):
    start = tilted_crystal()
    settings = MDSettings(engine="openmm", ensemble="npt", steps=300, timestep_fs=0.2, pressure_GPa=100, interval=25)
    run_md(potential, start, settings, tmp_path / "run")
    lines, end = rows(tmp_path / "run"), ase.io.read(tmp_path / "run/last.xyz")
    assert lines[-1]["volume_A3"] < 0.999 * lines[0]["volume_A3"] and np.isfinite(lines[-1]["pressure_GPa"])
    factor = (end.get_volume() / start.get_volume()) ** (1 / 3)
    np.testing.assert_allclose(end.cell, start.cell * factor, atol=1e-6)


CELLS = {
    "cubic": np.eye(3) * 5,
    "fcc": np.array([[0, 2.0, 2.0], [2.0, 0, 2.0], [2.0, 2.0, 0]]),
    "hexagonal": np.array([[3.0, 0, 0], [-1.5, 1.5 * 3**0.5, 0], [0, 0, 5.0]]),
    "left-handed": np.diag([3.0, 4.0, -5.0]),
    "skewed": np.array([[3.0, 0.2, 0.1], [7.1, 4.0, 0.3], [-9.0, 11.0, 5.0]]),
}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_any_cell_becomes_a_box_of_openmm(cell, potential):
    box, rotation = reduced_box(cell)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-13)
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    whole = box @ np.linalg.inv(cell @ rotation)
    np.testing.assert_allclose(whole, np.round(whole), atol=1e-9)
    assert abs(np.linalg.det(np.round(whole))) == pytest.approx(1.0)
    start = Structure([8], np.full((1, 3), 0.3), cell, True)
    dynamics = Dynamics(potential, start, masses=[16.0], velocities=np.zeros((1, 3)))
    assert dynamics.energy_and_forces()[0] == pytest.approx(potential.evaluate([start])[0].energy, abs=1e-9)
    np.testing.assert_allclose(dynamics.snapshot().positions, start.positions, atol=1e-12)


def test_free_particle_in_a_thermostat():
    """<v^2> = 3 kT/m, whatever the step."""
    system = openmm.System()
    for _ in range(500):
        system.addParticle(12.0)
    context = openmm.Context(
        system,
        langevin(1.0, temperature_K=300, friction_per_ps=100, seed=3),
        openmm.Platform.getPlatformByName("Reference"),
    )
    context.setPositions(np.zeros((500, 3)))
    kinetic = []
    for _ in range(20):
        context.getIntegrator().step(50)
        kinetic.append(context.getState(energy=True).getKineticEnergy()._value)
    expected = 1.5 * 500 * BOLTZMANN_EV_PER_K * 300 * KJ_PER_MOL_PER_EV
    assert np.mean(kinetic) == pytest.approx(expected, rel=0.03)


def test_atoms_that_collide_are_told(potential, tmp_path):
    pair = random_structure(2, edge=4.0, seed=0).to_ase()
    towards = pair.positions[1] - pair.positions[0]
    speed = np.linalg.norm(towards) / (20 * units.fs)
    pair.set_velocities(np.array([1, -1])[:, None] * towards / np.linalg.norm(towards) * speed / 2)
    with pytest.raises(PropagationError, match="the run broke at step"):
        run_md(potential, pair, MDSettings(engine="openmm", steps=41, timestep_fs=0.5), tmp_path / "run")
    assert (tmp_path / "run" / "last.xyz").exists()


def test_slabs_are_refused_before_anything_is_written(potential, tmp_path):
    slab = tilted_crystal()
    slab.pbc = (True, True, False)
    with pytest.raises(UnsupportedStructureError, match="three periodic axes or none"):
        run_md(potential, slab, MDSettings(engine="openmm"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_ctrl_c_leaves_a_start_that_goes_on(path, molecule, tmp_path):
    ase.io.write(tmp_path / "start.xyz", molecule)
    options = ["--engine", "openmm", "--steps", "1000000", "--timestep", "0.05", "--interval", "20"]
    command = [sys.executable, "-m", "fusionmd.cli", "md", str(path), "start.xyz", "-o", "run", *options]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log = tmp_path / "run" / "log.csv"
    try:
        for _ in range(600):
            if log.exists() and log.read_text().count("\n") > 3:
                break
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.2)
        os.kill(process.pid, signal.SIGINT)
        said, complained = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, complained
    assert "steps," in said
    last, frames = ase.io.read(tmp_path / "run/last.xyz"), ase.io.read(tmp_path / "run/trajectory.xyz", ":")
    assert np.isfinite(last.positions).all() and np.abs(last.positions - frames[0].positions).max() > 1e-6


def test_command_line(path, molecule, tmp_path, capsys):
    ase.io.write(tmp_path / "start.xyz", molecule)
    arguments = ["md", str(path), str(tmp_path / "start.xyz"), "-o", str(tmp_path / "out"), "--engine", "openmm"]
    json_file = tmp_path / "r.json"
    assert run([*arguments, "--steps", "20", "--timestep", "0.2", "--json", str(json_file)]) == 0
    assert json.loads(json_file.read_text())["n_steps"] == 20
    assert "steps/s" in capsys.readouterr().out


def test_ase_does_not_import_openmm():
    code = "import sys, fusionmd.workflows.md; sys.exit('openmm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0
