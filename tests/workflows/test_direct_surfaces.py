"""Trajectories on surfaces from electronic structure: units, energy, failures, any number of jobs."""

import h5py
import numpy as np
import pytest
from ase import Atoms, units
from ase.io import write

from fusionmd.errors import ConfigError, LabelError, MissingQuantityError, UnsupportedStructureError
from fusionmd.labels.methods import method_of
from fusionmd.units import ANGSTROM_PER_BOHR, EV_PER_HARTREE
from fusionmd.workflows.direct_surfaces import DirectSurfaces
from fusionmd.workflows.namd import run_namd
from fusionmd.workflows.namd_settings import RunSettings
from tests.labels.test_mopac import AM1, COLLAPSED, ETHYLENE

MASSES = [12.011, 12.011, 1.008, 1.008, 1.008, 1.008]
PLACE = (ETHYLENE.positions / ANGSTROM_PER_BOHR).reshape(1, -1)


def frames(path, structures):
    rng, images = np.random.default_rng(5), []
    for structure in structures:
        atoms = Atoms(structure.numbers, structure.positions)
        atoms.set_velocities(0.01 * rng.normal(size=(6, 3)) / units.fs)
        images.append(atoms)
    write(path, images, format="extxyz")
    return str(path)


def settings(path, **changes):
    direct = {"method": "mopac-am1-ci22", "frames": path}
    return RunSettings.model_validate(
        {
            "surfaces": direct | changes,
            "method": {"hopping": "lzsh"},
            "state": 1,
            "time_step_fs": 0.25,
            "n_steps": 8,
            "interval": 2,
        }
    )


def test_energies_and_gradients_are_those_of_the_method():
    surfaces = DirectSurfaces(AM1, ETHYLENE.numbers, MASSES)
    asked = np.array([[False, True, False]])
    found, direct = surfaces.evaluate(PLACE, asked), AM1.label(ETHYLENE, [1])
    np.testing.assert_allclose(found.energies[0] * EV_PER_HARTREE, direct.energies, rtol=1e-12)
    step = np.zeros(18)
    step[7] = 4e-3
    ahead, behind = (surfaces.evaluate(PLACE + sign * step, asked).energies for sign in (1, -1))
    np.testing.assert_allclose(found.gradients[0, 1, 7], (ahead - behind)[0, 1] / 8e-3, atol=2e-5)
    assert np.isnan(found.gradients[0, [0, 2]]).all()
    energies_alone = surfaces.evaluate(PLACE, np.zeros((1, 3), dtype=bool))
    assert np.isfinite(energies_alone.energies).all() and np.isnan(energies_alone.gradients).all()


def test_trajectories_keep_their_energy_and_a_failed_one_is_flagged(tmp_path):
    path = frames(tmp_path / "start.xyz", [ETHYLENE, COLLAPSED, ETHYLENE])
    summary = run_namd(settings(path, jobs=2), tmp_path / "two.h5")
    assert summary["n_trajectories"] == 3 and summary["n_discarded"] == 1
    run_namd(settings(path), tmp_path / "one.h5")
    with h5py.File(tmp_path / "two.h5") as two, h5py.File(tmp_path / "one.h5") as one:
        energies, flags = two["total_energy"][...], two["flag"][...]
        np.testing.assert_array_equal(energies, one["total_energy"][...])
        np.testing.assert_array_equal(two["positions"][...], one["positions"][...])
    assert (flags > 1).tolist() == [False, True, False]
    assert np.ptp(energies[[0, 2]], axis=1).max() < 0.02


def test_what_cannot_be(tmp_path):
    path = frames(tmp_path / "start.xyz", [ETHYLENE])
    surfaces = DirectSurfaces(AM1, ETHYLENE.numbers, MASSES)
    with pytest.raises(MissingQuantityError, match="coupling"):
        surfaces.evaluate(PLACE, np.ones((1, 3), dtype=bool), with_couplings=True)
    with pytest.raises(MissingQuantityError, match="second derivatives"):
        surfaces.curvatures(PLACE, PLACE, np.ones((1, 3), dtype=bool))
    with pytest.raises(UnsupportedStructureError, match="6 positive masses"):
        DirectSurfaces(AM1, ETHYLENE.numbers, [0.0, *MASSES[1:]])
    with pytest.raises(ConfigError, match="two or more"):
        DirectSurfaces(method_of("mopac-am1-ci22", n_states=1), ETHYLENE.numbers, MASSES)
    with pytest.raises(LabelError, match="not known"):
        run_namd(settings(path, method="b3lyp"), tmp_path / "out.h5")
