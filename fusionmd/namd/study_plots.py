"""Pictures of a study: products beside the literature, geometries at hops, the spectrum of the nuclear ensemble."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from fusionmd.namd.absorption import Spectrum
from fusionmd.namd.populations import NORMAL_95
from fusionmd.namd.protocol import Array

SIZE = (6.4, 3.8)
N_BINS, N_COLUMNS = 20, 3
MARKERS = "sD^vPX*"


def yield_plot(shares: Mapping[str, Mapping[str, float]], published: Mapping[str, Mapping[str, float]]) -> Figure:
    """Shares with 95 % intervals as bars; what was published as marks."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    places = {name: place for place, name in enumerate(shares)}
    values = np.array([[share[key] for key in ("low", "value", "high")] for share in shares.values()])
    errors = np.maximum([values[:, 1] - values[:, 0], values[:, 2] - values[:, 1]], 0.0)
    axes.bar(list(places.values()), values[:, 1], yerr=errors, capsize=4, color="C0", alpha=0.6, label="this run, 95 %")
    for (source, yields), marker in zip(published.items(), MARKERS, strict=False):
        axes.plot([places[name] for name in yields], list(yields.values()), marker, color="black", label=source)
    axes.set(ylabel="share of trajectories", ylim=(0, 1.02))
    axes.set_xticks(list(places.values()), list(places))
    axes.legend(fontsize="x-small")
    return figure


def comparison_plot(found: Mapping[str, Any]) -> Figure:
    """P(S0) of two sets of trajectories, and the band in which equal ones stay."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    times, this, reference = (np.asarray(found[key]) for key in ("time_fs", "this", "reference"))
    axes.plot(times, this, label="this run")
    axes.plot(times, reference, color="black", label="reference")
    low, high = np.clip(reference - found["critical"], 0, 1), np.clip(reference + found["critical"], 0, 1)
    axes.fill_between(times, low, high, color="black", alpha=0.12, linewidth=0, label="95 %, Kolmogorov-Smirnov")
    axes.set(xlabel="time (fs)", ylabel="P(S0)", ylim=(-0.03, 1.03))
    axes.legend(fontsize="small")
    return figure


def geometry_plot(measured: Mapping[str, Array]) -> Figure:
    """A histogram of each coordinate."""
    n_rows = -(-len(measured) // N_COLUMNS)
    figure = Figure(figsize=(1.4 * SIZE[0], 2.3 * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, N_COLUMNS, squeeze=False).ravel()
    for axes in panels[len(measured) :]:
        axes.set_visible(False)
    for axes, (name, values) in zip(panels, measured.items(), strict=False):
        axes.hist(values, bins=N_BINS, color="C0", alpha=0.7)
        axes.set(xlabel=name, ylabel="hops")
    return figure


def spectrum_plot(found: Spectrum, quantity: str, window_eV: tuple[float, float] | None = None) -> Figure:
    """Sum over states with its 95 % band, each state dashed; quantity: Of the vertical axis."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    if window_eV is not None:
        axes.axvspan(*window_eV, color="0.9", label="pump window")
    band = NORMAL_95 * found.error
    axes.plot(found.energies, found.total, color="black", label="all states")
    axes.fill_between(found.energies, found.total - band, found.total + band, color="black", alpha=0.2, linewidth=0)
    for index, values in enumerate(found.by_state):
        axes.plot(found.energies, values, "--", linewidth=1, label=f"state {index + 1}")
    axes.set(xlabel="excitation energy (eV)", ylabel=quantity, ylim=(0, None))
    axes.legend(fontsize="small")
    return figure
