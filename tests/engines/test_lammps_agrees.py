"""LAMMPS gives what the ASE calculator gives: every boundary, decomposition, mode and unit system."""

import re

import numpy as np
import pytest

from fusionmd.engines.ase import FusionCalculator
from fusionmd.structure import Structure
from tests.engines.lammps_case import ask
from tests.potential.conftest import random_structure

pytestmark = pytest.mark.usefixtures("lammps_plugin")

SYSTEMS = {
    "triclinic": random_structure(24, edge=7.0, seed=2, pbc=True),
    "smaller than the cutoff": random_structure(3, edge=2.9, seed=5, pbc=True),
    "one atom": Structure([6], [[0.1, 0.2, 0.3]], np.eye(3) * 2.1 + np.eye(3, k=1) * 0.3, True),
    "molecule": random_structure(9, edge=5.0, seed=3),
    "slab": random_structure(18, edge=6.0, seed=4, pbc=[True, True, False]),
}


def check(structure, path, answer, state=0):
    atoms = structure.to_ase()
    atoms.calc = FusionCalculator(path, state=state, compiled="no")
    forces = atoms.get_forces()
    assert abs(answer.energy - atoms.get_potential_energy()) <= 1e-9 * len(atoms)
    assert np.abs(answer.forces - forces).max() <= 1e-9
    assert np.abs(answer.energies - atoms.get_potential_energies()).max() <= 1e-9
    if all(structure.pbc):
        virial = -atoms.get_stress(voigt=False) * atoms.get_volume()
        assert np.abs(answer.virial - virial).max() <= 1e-9 * max(1.0, np.abs(virial).max())


@pytest.mark.parametrize("potential", ["one.pt", "two.pt", "net.pt"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_one_rank(system, potential, potentials, tmp_path):
    answer = ask(SYSTEMS[system], potentials / potential, tmp_path)
    check(SYSTEMS[system], potentials / potential, answer)


@pytest.mark.parametrize("mode", ["exchange", "expand"])
@pytest.mark.parametrize("potential, n_ranks", [("net.pt", 2), ("deep.pt", 4)])
@pytest.mark.parametrize("system", SYSTEMS)
def test_ranks(system, potential, n_ranks, mode, potentials, tmp_path):
    answer = ask(SYSTEMS[system], potentials / potential, tmp_path, n_ranks=n_ranks, style=f"mode {mode}")
    assert f"mode {mode}" in answer.output
    check(SYSTEMS[system], potentials / potential, answer)


@pytest.mark.parametrize("mode", ["exchange", "expand"])
def test_ranks_that_own_no_atoms(mode, potentials, tmp_path):
    """A molecule in the middle of a wide box, and one atom that nobody sees, cut into four slices."""
    near = SYSTEMS["molecule"]
    positions = np.vstack([near.positions, near.positions.max(0) + 30.0])
    structure = Structure([*near.numbers, 6], positions)
    answer = ask(structure, potentials / "net.pt", tmp_path, n_ranks=4, style=f"mode {mode}", before="processors 4 1 1")
    assert re.search(r"Nlocal: .* 0 min", answer.output)
    check(structure, potentials / "net.pt", answer)


@pytest.mark.parametrize("mode", ["exchange", "expand"])
def test_tiled_ranks(mode, potentials, tmp_path):
    structure = random_structure(60, edge=11.0, seed=6, pbc=True)
    tiles = "comm_style tiled\nbalance 1.0 rcb\n"
    answer = ask(structure, potentials / "net.pt", tmp_path, n_ranks=4, style=f"mode {mode}", after=tiles)
    check(structure, potentials / "net.pt", answer)


@pytest.mark.parametrize("n_ranks, state", [(1, 1), (2, 1), (2, 0)])
def test_units_real_and_states(n_ranks, state, potentials, tmp_path):
    structure = SYSTEMS["triclinic"]
    answer = ask(
        structure, potentials / "two.pt", tmp_path, n_ranks=n_ranks, style=f"state {state}", units="real", n_extras=2
    )
    check(structure, potentials / "two.pt", answer, state)
    atoms = structure.to_ase()
    atoms.calc = FusionCalculator(potentials / "two.pt", state=state)
    atoms.get_potential_energy()
    assert np.abs(atoms.calc.results["state_energies"] - answer.extras).max() <= 1e-8
    assert answer.extras[state] == pytest.approx(answer.energy, rel=1e-14)


@pytest.mark.parametrize("n_ranks", [1, 2])
def test_atomic_virials_sum_to_the_virial(n_ranks, potentials, tmp_path):
    answer = ask(SYSTEMS["triclinic"], potentials / "net.pt", tmp_path, n_ranks=n_ranks)
    scale = np.abs(answer.lammps_virial).max()
    assert np.abs(answer.atomic_virials.sum(0) - answer.lammps_virial).max() <= 1e-10 * scale
    assert np.abs(answer.atomic_virials[0]).max() > 1e-3 * scale


@pytest.mark.parametrize("n_ranks", [1, 2])
@pytest.mark.parametrize("mode", ["exchange", "expand"])
def test_committee(mode, n_ranks, potentials, tmp_path):
    """Mean forces drive; the spread is there for `compute pair` and `fix pair`."""
    structure = SYSTEMS["triclinic"]
    spread = "fix spread all pair 1 fusionmd forces_std 0\nrun 0\ndump p all custom 1 spread.dump id f_spread[*]\n"
    spread += "dump_modify p sort id format float %.17g\n"
    path = potentials / "committee.pt"
    answer = ask(structure, path, tmp_path, n_ranks=n_ranks, style=f"mode {mode}", after=spread, n_extras=3)
    check(structure, path, answer)
    atoms = structure.to_ase()
    atoms.calc = FusionCalculator(path)
    atoms.get_forces()
    results = atoms.calc.results
    assert answer.extras[1] == pytest.approx(results["energy_std"], abs=1e-9)
    rows = [line.split() for line in (tmp_path / "spread.dump").read_text().split("\n")[9:] if line]
    norms = np.linalg.norm(np.array(rows, dtype=float)[:, 1:], axis=1)
    # Components depend on the frame, the norm does not.
    assert np.abs(norms - np.linalg.norm(results["forces_std"], axis=1)).max() <= 1e-9
    assert answer.extras[2] == pytest.approx(norms.max(), rel=1e-12)
