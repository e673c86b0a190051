"""Potentials run in the fast form of this machine, decided once when a run begins."""

import h5py
import numpy as np
import pytest
import yaml

from fusionmd.errors import CompilerError, ConfigError
from fusionmd.native.library import build_library
from fusionmd.potential.export import potential_bytes
from fusionmd.workflows.namd import parts_folder, resume_namd, run_namd
from fusionmd.workflows.namd_settings import RunSettings
from fusionmd.workflows.namd_start import settled
from tests.models.nets import ELEMENTS, net

START = """3
Properties=species:S:1:pos:R:3:momenta:R:3
O 0.00 0.00 0.0 0.0 0.2 0.1
H 0.96 0.00 0.1 0.1 0.0 0.0
H -0.2 0.93 0.0 0.0 0.1 0.0
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network of two states that has a native form, which is built."""
    try:
        build_library()
    except CompilerError as error:
        pytest.skip(f"no C++ compiler here: {error}")
    folder = tmp_path_factory.mktemp("fast")
    references = {z: -10.0 * z for z in ELEMENTS}
    content, _ = potential_bytes((net(n_outputs=2),), atomic_energies=references, name="two", frames=())
    (folder / "two.pt").write_bytes(content)
    (folder / "start.xyz").write_text(START)
    return folder


def settings(folder, **surfaces):
    files = {"potential": str(folder / "two.pt"), "frames": str(folder / "start.xyz")}
    lengths = {"n_trajectories": 1, "n_steps": 20, "interval": 5, "time_step_fs": 0.2, "state": 1}
    return RunSettings.model_validate({"surfaces": files | surfaces, **lengths, "triage": {"energy_step_eV": None}})


def test_it_is_taken_where_it_exists_but_not_with_chunks(folder):
    assert settled(settings(folder)).surfaces.compiled == "yes"
    assert settled(settings(folder, chunk=2)).surfaces.compiled == "no"
    for form in ("yes", "no"):
        assert settled(settings(folder, compiled=form)).surfaces.compiled == form


def test_chunks_and_the_fast_form_do_not_go_together(folder, tmp_path):
    with pytest.raises(ConfigError, match="leave chunk out"):
        run_namd(settings(folder, chunk=2, compiled="yes"), tmp_path / "run.h5")


def test_it_is_not_taken_where_it_was_not_built(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert settled(settings(folder)).surfaces.compiled == "no"


def test_both_forms_move_alike_and_the_file_says_which(folder, tmp_path):
    found = {}
    for form in ("yes", "no", "auto"):
        run_namd(settings(folder, compiled=form), tmp_path / f"{form}.h5")
        with h5py.File(tmp_path / f"{form}.h5") as file:
            found[form] = file["positions"][:]
            assert yaml.safe_load(file.attrs["protocol"])["surfaces"]["compiled"] == form.replace("auto", "yes")
    np.testing.assert_array_equal(found["auto"], found["yes"])
    np.testing.assert_allclose(found["yes"], found["no"], atol=1e-9)
    assert np.abs(found["yes"][0, -1] - found["yes"][0, 0]).max() > 1e-3


def test_a_run_goes_on_in_the_form_in_which_it_began(folder, tmp_path):
    whole, stopped = tmp_path / "whole.h5", tmp_path / "stopped.h5"

    def stop(n_done):
        if n_done >= 10:
            raise KeyboardInterrupt

    run_namd(settings(folder), whole)
    given = settings(folder).model_copy(update={"checkpoint_s": 0.0})
    with pytest.raises(KeyboardInterrupt):
        run_namd(given, stopped, on_step=stop)
    kept = yaml.safe_load((parts_folder(stopped) / "settings.yaml").read_text())
    assert kept["surfaces"]["compiled"] == "yes"
    resume_namd(stopped)
    with h5py.File(whole) as a, h5py.File(stopped) as b:
        np.testing.assert_array_equal(a["positions"][:], b["positions"][:])
