"""Errors of predicted energies, forces and stress: MAE and RMSE, in the units people quote.

Energies are totals over frames unless the key says `per_atom`; forces are over all components.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from fusionmd.units import GPA_PER_EV_PER_ANGSTROM3, MEV_PER_EV

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """Predictions beside references for the frames of a data set; NaN where there is no label.

    energies: [n_frames, n_states], eV; forces: [n_states, n_atoms of all frames, 3], eV/angstrom;
    stress: [n_frames, 3, 3], eV/angstrom^3; n_atoms: [n_frames].
    couplings: Between states, (E_b - E_a) <a|grad b> [n_pairs, n_atoms of all frames, 3], eV/angstrom.
    energies_std: What a potential says of its own errors [n_frames, n_states], eV; None if it does not.
    """

    n_atoms: NDArray[np.int64]
    energies: Array
    reference_energies: Array
    forces: Array
    reference_forces: Array
    stress: Array
    reference_stress: Array
    couplings: Array = field(default_factory=lambda: np.zeros((0, 1, 3)))
    reference_couplings: Array = field(default_factory=lambda: np.zeros((0, 1, 3)))
    energies_std: Array | None = None

    @property
    def n_frames(self) -> int:
        return len(self.n_atoms)

    @property
    def n_states(self) -> int:
        return int(self.energies.shape[1])

    @property
    def energy_errors(self) -> Array:
        return self.energies - self.reference_energies

    @property
    def forces_errors(self) -> Array:
        return self.forces - self.reference_forces

    @property
    def stress_errors(self) -> Array:
        return self.stress - self.reference_stress

    @property
    def gap_errors(self) -> Array:
        """Of neighbouring states [n_frames, n_states - 1], eV."""
        return np.diff(self.energies) - np.diff(self.reference_energies)

    @property
    def couplings_errors(self) -> Array:
        """Each frame and pair of states with the sign that fits best [n_pairs, n_atoms of all frames, 3]."""
        if not self.couplings.size:
            return self.couplings
        products = np.nan_to_num(self.couplings * self.reference_couplings).sum(-1)
        overlaps = np.add.reduceat(products, np.cumsum(self.n_atoms) - self.n_atoms, axis=1)
        signs = np.repeat(np.where(overlaps < 0, -1.0, 1.0), self.n_atoms, axis=1)
        return self.couplings - signs[..., None] * self.reference_couplings


def metrics_of(comparison: Comparison) -> dict[str, Any]:
    """The errors of all states together, and per state under `states` when there are several."""
    metrics: dict[str, Any] = {"n_frames": comparison.n_frames}
    metrics |= _errors(comparison, range(comparison.n_states))
    stress = comparison.stress_errors
    if np.isfinite(stress).any():
        metrics["stress_mae_GPa"] = mean_absolute(stress) * GPA_PER_EV_PER_ANGSTROM3
        metrics["stress_rmse_GPa"] = root_mean_square(stress) * GPA_PER_EV_PER_ANGSTROM3
    if comparison.n_states > 1:
        metrics["states"] = [_errors(comparison, [state]) for state in range(comparison.n_states)]
        metrics |= _pair_errors(comparison)
    return metrics


def _pair_errors(comparison: Comparison) -> dict[str, float]:
    """Of gaps between neighbouring states, and of interstate couplings where there are any."""
    gaps, couplings = comparison.gap_errors * MEV_PER_EV, comparison.couplings_errors * MEV_PER_EV
    errors: dict[str, float] = {}
    if np.isfinite(gaps).any():
        errors |= {"gap_mae_meV": mean_absolute(gaps), "gap_rmse_meV": root_mean_square(gaps)}
    if np.isfinite(couplings).any():
        errors |= {"couplings_mae_meV_A": mean_absolute(couplings), "couplings_rmse_meV_A": root_mean_square(couplings)}
    return errors


def _errors(comparison: Comparison, states: Sequence[int]) -> dict[str, float]:
    energies = comparison.energy_errors[:, list(states)] * MEV_PER_EV
    per_atom = energies / comparison.n_atoms[:, None]
    forces = comparison.forces_errors[list(states)] * MEV_PER_EV
    errors: dict[str, float] = {}
    if np.isfinite(energies).any():
        errors |= {"energy_mae_meV": mean_absolute(energies), "energy_rmse_meV": root_mean_square(energies)}
        errors["energy_mae_meV_per_atom"] = mean_absolute(per_atom)
        errors["energy_rmse_meV_per_atom"] = root_mean_square(per_atom)
    if np.isfinite(forces).any():
        errors |= {"forces_mae_meV_A": mean_absolute(forces), "forces_rmse_meV_A": root_mean_square(forces)}
    if comparison.energies_std is not None and np.isfinite(energies).any():
        spreads = comparison.energies_std[:, list(states)]
        quality = spread_quality(comparison.energy_errors[:, list(states)].ravel(), spreads.ravel())
        errors |= {f"energy_{key}": value for key, value in quality.items()}
    return errors


def spread_quality(errors: Array, spreads: Array) -> dict[str, float]:
    """Standard deviations [n] (eV) beside the errors [n] they foretell (eV; NaN: unknown).

    within_1_std, within_2_std: Shares; normal errors would have 0.68 and 0.95.
    std_rank_correlation: Spearman's, between the standard deviation and the size of the error.
    """
    known = np.isfinite(errors)
    sizes, spreads = np.abs(errors[known]), spreads[known]
    shares = {f"within_{k}_std": float((sizes <= k * spreads).mean()) for k in (1, 2)}
    return {
        "std_mean_meV": float(spreads.mean()) * MEV_PER_EV,
        **shares,
        "std_rank_correlation": _rank_correlation(sizes, spreads),
    }


def _rank_correlation(a: Array, b: Array) -> float:
    """Spearman's; 0 where one of them does not vary."""
    ranks = [rankdata(values) for values in (a, b)]
    return float(np.corrcoef(ranks)[0, 1]) if min(np.ptp(one) for one in ranks) > 0 else 0.0


def mean_absolute(errors: Array) -> float:
    """Mean of |x| over the labelled entries."""
    return float(np.nanmean(np.abs(errors)))


def root_mean_square(errors: Array) -> float:
    """Root of the mean of x^2 over the labelled entries."""
    return float(np.sqrt(np.nanmean(errors * errors)))
