"""A Dask cluster of two processes gives the bits of one process; the file opens in xarray with units."""

import h5py
import numpy as np
import pytest
import xarray
from distributed import LocalCluster

from fusionmd.errors import ConfigError
from fusionmd.workflows.namd import run_namd
from tests.namd.test_resume import assert_same_bits, settings

SHORT = {"n_steps": 100, "n_trajectories": 12}


@pytest.fixture(scope="module")
def cluster():
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as found:
        yield found


def test_two_workers_of_a_cluster_give_the_same_bits(cluster, tmp_path):
    run_namd(settings(**SHORT), tmp_path / "here.h5")
    run_namd(settings(**SHORT, batch_size=4), tmp_path / "there.h5", scheduler=cluster.scheduler_address)
    assert_same_bits(tmp_path / "here.h5", tmp_path / "there.h5")
    assert not (tmp_path / "there.h5.parts").exists()


def test_no_scheduler_is_an_error_that_leaves_the_run_resumable(tmp_path):
    with pytest.raises(ConfigError, match="no Dask scheduler answers"):
        run_namd(settings(**SHORT), tmp_path / "out.h5", scheduler="tcp://127.0.0.1:9")
    assert (tmp_path / "out.h5.parts" / "settings.yaml").exists()


def test_xarray_reads_the_file_with_units_and_dimensions(tmp_path):
    run_namd(settings(**SHORT), tmp_path / "out.h5")
    with xarray.open_dataset(tmp_path / "out.h5", engine="h5netcdf") as found:
        assert found["total_energy"].dims == ("trajectory", "frame") and found["total_energy"].shape == (12, 11)
        assert found["total_energy"].attrs["units"] == "eV"
        assert found["population"].dims == ("frame", "state")
        assert "seed: 4" in found.attrs["protocol"]
        late = found["population"].sel(state=1).isel(frame=-1)
        with h5py.File(tmp_path / "out.h5") as file:
            assert float(late) == file["population"][-1, 1]
        assert float(found["time"][-1]) == pytest.approx(10.0)
        np.testing.assert_allclose(found["population"].sum("state"), 1.0)
