"""The ground state of a potential and that of a method of electronic structure: one protocol, the same numbers."""

import numpy as np
import pytest
from ase import Atoms

from fusionmd.cli.main import run
from fusionmd.errors import ConfigError, LabelError
from fusionmd.labels.protocol import Labels
from fusionmd.namd.alignment import rmsd
from fusionmd.potential import export_potential, load_potential
from fusionmd.workflows.namd_ground_state import MethodGroundState, PotentialGroundState, ground_state
from fusionmd.workflows.namd_sample import modes_of, sample, sample_settings
from tests.namd.springs import ENERGIES, WATER, MorsePairs

BENT = Atoms("OH2", [[0, 0, 0], [1.05, 0, 0.02], [-0.3, 0.9, 0]])


class Springs:
    """The potential of springs, asked like a method of electronic structure."""

    def __init__(self, potential, *, reach=np.inf):
        self.potential, self.reach = potential, reach
        self.name, self.n_states, self.elements = "springs", 2, frozenset({1, 8})

    def label(self, structure, roots):
        if structure.positions.max() > self.reach:
            raise LabelError("too far")
        found = self.potential.evaluate([structure], states=list(range(2)))[0]
        forces = np.full((2, structure.n_atoms, 3), np.nan)
        forces[list(roots)] = np.asarray(found.forces)[list(roots)]
        return Labels(np.asarray(found.energies), forces)


@pytest.fixture(scope="module")
def potential(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ground")
    export_potential(MorsePairs().double(), folder / "two.pt", atomic_energies=ENERGIES)
    (folder / "start.xyz").write_text(WATER)
    return load_potential(folder / "two.pt")


def test_both_find_the_same_minimum_hessian_and_energies(potential):
    exact, direct = PotentialGroundState(potential), MethodGroundState(Springs(potential), n_jobs=2)
    one, other = exact.relaxed(BENT), direct.relaxed(BENT)
    assert rmsd(one.positions, other.positions) < 2e-4
    np.testing.assert_allclose(direct.energies([one, BENT]), exact.energies([one, BENT]), atol=1e-9)
    np.testing.assert_allclose(direct.hessian(one), exact.hessian(one), atol=0.02)
    frequencies = [modes_of(source, BENT).frequencies for source in (exact, direct)]
    np.testing.assert_allclose(frequencies[1], frequencies[0], rtol=2e-3)


def test_draws_of_both_have_the_same_energy(potential, tmp_path):
    (tmp_path / "start.xyz").write_text(WATER)
    settings = sample_settings(n=4, seed=3)
    found = [
        sample(source, tmp_path / "start.xyz", settings)
        for source in (PotentialGroundState(potential), MethodGroundState(Springs(potential)))
    ]
    kinetic = [[frame.get_kinetic_energy() for frame in one.frames] for one in found]
    np.testing.assert_allclose(kinetic[0], kinetic[1], rtol=5e-3)


def test_what_fails_is_said(potential, tmp_path):
    with pytest.raises(LabelError, match=r"1 of 2 calculations .* failed \(number 0: "):
        MethodGroundState(Springs(potential, reach=1.0)).energies([BENT, Atoms("OH2", BENT.positions * 0.9)])
    (tmp_path / "start.xyz").write_text(WATER)
    with pytest.raises(ConfigError, match="thermal sampling needs a potential"):
        settings = sample_settings(method="thermal", temperature_K=300.0)
        sample(MethodGroundState(Springs(potential)), tmp_path / "start.xyz", settings)
    with pytest.raises(ConfigError, match="neither a potential"):
        ground_state("b3lyp")


def test_the_verb_draws_from_a_method(tmp_path):
    ethylene = "6\n\nC 0 0 0.03\nC 1.33 0 0\nH -0.55 0.93 0.05\nH -0.55 -0.93 0\nH 1.89 0.93 0\nH 1.89 -0.93 0.02\n"
    (tmp_path / "start.xyz").write_text(ethylene)
    out = tmp_path / "starts.xyz"
    words = ["namd", "sample", "mopac-am1-ci22", str(tmp_path / "start.xyz"), "-n", "2", "--jobs", "2", "-o", str(out)]
    assert run(words) == 0
    assert "electronic_structure: MOPAC AM1" in (tmp_path / "starts.xyz.yaml").read_text()
