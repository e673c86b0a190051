"""Runs of hopping trajectories from YAML: the file they write, and what is refused."""

import h5py
import numpy as np
import pytest
import yaml

from fusionmd.errors import ConfigError
from fusionmd.workflows.namd import run_namd
from fusionmd.workflows.namd_settings import read_run

CONE = {
    "surfaces": {"model": "linear_vibronic"},
    "method": {"hopping": "fssh", "amplitudes": "diabatic", "substeps": 2, "seed": 4},
    "diabatic_state": 1,
    "n_trajectories": 12,
    "time_step_fs": 0.2,
    "n_steps": 100,
    "interval": 25,
}


def settings(tmp_path, **changes):
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(CONE | changes))
    return read_run(tmp_path / "run.yaml")


def test_file_has_units_protocol_and_the_same_numbers_for_any_batch(tmp_path):
    summary = run_namd(settings(tmp_path), tmp_path / "a.h5")
    run_namd(settings(tmp_path, batch_size=5), tmp_path / "b.h5")
    assert summary["n_trajectories"] == 12 and summary["n_hops"] > 0
    with h5py.File(tmp_path / "a.h5") as one, h5py.File(tmp_path / "b.h5") as other:
        assert yaml.safe_load(one.attrs["protocol"])["method"]["seed"] == 4
        assert one["time"][-1] == pytest.approx(20.0)
        assert one["total_energy"].attrs["units"] == "eV" and one["total_energy"].shape == (12, 5)
        np.testing.assert_allclose(one["population"][:].sum(axis=1), 1.0)
        for name in one:
            assert np.array_equal(one[name][:], other[name][:]), name


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"method": {"hopping": "tsh"}}, "fssh"),
        ({"surfaces": {"model": "tully_1"}}, "centre, width and wave_number"),
        ({"interval": 7}, "multiple"),
        ({"steps": 7}, r"run.yaml:\d+: unknown key steps; did you mean n_steps"),
        (
            {"surfaces": {"model": "tully_1", "center": [0.0]}},
            r"run.yaml:\d+: unknown key surfaces.center; did you mean centre",
        ),
        ({"surfaces": {"potential": "a.pt"}}, "surfaces.frames: Field required"),
        ({"n_trajectories": 0}, r"run.yaml:\d+: n_trajectories: .* greater"),
        ({"diabatic_state": 2}, "states 0..1"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, changes, said):
    with pytest.raises(ConfigError, match=said):
        run_namd(settings(tmp_path, **changes), tmp_path / "a.h5")
    assert not (tmp_path / "a.h5").exists()
