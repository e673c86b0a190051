"""What users do with LAMMPS: minimize, nve, nvt, npt, restart, rerun, hybrid styles, bounded memory, Python inside."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import units
from ase.data import atomic_masses
from ase.md.verlet import VelocityVerlet

from fusionmd.engines.ase import FusionCalculator
from fusionmd.potential import load_potential
from fusionmd.structure import Structure
from fusionmd_lammps.host import mpich_file
from tests.engines.lammps_case import all_printed, ask, printed, run, script, write_data
from tests.engines.test_lammps_agrees import check
from tests.potential.conftest import random_structure

pytestmark = pytest.mark.usefixtures("lammps_plugin")
ROOT = Path(__file__).resolve().parents[2]
CRYSTAL = random_structure(24, edge=7.0, seed=2, pbc=True)
ELEMENTS = [1, 6, 8]
TELL = 'print "ANSWER $(pe:%.17g) $(etotal:%.17g) $(vol:%.17g) $(temp:%.17g)"\n'
VELOCITIES = "velocity all create 300 7 loop geom dist gaussian\n"


def answer(text, folder, structure=CRYSTAL, n_ranks=1):
    folder.mkdir(parents=True, exist_ok=True)
    write_data(structure, folder / "start.data", ELEMENTS, margin=50.0)
    done = run(text, folder, n_ranks=n_ranks)
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    return done.stdout


# Angstrom/ps^2 from eV/angstrom/amu: update.cpp of LAMMPS, and ASE.
LAMMPS_FTM2V, ASE_FTM2V = 1.0 / 1.0364269e-4, (1000 * units.fs) ** 2


@pytest.mark.parametrize("is_scaled, tolerance", [(False, 1e-5), (True, 1e-8)])
def test_trajectory_of_velocity_verlet(is_scaled, tolerance, potentials, tmp_path):
    """200 steps of 0.5 fs beside ASE's; masses scaled by LAMMPS' own constants of nature leave rounding alone."""
    path, molecule = potentials / "two.pt", random_structure(9, edge=5.0, seed=3)
    scale = LAMMPS_FTM2V / ASE_FTM2V if is_scaled else 1.0
    masses = [f"mass {k + 1} {atomic_masses[z] * scale:.17g}\n" for k, z in enumerate(ELEMENTS)]
    text = script(molecule, path, ELEMENTS, style="compiled no") + "".join(masses)
    text += 'fix 1 all nve\nfix note all print 1 "STEP $(pe:%.17g)"\nthermo 1\nrun 200\n'
    found = [energy for (energy,) in all_printed(answer(text, tmp_path, molecule), "STEP")]
    atoms, expected = molecule.to_ase(), []
    atoms.calc = FusionCalculator(path, compiled="no")
    dynamics = VelocityVerlet(atoms, 0.5 * units.fs)
    dynamics.attach(lambda: expected.append(atoms.get_potential_energy()))
    dynamics.run(200)
    assert len(found) == len(expected) == 201 and np.ptp(expected) > 0.01
    errors = np.abs(np.array(found) - expected)
    assert errors.max() <= tolerance and (is_scaled or errors.max() > 1e-8)


@pytest.mark.parametrize("n_ranks", [1, 2])
def test_energy_is_conserved(n_ranks, potentials, tmp_path):
    text = script(CRYSTAL, potentials / "net.pt", ELEMENTS) + VELOCITIES + "timestep 0.0002\nfix 1 all nve\nrun 0\n"
    text += TELL.replace("ANSWER", "BEFORE") + "thermo 50\nrun 100\n" + TELL
    said = answer(text, tmp_path, n_ranks=n_ranks)
    before, after = printed(said, "BEFORE"), printed(said, "ANSWER")
    moved = abs(after[0] - before[0])
    assert moved > 1e-3 and abs(after[1] - before[1]) < 0.02 * moved


def test_ranks_share_one_trajectory(potentials, tmp_path):
    """Across new neighbour lists, with atoms that change ranks."""
    text = script(CRYSTAL, potentials / "net.pt", ELEMENTS, style="mode {}") + VELOCITIES.replace("300", "900")
    text += "neighbor 0.3 bin\nneigh_modify every 1 delay 0 check yes\nfix 1 all nve\nrun 60\n" + TELL
    energies = []
    for mode, n_ranks in (("expand", 1), ("expand", 2), ("exchange", 2)):
        said = answer(text.replace("{}", mode), tmp_path / f"{mode}{n_ranks}", n_ranks=n_ranks)
        assert int(said.split("Neighbor list builds = ")[1].split()[0]) > 2
        energies.append(printed(said, "ANSWER")[0])
    assert np.ptp(energies) < 1e-8


def test_minimize(potentials, tmp_path):
    text = script(CRYSTAL, potentials / "one.pt", ELEMENTS) + "run 0\n" + TELL.replace("ANSWER", "BEFORE")
    text += 'minimize 0.0 1e-4 200 2000\nprint "FORCE $(fmax:%.17g)"\n' + TELL
    said = answer(text, tmp_path)
    assert printed(said, "ANSWER")[0] < printed(said, "BEFORE")[0]
    assert printed(said, "FORCE")[0] < 0.05


@pytest.mark.parametrize("n_ranks", [1, 2])
def test_thermostat_and_barostat(n_ranks, potentials, tmp_path):
    text = script(CRYSTAL, potentials / "net.pt", ELEMENTS) + VELOCITIES
    text += "fix 1 all nvt temp 300 300 0.05\nrun 20\nunfix 1\n"
    text += "fix 1 all npt temp 300 300 0.05 tri 0 0 0.5\nrun 20\n" + TELL
    said = answer(text, tmp_path, n_ranks=n_ranks)
    energy, _, volume, temperature = printed(said, "ANSWER")
    assert np.isfinite(energy) and abs(volume / CRYSTAL.volume - 1) > 1e-6 and 1 < temperature < 5000


def test_restart_goes_on(potentials, tmp_path):
    path = potentials / "net.pt"
    head = script(CRYSTAL, path, ELEMENTS)
    text = head + VELOCITIES + "fix 1 all nve\nrun 10\nwrite_restart mid.restart\nrun 10\n" + TELL
    whole = printed(answer(text, tmp_path), "ANSWER")
    again = (
        f"units metal\natom_style atomic\nread_restart mid.restart\npair_style fusionmd\npair_coeff * * {path} H C O\n"
    )
    resumed = printed(answer(again + "timestep 0.0005\nfix 1 all nve\nrun 10\n" + TELL, tmp_path), "ANSWER")
    assert np.abs(np.array(resumed) - whole).max() < 1e-9


def test_types_that_change_without_a_new_list(potentials, tmp_path):
    path = potentials / "net.pt"
    text = script(CRYSTAL, path, ELEMENTS) + "run 0\nset atom 5 type 2\nrun 1 pre no\n" + TELL
    energy = printed(answer(text, tmp_path), "ANSWER")[0]
    numbers = np.where(np.arange(24) == 4, 6, CRYSTAL.numbers)
    changed = Structure(numbers, CRYSTAL.positions, CRYSTAL.cell, True)
    assert CRYSTAL.numbers[4] != 6
    assert energy == pytest.approx(load_potential(path).evaluate([changed])[0].energy, abs=1e-8)


@pytest.mark.parametrize("n_ranks", [1, 2])
def test_monte_carlo_swaps_of_elements(n_ranks, potentials, tmp_path):
    """At 1 K only swaps that lower the energy are taken: `fix atom/swap` sees the energy of what it has swapped."""
    text = script(CRYSTAL, potentials / "net.pt", ELEMENTS)
    text += "fix swap all atom/swap 1 1 12345 1.0 types 2 3 ke no\nthermo 1\n"
    text += 'fix note all print 1 "SWAP $(pe:%.17g) $(f_swap[1]) $(f_swap[2])"\nrun 12\n'
    energies, tried, taken = np.array(all_printed(answer(text, tmp_path, n_ranks=n_ranks), "SWAP")).T
    assert tried[-1] == 12 and 0 < taken[-1] < 12
    np.testing.assert_array_equal(np.diff(energies) < -1e-8, np.diff(taken) == 1)
    assert np.diff(energies).max() < 1e-8


def test_rerun_repeats_energies(potentials, tmp_path):
    head = script(CRYSTAL, potentials / "two.pt", ELEMENTS)
    note = 'fix note all print 1 "PE $(pe:%.17g)" screen no file {}\n'
    text = head + VELOCITIES + "dump d all custom 5 t.dump id type x y z\ndump_modify d format float %.17g\n"
    answer(text + "thermo 1\nfix 1 all nve\n" + note.format("a.txt") + "run 10\n", tmp_path)
    answer(head + "thermo 1\n" + note.format("b.txt") + "rerun t.dump dump x y z\n", tmp_path)
    first, again = ((tmp_path / name).read_text().splitlines()[1:] for name in ("a.txt", "b.txt"))
    assert len(again) >= 2
    for line in again:
        value = float(line.split()[1])
        assert min(abs(value - float(other.split()[1])) for other in first) < 1e-9


@pytest.mark.parametrize("n_ranks, mode", [(1, "expand"), (2, "expand"), (2, "exchange")])
def test_hybrid_with_atoms_of_another_style(n_ranks, mode, potentials, tmp_path):
    """Nitrogen is NULL: it feels a Lennard-Jones wall and is no part of the learned potential."""
    path = potentials / "net.pt"
    extra = [[3.4, 3.5, 3.6], [1.0, 0.9, 1.1]]
    structure = Structure([*CRYSTAL.numbers, 7, 7], np.vstack([CRYSTAL.positions, extra]), CRYSTAL.cell, True)
    styles = f"pair_style hybrid/overlay fusionmd mode {mode} lj/cut 5.0\n"
    styles += f"pair_coeff * * fusionmd {path} H C O NULL\npair_coeff 4 4 lj/cut 0.01 3.0\n"
    styles += "pair_coeff 1*3 4 lj/cut 0.0 1.0"
    found = ask(structure, path, tmp_path, elements=[1, 6, 8, 7], pair=styles, n_ranks=n_ranks)
    atoms = CRYSTAL.to_ase()
    atoms.calc = FusionCalculator(path, compiled="no")
    assert np.abs(found.forces[:24] - atoms.get_forces()).max() <= 1e-9
    assert found.extras[0] == pytest.approx(atoms.get_potential_energy(), abs=1e-9)
    assert np.abs(found.forces[24:]).max() > 1e-6


@pytest.mark.parametrize("name, n_ranks", [("net.pt", 1), ("deep.pt", 1), ("net.pt", 2)])
def test_bounded_memory_changes_nothing(name, n_ranks, potentials, tmp_path):
    structure = random_structure(80, edge=12.0, seed=8, pbc=True)
    found = ask(
        structure, potentials / name, tmp_path, style="memory_GB 0.0005 compiled no mode expand", n_ranks=n_ranks
    )
    assert "fusionmd: works in" in found.output
    check(structure, potentials / name, found)


def test_exchange_falls_back_where_memory_is_short(potentials, tmp_path):
    found = ask(CRYSTAL, potentials / "net.pt", tmp_path, style="memory_GB 0.00005", n_ranks=2)
    assert "falls back to mode expand" in found.output and "mode expand" in found.output
    check(CRYSTAL, potentials / "net.pt", found)


COSTS = re.compile(
    r"fusionmd: mean of (\d+) evaluations, at most of a rank: (\S+) ms in the model, (\S+) ms around it, "
    r"(\d+) nodes, (\d+) of them ghosts, (\d+) edges, (\d+) bytes exchanged"
)


@pytest.mark.parametrize("mode, n_ranks", [("expand", 1), ("expand", 2), ("exchange", 2)])
def test_a_run_says_what_it_cost(mode, n_ranks, potentials, tmp_path):
    """The counts are those of the graph; of two runs the second one is not charged with the first."""
    text = script(CRYSTAL, potentials / "net.pt", ELEMENTS, style=f"mode {mode} compiled no") + VELOCITIES
    said = answer(text + "fix 1 all nve\nrun 30\nrun 0\n", tmp_path, n_ranks=n_ranks)
    (n_first, model, around, nodes, ghosts, edges, moved), (n_second, *_) = [
        [float(word) for word in found] for found in COSTS.findall(said)
    ]
    assert (n_first, n_second) == (31, 1)  # the set-up of a run evaluates once
    assert model > 0.0 and around > 0.0
    n_edges = load_potential(potentials / "net.pt").graph(CRYSTAL).n_edges
    if n_ranks == 1:
        assert (nodes, ghosts, moved) == (24, 0, 0) and abs(edges - n_edges) < 0.1 * n_edges
    else:
        assert ghosts > 0 and nodes <= 24 and (moved > 0) == (mode == "exchange") and edges < 2 * n_edges


@pytest.mark.parametrize("choice", ["yes", "no"])
def test_mallopt(choice, potentials, tmp_path):
    check(CRYSTAL, potentials / "one.pt", ask(CRYSTAL, potentials / "one.pt", tmp_path, style=f"mallopt {choice}"))


EMBEDDED = """
import sys
import torch
import fusionmd.potential
from fusionmd.potential.file import load_exchange_core
from fusionmd_lammps import open_lammps

potential = fusionmd.potential.load_potential(sys.argv[1])
load_exchange_core(sys.argv[1])                       # the op as Python defines it
lmp = open_lammps()
lmp.file("in.lammps")
print("RANK", lmp.extract_setting("world_rank"), "ANSWER", repr(lmp.get_thermo("pe")))
h = torch.ones(3, 2, requires_grad=True)
(slope,) = torch.autograd.grad((torch.ops.fusionmd.ghost_exchange(h) ** 2).sum(), h, create_graph=True)
assert torch.equal(slope, 2 * h)                      # still the identity for Python, with second derivatives
assert torch.equal(torch.autograd.grad(slope.sum(), h)[0], 2 * torch.ones(3, 2))
lmp.close()
"""


@pytest.mark.parametrize("n_ranks", [1, 2])
def test_inside_python_after_import_fusionmd(n_ranks, potentials, tmp_path):
    path = potentials / "net.pt"
    write_data(CRYSTAL, tmp_path / "start.data", ELEMENTS)
    (tmp_path / "in.lammps").write_text(script(CRYSTAL, path, ELEMENTS) + "run 0\n")
    command = [mpich_file("mpiexec"), "-n", str(n_ranks), sys.executable, "-W", "ignore", "-c", EMBEDDED, str(path)]
    paths = os.pathsep.join(str(ROOT / name) for name in ("", "lammps_plugin"))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    atoms = CRYSTAL.to_ase()
    atoms.calc = FusionCalculator(path, compiled="no")
    found = [float(line.split()[-1]) for line in done.stdout.splitlines() if "ANSWER" in line]
    assert found == pytest.approx([atoms.get_potential_energy()] * n_ranks, abs=1e-9)
