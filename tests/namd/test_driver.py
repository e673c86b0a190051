"""Laws of hopping trajectories: batches, norm, energy, and the Landau-Zener formula."""

from dataclasses import fields

import numpy as np
import pytest

from fusionmd.errors import ConfigError, MissingQuantityError
from fusionmd.namd.config import method_of, parts_of
from fusionmd.namd.ensemble import run_ensemble
from fusionmd.namd.model_systems import ModelSurfaces
from fusionmd.namd.rows import take
from fusionmd.namd.scattering_models import LandauZenerLine, SimpleAvoidedCrossing
from fusionmd.namd.state import populations
from fusionmd.namd.vibronic_models import linear_vibronic
from tests.namd.systems import line_start, packet_start, parts, vibronic_start

METHODS = {
    "local diabatisation": {"hopping": "fssh", "amplitudes": "diabatic"},
    "overlaps": {"hopping": "fssh", "amplitudes": "overlap", "decoherence": "edc_legacy", "frustrated": "reverse"},
    "coupling vectors": {
        "hopping": "fssh", "amplitudes": "coupling", "rescaling": "coupling", "frustrated": "delta_v",
    },
    "curvature": {"hopping": "fssh", "amplitudes": "curvature", "decoherence": "none"},
    "curvature of energies": {
        "hopping": "fssh", "amplitudes": "curvature_energies", "rescaling": "gradient_difference",
    },
    "augmented": {"hopping": "fssh", "amplitudes": "diabatic", "decoherence": "afssh"},
    "augmented without vectors": {"hopping": "fssh", "amplitudes": "curvature", "decoherence": "afssh"},
    "coherent switching": {"hopping": "kcsdm"},
    "coherent switching, halved": {"hopping": "kcsdm", "halvings": 2},
    "landau zener": {"hopping": "lzsh"},
    "landau zener, exact": {"hopping": "lzsh", "gap_curvature": "exact"},
    "halved steps": {"hopping": "fssh", "amplitudes": "diabatic", "halvings": 3},
    "landau zener, halved": {"hopping": "lzsh", "gap_curvature": "exact", "halvings": 2},
}  # fmt: skip


def same(left, right):
    """Equal bit for bit, field by field; NaN equals NaN."""
    for field in fields(left):
        a, b = getattr(left, field.name), getattr(right, field.name)
        if hasattr(a, "__dataclass_fields__"):
            same(a, b)
        elif a is not None:
            assert np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"), field.name


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_any_split_into_batches_gives_the_same_bits(method):
    made = parts(linear_vibronic(), 10.0, substeps=3, **method)
    state = vibronic_start(made, 41)
    whole = run_ensemble(state, made, n_steps=120, interval=20)
    in_parts = run_ensemble(state, made, n_steps=120, interval=20, batch_size=7)
    alone = run_ensemble(take(state, np.array([17])), made, n_steps=120, interval=20)
    assert len(whole.hops.step) > 10
    same(whole.final, in_parts.final)
    same(whole.records, in_parts.records)
    same(whole.hops, in_parts.hops)
    same(take(whole.final, np.array([17])), alone.final)


@pytest.mark.parametrize("name", ["local diabatisation", "landau zener", "coherent switching"])
def test_alone_or_among_a_thousand_the_bits_are_the_same(name):
    made = parts(linear_vibronic(), 10.0, substeps=3, **METHODS[name])
    state = vibronic_start(made, 1000)
    whole = run_ensemble(state, made, n_steps=60, interval=20)
    for number in (0, 17, 999):
        row = np.array([number])
        alone = run_ensemble(take(state, row), made, n_steps=60, interval=20)
        same(take(whole.final, row), alone.final)
        same(take(whole.records, row), alone.records)
    in_parts = run_ensemble(state, made, n_steps=60, interval=20, batch_size=73)
    same(whole.final, in_parts.final)
    same(whole.hops, in_parts.hops)


def test_finished_trajectories_leave_and_the_others_do_not_notice():
    made = parts(SimpleAvoidedCrossing(), 10.0, hopping="fssh", amplitudes="diabatic", substeps=2)
    state = packet_start(made, 30)
    free = run_ensemble(state, made, n_steps=200, interval=10)
    stopped = run_ensemble(
        state, made, n_steps=200, interval=10, is_finished=lambda s: s.positions[:, 0] > 9.5, batch_size=11
    )
    is_early = stopped.final.step < 200
    assert 0 < is_early.sum() < 30
    assert (stopped.final.positions[is_early, 0] > 9.5).all()
    late = np.flatnonzero(~is_early)
    same(take(stopped.final, late), take(free.final, late))


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_norm_and_energy_are_kept_through_hops(method):
    made = parts(SimpleAvoidedCrossing(), 2.0, substeps=2, **method)
    result = run_ensemble(packet_start(made, 40, x=-3.0), made, n_steps=400)
    assert result.hops.is_accepted.sum() > 5
    assert np.abs(populations(result.final.amplitudes).sum(axis=1) - 1).max() < 1e-12
    assert np.ptp(result.records.energies, axis=1).max() < 3e-6


def test_energy_drift_falls_with_the_square_of_the_step():
    spans = []
    for dt in (20.0, 10.0, 5.0):
        made = parts(linear_vibronic(), dt, hopping="fssh", amplitudes="diabatic", substeps=2)
        result = run_ensemble(vibronic_start(made, 20), made, n_steps=int(800 / dt))
        calm = ~np.isin(np.arange(20), result.hops.trajectory)
        spans.append(np.ptp(result.records.energies, axis=1))
        assert calm.any()
    assert 3.0 < np.median(spans[0] / spans[1]) < 5.0 and 3.0 < np.median(spans[1] / spans[2]) < 5.0


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("speed", [0.004, 0.02])
def test_landau_zener_formula(method, speed):
    model, n = LandauZenerLine(), 300
    settings = {"substeps": 4, "seed": 5} | method | {"decoherence": "none", "rescaling": "velocity"}
    made = parts(model, 0.04 / speed, **settings)
    result = run_ensemble(line_start(made, n, speed, x=-6.0), made, n_steps=300, interval=300)
    expected = model.diabatic_probability(speed)
    assert abs(result.active_populations()[-1, 1] - expected) < 3 * np.sqrt(expected * (1 - expected) / n)
    if method["hopping"] == "fssh" and method["amplitudes"] != "curvature_energies":
        assert result.amplitude_populations()[-1, 1] == pytest.approx(expected, abs=0.01)


def test_lzsh_takes_the_probability_of_the_formula():
    """A batch so large that 3 standard errors are 1 %, in the few steps around the crossing."""
    model, n, speed = LandauZenerLine(), 20_000, 0.005
    made = parts(model, 0.02 / speed, hopping="lzsh", seed=11)
    result = run_ensemble(line_start(made, n, speed, x=-0.05), made, n_steps=6, interval=6)
    expected = model.diabatic_probability(speed)
    assert abs(result.active_populations()[-1, 1] - expected) < 3 * np.sqrt(expected * (1 - expected) / n)


def test_what_surfaces_lack_is_named():
    class Bare(ModelSurfaces):
        has_couplings = False
        has_diabatic = False

    bare = Bare(SimpleAvoidedCrossing())
    with pytest.raises(MissingQuantityError, match="lzsh works"):
        parts_of(method_of(hopping="fssh", amplitudes="diabatic"), bare, 1.0)
    with pytest.raises(MissingQuantityError, match="coupling vectors"):
        parts_of(method_of(rescaling="coupling"), bare, 1.0)
    assert parts_of(method_of(hopping="lzsh"), bare, 1.0)
    with pytest.raises(ConfigError, match="known settings"):
        method_of(hoping="fssh")
    with pytest.raises(ConfigError, match="lzsh"):
        method_of(hopping="tsh")
    with pytest.raises(ConfigError, match="positive"):
        parts_of(method_of(), bare, 0.0)
