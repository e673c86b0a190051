"""Absorption by an ensemble of nuclei, and the excitations that a pump pulse chooses from it.

    sigma(E) = 2 pi^2 alpha hbar^2/m  sum_n <f_n g(E - (E_n - E_0))>

Crespo-Otero, Barbatti, Theor. Chem. Acc. 131, 1237 (2012). Without oscillator strengths f it is the density of
excitation energies. Excitations are chosen with p = f/E^2: where r < p/p_max; Barbatti et al., J. Photochem. Photobiol.
A 190, 228 (2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from fusionmd.errors import DataError
from fusionmd.namd.protocol import Array, IntArray
from fusionmd.namd.randomness import Purpose, uniform
from fusionmd.units import (
    ANGSTROM_PER_BOHR,
    EV_PER_HARTREE,
    JOULE_PER_HARTREE,
    KG_PER_ELECTRON_MASS,
    METRE_PER_SECOND_LIGHT,
)

FINE_STRUCTURE = (JOULE_PER_HARTREE / KG_PER_ELECTRON_MASS) ** 0.5 / METRE_PER_SECOND_LIGHT
ANGSTROM2_EV_PER_STRENGTH = 2 * np.pi**2 * FINE_STRUCTURE * ANGSTROM_PER_BOHR**2 * EV_PER_HARTREE
N_POINTS, MARGIN = 400, 3.0  # of the grid; widths beyond the outermost excitations

Shape = Literal["gaussian", "lorentzian"]


@dataclass(frozen=True, eq=False)
class Spectrum:
    """energies: Grid [n_points], eV.  by_state: Of each excited state [n_states - 1, n_points].

    total, error: Sum over states, and its standard error over the ensemble [n_points].
    has_strengths: Whether values are cross sections, angstrom^2; else densities of excitations, 1/eV.
    """

    energies: Array
    by_state: Array
    total: Array
    error: Array
    has_strengths: bool


def spectrum(excitations: Array, strengths: Array | None, *, width: float, shape: Shape) -> Spectrum:
    """Of excitations [n_frames, n_states - 1], eV, with their strengths (None: unknown); width: at half maximum, eV."""
    _check(excitations, strengths)
    low, high = excitations.min() - MARGIN * width, excitations.max() + MARGIN * width
    grid = np.linspace(max(low, 0.0), high, N_POINTS)
    weights = np.ones_like(excitations) if strengths is None else strengths * ANGSTROM2_EV_PER_STRENGTH
    lines = weights[:, :, None] * line(grid - excitations[:, :, None], width, shape)
    each = lines.sum(axis=1)
    error = each.std(axis=0, ddof=1) / np.sqrt(len(each)) if len(each) > 1 else np.zeros(N_POINTS)
    return Spectrum(grid, lines.mean(axis=0), each.mean(axis=0), error, strengths is not None)


def line(distance: Array, width: float, shape: Shape) -> Array:
    """Normalised line of a full width at half maximum, 1/eV."""
    half = width / 2
    if shape == "lorentzian":
        return half / np.pi / (distance**2 + half**2)
    deviation = half / np.sqrt(2 * np.log(2))
    return np.asarray(np.exp(-((distance / deviation) ** 2) / 2) / (deviation * np.sqrt(2 * np.pi)))


def chosen_excitations(
    excitations: Array, strengths: Array | None, window: tuple[float, float], *, seed: int
) -> tuple[IntArray, IntArray]:
    """Frames and states (1, 2, ...) of the excitations in a window, eV, that are chosen; one frame may come twice.

    Without strengths all in the window are. Draws belong to (seed, frame, state): while the largest p is the same, a
    larger ensemble keeps what a smaller one chose.
    """
    _check(excitations, strengths)
    is_inside = (excitations >= window[0]) & (excitations <= window[1])
    if not is_inside.any():
        raise DataError(
            f"no excitation lies between {window[0]:g} and {window[1]:g} eV; they go from {excitations.min():.3f} to "
            f"{excitations.max():.3f} eV: choose a window among them"
        )
    if strengths is not None:
        weights = np.where(is_inside, strengths / excitations**2, 0.0)
        if not weights.max() > 0:
            raise DataError("all oscillator strengths in the window are 0; choose a window with a bright state")
        frames, states = np.indices(excitations.shape)
        is_inside &= uniform(seed, frames, 0, Purpose.EXCITATION, states + 1) < weights / weights.max()
    rows, columns = np.nonzero(is_inside)
    return rows, columns + 1


def _check(excitations: Array, strengths: Array | None) -> None:
    if not excitations.size or not np.isfinite(excitations).all() or (excitations <= 0).any():
        raise DataError("excitation energies must be positive; give a potential of several states, lowest first")
    if strengths is not None and (strengths.shape != excitations.shape or not (strengths >= 0).all()):
        raise DataError(
            f"oscillator strengths have shape {strengths.shape} (wanted {excitations.shape}, one for each excited "
            "state of each frame) or are negative"
        )
