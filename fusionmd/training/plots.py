"""The pictures of a run: learning curves and parity plots, as figures or as inline SVG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fusionmd.errors import ConfigError
from fusionmd.files import atomic_write
from fusionmd.training.metrics import Comparison
from fusionmd.units import MEV_PER_EV

BLUE, ORANGE, GREY = "#1f5fa8", "#d9730d", "#888888"
STATE_COLORS = (BLUE, ORANGE, "#2a8c55", "#8c3fa8", "#b03030")
FEW_POINTS = 500
FIGURE_SUFFIXES = (".png", ".svg", ".pdf")
Record = dict[str, Any]


def learning_curves(epochs: Sequence[Record]) -> Figure:
    """Loss, force error and energy error over the epochs, with the learning rate."""
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    loss, forces, energy, rate = figure.subplots(1, 4)
    _curve(loss, epochs, "train_loss", "training", BLUE)
    _curve(loss, epochs, "valid_loss", "validation (average weights)", ORANGE)
    _curve(forces, epochs, "train_forces_rmse_meV_A", "training", BLUE)
    _curve(forces, epochs, "valid_forces_rmse_meV_A", "validation", ORANGE)
    _curve(energy, epochs, "valid_energy_rmse_meV", "validation", ORANGE)
    _curve(rate, epochs, "learning_rate", "", GREY)
    titles = ("loss", "force RMSE, meV/Å", "energy RMSE, meV", "learning rate")
    for axes, title in zip((loss, forces, energy, rate), titles, strict=True):
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("epoch", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.25)
    for axes in (loss, forces):
        if axes.lines:
            axes.legend(fontsize=7, frameon=False)
    return figure


def parity_plots(comparison: Comparison) -> Figure:
    """Predicted against reference energies (per atom) and forces, and how the force errors are distributed."""
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    energy, forces, errors = figure.subplots(1, 3)
    for state in range(comparison.n_states):
        color, label = STATE_COLORS[state % len(STATE_COLORS)], f"state {state}"
        per_atom = 1.0 / comparison.n_atoms
        _parity(
            energy,
            comparison.reference_energies[:, state] * per_atom,
            comparison.energies[:, state] * per_atom,
            color,
            label,
        )
        _parity(forces, comparison.reference_forces[state], comparison.forces[state], color, label)
        _histogram(errors, comparison.forces_errors[state] * MEV_PER_EV, color, label)
    _label(energy, "energy per atom, eV", "reference", "predicted")
    _label(forces, "force components, eV/Å", "reference", "predicted")
    _label(errors, "force errors", "predicted - reference, meV/Å", "components")
    if comparison.n_states > 1:
        energy.legend(fontsize=8, frameon=False)
    return figure


def svg(figure: Figure) -> str:
    """The figure as SVG text to be put into a page (without the XML header); dense scatter is rasterised."""
    text = io.StringIO()
    figure.set_dpi(110)
    FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None})
    content = text.getvalue()
    return content[content.index("<svg") :]


def check_figure_path(path: Path) -> None:
    """Raise ConfigError if no figure can be written under this name."""
    if path.suffix.lower() not in FIGURE_SUFFIXES:
        raise ConfigError(f"cannot draw to {path}; give a name that ends in {', '.join(FIGURE_SUFFIXES)}")


def write_figure(figure: Figure, path: Path) -> None:
    """Write the figure atomically; the format is that of the suffix."""
    check_figure_path(path)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=150)


def _curve(axes: Any, epochs: Sequence[Record], key: str, label: str, color: str) -> None:
    points = [(record["epoch"], record[key]) for record in epochs if record.get(key) is not None]
    if points:
        axes.plot(
            *zip(*points, strict=True),
            color=color,
            label=label,
            linewidth=1.2,
            marker="." if len(points) < 30 else None,
        )
        axes.set_yscale("log")


def _parity(axes: Any, reference: NDArray[np.float64], predicted: NDArray[np.float64], color: str, label: str) -> None:
    is_known = np.isfinite(reference)
    if not is_known.any():
        return
    x, y = reference[is_known], predicted[is_known]
    size, alpha = (14, 0.7) if x.size < FEW_POINTS else (4, 0.4)
    axes.scatter(x, y, s=size, alpha=alpha, color=color, linewidths=0, label=label, rasterized=True)
    ends = [min(x.min(), y.min()), max(x.max(), y.max())]
    axes.plot(ends, ends, color=GREY, linewidth=0.8, zorder=0)


def _histogram(axes: Any, errors: NDArray[np.float64], color: str, label: str) -> None:
    known = errors[np.isfinite(errors)]
    if known.size:
        width = max(float(np.quantile(np.abs(known), 0.995)), 1e-12)
        axes.hist(known, bins=np.linspace(-width, width, 61), histtype="step", color=color, label=label)


def _label(axes: Any, title: str, x: str, y: str) -> None:
    axes.locator_params(axis="x", nbins=5)
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25)
