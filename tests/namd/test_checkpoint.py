"""Interrupted and continued from a file: equal bit for bit to a run without a stop."""

import numpy as np
import pytest

from fusionmd.errors import DataError
from fusionmd.namd.checkpoint import read_state, write_state
from fusionmd.namd.ensemble import run_ensemble
from fusionmd.namd.vibronic_models import linear_vibronic
from tests.namd.systems import parts, vibronic_start
from tests.namd.test_driver import METHODS, same


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_continued_equals_uninterrupted(method, tmp_path):
    made = parts(linear_vibronic(), 10.0, substeps=2, **method)
    state = vibronic_start(made, 15)
    whole = run_ensemble(state, made, n_steps=90, interval=30)
    first = run_ensemble(state, made, n_steps=30, interval=30)
    write_state(tmp_path / "state.npz", first.final, "protocol A")
    rest = run_ensemble(read_state(tmp_path / "state.npz", "protocol A"), made, n_steps=60, interval=30)
    assert len(rest.hops.step) > 0
    same(rest.final, whole.final)
    assert np.array_equal(rest.records.energies, whole.records.energies[:, 1:])


def test_another_protocol_and_other_files_are_refused(tmp_path):
    made = parts(linear_vibronic(), 10.0, hopping="lzsh")
    write_state(tmp_path / "state.npz", vibronic_start(made, 3), "A")
    with pytest.raises(DataError, match="another protocol"):
        read_state(tmp_path / "state.npz", "B")
    (tmp_path / "half.npz").write_bytes((tmp_path / "state.npz").read_bytes()[:500])
    np.savez(tmp_path / "other.npz", protocol=np.array("A"), energies=np.zeros(3))
    for name in ("half.npz", "other.npz"):
        with pytest.raises(DataError, match="no checkpoint"):
            read_state(tmp_path / name, "A")
