import numpy as np
import pytest

from fusionmd.training.metrics import Comparison, metrics_of
from fusionmd.training.plots import parity_plots, svg
from fusionmd.units import GPA_PER_EV_PER_ANGSTROM3


def comparison(n_states: int = 1, *, with_stress: bool = False) -> Comparison:
    """Frames of 2 and 4 atoms; energy errors 3 and -1 meV (twice that in state 1), force errors of 1 meV/A."""
    factors = np.arange(1, n_states + 1)
    reference = np.full((n_states, 6, 3), 0.5)
    reference[:, 0] = np.nan
    stress = np.full((2, 3, 3), 0.01 if with_stress else np.nan)
    return Comparison(
        n_atoms=np.array([2, 4]),
        energies=np.array([[3e-3], [-1e-3]]) * factors - 5.0,
        reference_energies=np.full((2, n_states), -5.0),
        forces=np.full((n_states, 6, 3), 0.501),
        reference_forces=reference,
        stress=np.zeros((2, 3, 3)),
        reference_stress=stress,
    )


def test_errors_have_their_units_and_ignore_missing_labels():
    metrics = metrics_of(comparison())
    assert metrics == pytest.approx(
        {
            "n_frames": 2,
            "energy_mae_meV": 2.0,
            "energy_rmse_meV": 5**0.5,
            "energy_mae_meV_per_atom": (1.5 + 0.25) / 2,
            "energy_rmse_meV_per_atom": ((1.5**2 + 0.25**2) / 2) ** 0.5,
            "forces_mae_meV_A": 1.0,
            "forces_rmse_meV_A": 1.0,
        }
    )


def test_stress_is_in_gigapascal():
    assert metrics_of(comparison(with_stress=True))["stress_rmse_GPa"] == pytest.approx(0.01 * GPA_PER_EV_PER_ANGSTROM3)


def test_several_states_are_listed():
    metrics = metrics_of(comparison(2))
    assert [state["energy_mae_meV"] for state in metrics["states"]] == pytest.approx([2.0, 4.0])
    assert metrics["energy_mae_meV"] == pytest.approx(3.0)


@pytest.mark.parametrize("n_states", [1, 2])
def test_parity_plots_draw_what_is_labelled(n_states):
    text = svg(parity_plots(comparison(n_states)))
    assert text.startswith("<svg") and text.rstrip().endswith("</svg>") and "<image" in text
