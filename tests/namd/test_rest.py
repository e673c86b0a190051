"""Trajectories that end at rest on the ground state, and hops between chosen states alone."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from fusionmd.errors import ConfigError
from fusionmd.namd.batch import FINISHED, Rest, begun, run_batch
from fusionmd.namd.config import method_of, parts_of
from fusionmd.namd.driver import start
from fusionmd.namd.ensemble import run_ensemble
from fusionmd.namd.landau_zener import Minima, probabilities
from fusionmd.namd.model_systems import ModelSurfaces
from fusionmd.namd.rows import take
from fusionmd.namd.run_file import read_run
from fusionmd.namd.sampling import adiabatic_start
from fusionmd.namd.triage import Flag
from fusionmd.workflows.namd import parts_folder, resume_namd, run_namd
from tests.namd.systems import LandauZenerLine, line_start, parts
from tests.namd.test_resume import assert_same_bits, settings

SPEED = 0.02


@dataclass(frozen=True)
class ThreeLines:
    """Three parallel diabats of one coordinate, the second crossed by both others; constant couplings."""

    coupling: float = 0.002
    name: str = "three lines"
    n_states: int = 3

    @property
    def masses(self):
        return np.array([2000.0])

    def matrix(self, positions):
        x, zero = positions[:, 0], np.zeros(len(positions))
        c = zero + self.coupling
        return np.moveaxis(
            np.array([[0.01 * (x - 2), c, zero], [c, zero, c], [zero, c, -0.01 * (x + 2)]]), -1, 0
        )  # fmt: skip

    def derivative(self, positions):
        return np.broadcast_to(np.diag([0.01, 0.0, -0.01])[None, :, :, None], (len(positions), 3, 3, 1))


class Counted:
    """Surfaces that count the geometries they are asked about."""

    def __init__(self, surfaces):
        self.surfaces, self.n = surfaces, 0

    def __getattr__(self, name):
        return getattr(self.surfaces, name)

    def evaluate(self, positions, asked, **wanted):
        self.n += len(positions)
        return self.surfaces.evaluate(positions, asked, **wanted)


def three(n, **method):
    made = parts_of(method_of(hopping="lzsh", seed=2, **method), ModelSurfaces(ThreeLines()), 5.0)
    active, amplitudes = adiabatic_start(np.arange(n), 1, 3)
    places, speeds = np.full((n, 1), -6.0), np.full((n, 1), SPEED)
    numbers = np.arange(n)
    return made, start(
        made, trajectory=numbers, positions=places, velocities=speeds, active=active, amplitudes=amplitudes
    )


def test_rest_counts_steps_on_the_ground_state_with_the_window_closed():
    made = parts(LandauZenerLine(), 5.0, hopping="lzsh")
    state = line_start(made, 2, SPEED)
    gap = float(state.electronic.energies[0, 1] - state.electronic.energies[0, 0])
    before = np.array([4, 0])
    assert Rest(3, 0.9 * gap).steps(state, before).tolist() == [5, 1]
    assert Rest(3, 1.1 * gap).steps(state, before).tolist() == [0, 0]
    assert Rest(3, 0.9 * gap).steps(replace(state, active=np.array([1, 0])), before).tolist() == [0, 1]


def test_those_at_rest_finish_at_a_frame_keep_their_bits_and_cost_nothing_more():
    made = parts(LandauZenerLine(), 5.0, hopping="lzsh")
    state = line_start(made, 3, SPEED)
    counted = replace(made, surfaces=Counted(made.surfaces))
    batch, records, _ = run_batch(begun(state, made), counted, n_steps=60, interval=4, rest=Rest(10, 0.0))
    assert batch.flags.tolist() == [FINISHED] * 3 and batch.state.step.tolist() == [12] * 3
    assert counted.surfaces.n == 3 * 12
    alone = run_batch(begun(state, made), made, n_steps=12, interval=4)[0]
    np.testing.assert_array_equal(batch.state.positions, alone.state.positions)
    assert records.positions.shape[1] == 15 and (records.positions[:, 3:] == records.positions[:, 3:4]).all()
    one = run_batch(begun(take(state, np.array([1])), made), made, n_steps=60, interval=4, rest=Rest(10, 0.0))[0]
    np.testing.assert_array_equal(one.state.positions, batch.state.positions[1:2])


@pytest.fixture(scope="module")
def rested():
    """Settings under which some trajectories of the cone come to rest and some do not."""
    method = {"hopping": "lzsh", "seed": 4}
    changes = {"n_trajectories": 12, "batch_size": 12, "n_steps": 400, "method": method}
    return changes | {"settle_fs": 10.0, "settle_gap_eV": 0.3}


def test_a_run_that_stopped_goes_on_with_the_same_bits_in_any_batches(rested, tmp_path):
    run_namd(settings(**rested), tmp_path / "whole.h5")
    flags = read_run(tmp_path / "whole.h5").flag
    assert {Flag.COMPLETE, Flag.FINISHED} <= set(flags.tolist())

    def stop(step):
        if step > 15 * 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_namd(settings(**rested | {"batch_size": 5}), tmp_path / "stopped.h5", on_step=stop)
    assert parts_folder(tmp_path / "stopped.h5").exists()
    resume_namd(tmp_path / "stopped.h5")
    assert_same_bits(tmp_path / "whole.h5", tmp_path / "stopped.h5")
    read = read_run(tmp_path / "whole.h5")
    for row in np.flatnonzero(flags == Flag.FINISHED):
        end = read.end_frames[row]
        resting = read.state_energies[row, end - 9 : end + 1]
        assert (read.active_state[row, end - 9 : end + 1] == 0).all() and (np.diff(resting)[:, 0] > 0.3).all()


def test_hops_between_other_states_do_not_happen():
    made, state = three(200)
    every = run_ensemble(state, made, n_steps=140, interval=10)
    made, state = three(200, pairs=[(0, 1)])
    low = run_ensemble(state, made, n_steps=140, interval=10)
    found = [set(zip(one.hops.source.tolist(), one.hops.target.tolist(), strict=True)) for one in (every, low)]
    assert {(1, 0), (1, 2)} <= found[0] and found[1] == {(1, 0)}
    made, state = three(200, pairs=[(1, 0), (2, 1)])
    np.testing.assert_array_equal(
        run_ensemble(state, made, n_steps=140, interval=10).final.positions, every.final.positions
    )


def test_forbidden_hops_take_nothing_from_the_others():
    both = np.array([[0.8, 0.6]])
    found = Minima(both > 0, both, both, both, both > 1)
    allowed = np.array([[False, True, False], [True, False, False], [False, False, False]])
    np.testing.assert_allclose(probabilities(found, np.array([1])), [[0.8 / 1.4, 0.0, 0.6 / 1.4]])
    np.testing.assert_allclose(probabilities(found, np.array([1]), allowed), [[0.8, 0.0, 0.0]])


def test_pairs_that_make_no_sense_are_refused():
    surfaces = ModelSurfaces(ThreeLines())
    with pytest.raises(ConfigError, match=r"0\.\.2"):
        parts_of(method_of(pairs=[(0, 3)]), surfaces, 1.0)
    with pytest.raises(ConfigError, match="different"):
        parts_of(method_of(pairs=[(1, 1)]), surfaces, 1.0)
    with pytest.raises(ConfigError, match="kcsdm"):
        parts_of(method_of(hopping="kcsdm", pairs=[(0, 1)]), surfaces, 1.0)
