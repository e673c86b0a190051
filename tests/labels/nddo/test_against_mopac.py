"""Integrals, Fock matrices and energies of AM1 as MOPAC has them."""

import re
import sys

import numpy as np
import pytest
import torch

from fusionmd.labels import mopac, mopac_child
from fusionmd.labels.nddo.coulomb import Hamiltonian
from fusionmd.labels.nddo.elements import AM1
from fusionmd.labels.nddo.field import Extrapolation
from fusionmd.labels.nddo.molecule import Molecule
from fusionmd.labels.nddo.pairs import blocks
from fusionmd.labels.process import run_process
from fusionmd.units import ANGSTROM_PER_BOHR, EV_PER_HARTREE, EV_PER_KCAL_PER_MOL

ITERATIONS = 40
MOLECULES = {
    "ethylene": (
        [6, 6, 1, 1, 1, 1],
        [[0, 0, 0], [1.33, 0.02, 0], [-0.6, 0.9, 0], [-0.5, -0.9, 0.1], [1.9, 0.9, 0.2], [1.9, -0.9, 0]],
    ),
    "methanimine": ([6, 7, 1, 1, 1], [[0, 0, 0], [1.27, 0, 0], [-0.6, 0.9, 0.1], [-0.6, -0.9, 0], [1.7, 0.9, 0.2]]),
    "hydroxylamine": ([7, 8, 1, 1, 1], [[0, 0, 0], [1.45, 0, 0], [-0.3, 0.9, 0.3], [-0.3, -0.8, 0.5], [1.7, 0.2, 0.9]]),
    "water": ([8, 1, 1], [[0, 0, 0], [0.96, 0, 0], [-0.2, 0.93, 0.1]]),
}  # fmt: skip


def ours(numbers, positions):
    """Total energy and that of the highest occupied orbital, eV."""
    molecule = Molecule(np.array(numbers), AM1)
    hamiltonian = Hamiltonian(molecule, blocks(molecule, torch.tensor(positions) / ANGSTROM_PER_BOHR))
    n_pairs, density, kept = molecule.n_electrons // 2, np.diag(molecule.start), Extrapolation()
    for _ in range(ITERATIONS):
        (coulomb,), (exchange,) = hamiltonian.matrices([density])
        fock = hamiltonian.one_electron + 2 * coulomb - exchange
        levels, orbitals = np.linalg.eigh(kept.add(fock, fock @ density - density @ fock) if _ else fock)
        density = orbitals[:, :n_pairs] @ orbitals[:, :n_pairs].T
    energy = np.sum((hamiltonian.one_electron + fock) * density) + hamiltonian.cores
    return EV_PER_HARTREE * energy, EV_PER_HARTREE * levels[n_pairs - 1]


def theirs(numbers, positions, folder):
    """Heat of formation and energy of the highest occupied orbital, eV."""
    atoms = [f"{n} " + " ".join(f"{x:.10f} 1" for x in place) for n, place in zip(numbers, positions, strict=True)]
    (folder / "job.mop").write_text("\n".join(["AM1 1SCF RELSCF=0.001 AUX(PRECISION=9) NOSYM", "", "", *atoms, ""]))
    command = [sys.executable, "-I", "-S", str(mopac_child.__file__), str(mopac.library()), "job.mop"]
    run_process(command, folder, who="MOPAC", timeout_s=60)
    heat = re.search(r"HEAT_OF_FORMATION:KCAL/MOL=(\S+)", (folder / "job.aux").read_text()).group(1)
    level = re.search(r"IONIZATION POTENTIAL\s+=\s+(\S+)", (folder / "job.out").read_text()).group(1)
    return float(heat.replace("D", "E")) * EV_PER_KCAL_PER_MOL, -float(level)


@pytest.mark.parametrize("name", MOLECULES)
def test_closed_shells_are_those_of_mopac(name, tmp_path):
    numbers, places = MOLECULES[name]
    places = np.array(places, dtype=np.float64)
    stretched = places + np.random.default_rng(0).normal(scale=0.05, size=places.shape)
    (energy, level), (other, _) = ours(numbers, places), ours(numbers, stretched)
    (heat, their_level), (other_heat, _) = theirs(numbers, places, tmp_path), theirs(numbers, stretched, tmp_path)
    assert level == pytest.approx(their_level, abs=1e-4)
    assert other - energy == pytest.approx(other_heat - heat, abs=2e-4)
