"""The split operator: free packets, coherent states, the Landau-Zener formula, and what it must keep."""

import numpy as np
import pytest

from fusionmd.errors import PropagationError
from fusionmd.namd.exact import Grid, gaussian, propagate
from fusionmd.namd.scattering_models import LandauZenerLine, SimpleAvoidedCrossing
from fusionmd.namd.vibronic_models import conical_2d, linear_vibronic


def test_free_packet_moves_and_spreads_as_the_formula_says():
    model = SimpleAvoidedCrossing(A=0.0, C=0.0)
    grid = Grid((-20.0,), (20.0,), (512,))
    start = gaussian(model, grid, centre=[-5.0], width=[1.0], wave_number=[10.0], state=0)
    end = propagate(start, time_step=10.0, n_steps=150)
    x, density = grid.points[:, 0], end.adiabatic_densities().sum(axis=0)
    mean = (x * density).sum()
    assert mean == pytest.approx(-5.0 + 10.0 / 2000 * 1500.0, abs=1e-8)
    variance = 0.25 * (1 + (2 * 1500.0 / 2000.0) ** 2)  # s^2/4 (1 + (2 t/(m s^2))^2)
    assert ((x - mean) ** 2 * density).sum() == pytest.approx(variance, rel=1e-8)


def test_uncoupled_parabola_swings_back():
    model = conical_2d("parabolas", 0.01, 0.008, 4.0, 0.0, 0.0)
    grid = Grid((-60.0, -60.0), (60.0, 60.0), (96, 96))
    start = gaussian(
        model, grid, centre=[6.0, 0.0], width=[(2 / 0.01) ** 0.5, (2 / 0.008) ** 0.5], wave_number=[0, 0], state=0
    )
    period = 2 * np.pi / 0.01
    half = propagate(start, time_step=period / 400, n_steps=200)
    x = grid.points[:, 0]
    assert (x * np.abs(half.amplitudes[0]) ** 2).sum() * grid.volume_element == pytest.approx(-2 * 2.0 - 6.0, abs=2e-3)


def test_norm_and_energy_are_kept_and_the_error_falls_with_the_square_of_the_step():
    model = SimpleAvoidedCrossing()
    grid = Grid((-25.0,), (25.0,), (512,))
    start = gaussian(model, grid, centre=[-5.0], width=[20 / 15], wave_number=[15.0], state=0, is_adiabatic=True)
    ends = [propagate(start, time_step=dt, n_steps=round(1200 / dt)) for dt in (12.0, 6.0, 3.0)]
    assert all(abs(end.norm - 1) < 1e-11 and abs(end.energy() - start.energy()) < 1e-6 for end in ends)
    coarse, fine = (np.abs(a.amplitudes - b.amplitudes).max() for a, b in ((ends[0], ends[1]), (ends[1], ends[2])))
    assert coarse / fine == pytest.approx(4.0, rel=0.2)


def test_landau_zener_probability():
    """A light packet fast enough to keep its speed: kinetic energy 4 Ha, coupling 0.02."""
    model = LandauZenerLine(mass=2000.0, slope=0.02, coupling=0.02)
    wave_number = 4000**0.5 * 2
    speed = wave_number / 2000
    grid = Grid((-20.0,), (20.0,), (2048,))
    start = gaussian(model, grid, centre=[-14.0], width=[0.6], wave_number=[wave_number], state=0, is_adiabatic=True)
    end = propagate(start, time_step=1.0, n_steps=round(28 / speed))
    assert end.adiabatic_populations()[1] == pytest.approx(model.diabatic_probability(speed), abs=0.04)


def test_two_dimensions_keep_norm_and_energy():
    model = linear_vibronic()
    widths = np.sqrt(2 / model.frequencies)
    grid = Grid((-130.0, -130.0), (130.0, 130.0), (64, 64))
    start = gaussian(model, grid, centre=[0, 0], width=widths, wave_number=[0, 0], state=model.start_state)
    end = propagate(start, time_step=5.0, n_steps=60)
    assert abs(end.norm - 1) < 1e-12
    assert end.energy() == pytest.approx(start.energy(), abs=1e-5)
    assert 0.05 < end.adiabatic_populations()[1] < 0.95


def test_a_packet_at_the_edge_is_an_error():
    grid = Grid((-10.0,), (10.0,), (256,))
    start = gaussian(SimpleAvoidedCrossing(), grid, centre=[0.0], width=[1.0], wave_number=[20.0], state=0)
    with pytest.raises(PropagationError, match="larger grid"):
        propagate(start, time_step=5.0, n_steps=200)
