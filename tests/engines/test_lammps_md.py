"""`fusionmd md --engine lammps`: the same files as with ASE, every ensemble, any cell, walls that move."""

import json
import os
import signal
import subprocess
import sys

import ase.io
import numpy as np
import pytest
import torch
from ase import units

from fusionmd.cli.main import run
from fusionmd.errors import ConfigError, PropagationError
from fusionmd.potential import load_potential
from fusionmd.structure import Structure
from fusionmd.units import BOLTZMANN_EV_PER_K
from fusionmd.workflows.md import run_md
from fusionmd.workflows.md_settings import MDSettings
from fusionmd_lammps.dynamics import Dynamics
from tests.engines.md_course import assert_the_course_of_ase, rows
from tests.engines.test_openmm_md import CELLS, tilted_crystal
from tests.potential.conftest import random_structure

pytestmark = pytest.mark.usefixtures("lammps_plugin")


@pytest.fixture(scope="module")
def path(potentials):
    return potentials / "one.pt"


@pytest.fixture(scope="module")
def potential(path):
    return load_potential(path)


def a_molecule():
    return random_structure(8, edge=4.5, seed=4).to_ase()


def a_tilted_slab():
    """Two axes repeat, the third vector is tilted and repeats nothing; atoms stand outside the cell."""
    atoms = tilted_crystal()
    atoms.set_cell(atoms.cell[:] + np.outer([0, 0, 1], 0.4 * atoms.cell[0]))
    atoms.pbc = [True, True, False]
    atoms.positions += 3.0 * atoms.cell[2]
    return atoms


def a_wire():
    atoms = tilted_crystal()
    atoms.pbc = [False, True, False]
    return atoms


@pytest.mark.parametrize("make", [a_molecule, tilted_crystal, a_tilted_slab, a_wire])
def test_nve_is_that_of_the_engine_ase(make, potential, tmp_path):
    assert_the_course_of_ase("lammps", make, potential, tmp_path)


def test_langevin_samples_its_temperature(potential, tmp_path):
    """And the forces in the trajectory are those of the potential, not those of the thermostat."""
    settings = MDSettings(engine="lammps", ensemble="nvt", steps=600, timestep_fs=0.2, friction_per_ps=500, interval=5)
    for name in ("a", "b"):
        run_md(potential, a_molecule(), settings, tmp_path / name)
    temperatures = [line["temperature_K"] for line in rows(tmp_path / "a")][20:]
    assert np.mean(temperatures) == pytest.approx(300, rel=0.15)
    assert (tmp_path / "a/last.xyz").read_text() == (tmp_path / "b/last.xyz").read_text()
    frame = ase.io.read(tmp_path / "a/trajectory.xyz", 50)
    (expected,) = potential.evaluate([Structure.from_ase(frame)])
    np.testing.assert_allclose(frame.get_forces(), expected.forces[0], atol=1e-5)


def test_barostat_moves_the_volume_and_keeps_the_shape(potential, tmp_path):
    start = tilted_crystal()
    settings = MDSettings(
        engine="lammps",
        ensemble="npt",
        steps=20,
        timestep_fs=0.2,
        temperature_K=50,
        pressure_GPa=5,
        barostat_fs=50,
        thermostat_fs=10,
    )
    run_md(potential, start, settings, tmp_path / "run")
    lines, end = rows(tmp_path / "run"), ase.io.read(tmp_path / "run/last.xyz")
    assert 50 < lines[-1]["volume_A3"] < 0.999 * lines[0]["volume_A3"] and np.isfinite(lines[-1]["pressure_GPa"])
    factor = (end.get_volume() / start.get_volume()) ** (1 / 3)
    np.testing.assert_allclose(end.cell, start.cell * factor, atol=1e-6)
    last = ase.io.read(tmp_path / "run/trajectory.xyz", -1)
    (expected,) = potential.evaluate([Structure.from_ase(last)])
    assert last.get_potential_energy() == pytest.approx(expected.energy, abs=1e-5)
    np.testing.assert_allclose(last.get_forces(), expected.forces[0], atol=1e-5)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_any_cell(cell, potential, path):
    start = Structure([8], np.full((1, 3), 0.3), cell, True)
    dynamics = Dynamics(path, start, velocities=np.zeros((1, 3)), style="compiled no")
    (expected,) = potential.evaluate([start])
    found = dynamics.quantities()
    assert found.energy == pytest.approx(expected.energy, abs=1e-9)
    np.testing.assert_allclose(found.virial, expected.virials[0], atol=1e-8)
    np.testing.assert_allclose(dynamics.snapshot().positions, start.positions, atol=1e-12)
    np.testing.assert_allclose(dynamics.snapshot().cell, cell, atol=1e-12)
    dynamics.close()


def test_a_committee_logs_its_spread(potentials, tmp_path):
    lines = []
    for engine in ("ase", "lammps"):
        settings = MDSettings(engine=engine, steps=2, timestep_fs=0.2, interval=1)
        run_md(load_potential(potentials / "committee.pt"), a_molecule(), settings, tmp_path / engine)
        lines.append(rows(tmp_path / engine)[-1])
    assert lines[1]["energy_std_eV"] == pytest.approx(lines[0]["energy_std_eV"], abs=1e-5)


def test_precision_is_that_of_the_potential(potentials, tmp_path):
    energies = []
    for dtype in (torch.float32, torch.float64):
        loaded = load_potential(potentials / "net.pt", dtype=dtype)
        run_md(loaded, tilted_crystal(), MDSettings(engine="lammps", steps=0), tmp_path / str(dtype))
        energies.append(rows(tmp_path / str(dtype))[0]["potential_energy_eV"])
    assert 1e-9 < abs(energies[0] - energies[1]) < 1e-2


def test_atoms_that_collide_are_told(potential, tmp_path):
    pair = random_structure(2, edge=4.0, seed=0).to_ase()
    towards = pair.positions[1] - pair.positions[0]
    speed = np.linalg.norm(towards) / (20 * units.fs)
    pair.set_velocities(np.array([1, -1])[:, None] * towards / np.linalg.norm(towards) * speed / 2)
    with pytest.raises(PropagationError, match=r"step.*angstrom"):
        run_md(potential, pair, MDSettings(engine="lammps", steps=41, timestep_fs=0.5), tmp_path / "run")
    assert (tmp_path / "run/last.xyz").exists()


def test_what_lammps_refuses_is_told_before_anything_is_written(potential, tmp_path):
    settings = MDSettings(engine="lammps", ensemble="npt", temperature_K=0.0)
    with pytest.raises(ConfigError, match="LAMMPS refuses the start.*cannot be 0"):
        run_md(potential, tilted_crystal(), settings, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_interrupted_between_steps(path, tmp_path):
    ase.io.write(tmp_path / "start.xyz", a_molecule())
    command = [sys.executable, "-m", "fusionmd.cli", "md", str(path), str(tmp_path / "start.xyz"), "-o", "run"]
    command += ["--engine", "lammps", "--steps", "1000000", "--timestep", "0.1"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env=os.environ) as child:
        log = tmp_path / "run/log.csv"
        while not log.exists() or log.read_bytes().count(b"\n") < 4:  # lines, as a reader may meet half a header
            assert child.poll() is None
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 130
    last, lines = ase.io.read(tmp_path / "run/last.xyz"), rows(tmp_path / "run")
    assert np.isfinite(last.positions).all() and lines[-1]["step"] == 10 * (len(lines) - 1)
    assert last.get_kinetic_energy() > BOLTZMANN_EV_PER_K


def test_command_line(path, tmp_path, capsys):
    ase.io.write(tmp_path / "start.xyz", tilted_crystal())
    arguments = ["md", str(path), str(tmp_path / "start.xyz"), "--engine", "lammps", "--steps", "20"]
    files = ["-o", str(tmp_path / "run"), "--json", str(tmp_path / "r.json")]
    assert run([*arguments, *files, "--timestep", "0.2", "--ensemble", "nvt"]) == 0
    assert json.loads((tmp_path / "r.json").read_text())["n_steps"] == 20
    assert "steps/s" in capsys.readouterr().out
