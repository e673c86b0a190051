"""Pictures of an ensemble: populations, energies, incidence of outcomes, hops."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from fusionmd.namd.analysis import Populations
from fusionmd.namd.lifetimes import Lifetime, delayed_exponential
from fusionmd.namd.protocol import Array
from fusionmd.namd.run_file import RunFile

SIZE = (6.4, 3.8)
MAX_TRACES, N_PANELS = 50, 4


def population_plot(found: Populations, lifetime: Lifetime | None, *, has_amplitudes: bool = True) -> Figure:
    """Active states with 95 % bands, mean |c|^2 dashed where there are amplitudes, the fitted decay dotted."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    for state in range(found.mean.shape[1]):
        (line,) = axes.plot(found.time, found.mean[:, state], label=f"state {state}")
        axes.fill_between(
            found.time, found.low[:, state], found.high[:, state], color=line.get_color(), alpha=0.2, linewidth=0
        )
        if has_amplitudes:
            axes.plot(found.time, found.amplitudes[:, state], "--", color=line.get_color(), linewidth=1)
    if lifetime is not None:
        fitted = 1 - delayed_exponential(found.time, lifetime.delay, lifetime.value)
        axes.plot(found.time, fitted, "k:", label=f"lifetime {lifetime.value:.3g} fs")
    if has_amplitudes:
        axes.plot([], [], "k--", linewidth=1, label="amplitudes")
    axes.set(xlabel="time (fs)", ylabel="population", ylim=(-0.03, 1.03))
    axes.legend(fontsize="small")
    return figure


def energy_plot(run: RunFile) -> Figure:
    """Total energies minus their first values, of the first trajectories."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    for row in range(min(run.n_trajectories, MAX_TRACES)):
        end = run.end_frames[row] + 1
        energies = run.total_energy[row, :end] - run.total_energy[row, 0]
        colour = "C3" if run.is_discarded[row] else "C0"
        axes.plot(run.time[:end], energies, color=colour, alpha=0.4, linewidth=0.8)
    axes.set(xlabel="time (fs)", ylabel="total energy - first (eV)", title=f"first {MAX_TRACES}; discarded in red")
    return figure


def trace_plot(run: RunFile) -> Figure:
    """Energies of all states along single trajectories, the active one thick; those that hop come first."""
    hops = np.bincount(run.hops.trajectory[run.hops.accepted], minlength=run.n_trajectories)
    rows = np.argsort(hops == 0, kind="stable")[:N_PANELS]
    figure = Figure(figsize=(SIZE[0], 1.4 * SIZE[1]), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey=True).ravel()
    for axes in panels[len(rows) :]:
        axes.set_visible(False)
    for axes, row in zip(panels, rows, strict=False):
        end = run.end_frames[row] + 1
        energies = run.state_energies[row, :end] - run.state_energies[:, 0].min()
        lines = axes.plot(run.time[:end], energies, linewidth=0.8)
        for state, line in enumerate(lines):
            line.set_label(f"state {state}")
        active = np.take_along_axis(energies, run.active_state[row, :end, None].astype(np.int64), axis=1)[:, 0]
        axes.plot(run.time[:end], active, color="black", linewidth=2, alpha=0.5, label="active")
        axes.set_title(f"trajectory {row}", fontsize="small")
    panels[0].legend(fontsize="x-small")
    figure.supxlabel("time (fs)", fontsize="medium")
    figure.supylabel("energy (eV)", fontsize="medium")
    return figure


def incidence_plot(time: Array, classes: Mapping[str, Array], without: Array) -> Figure:
    """Areas that fill the whole: outcomes, and trajectories without one."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    axes.stackplot(time, *classes.values(), without, labels=[*classes, "none yet"], alpha=0.8)
    axes.set(xlabel="time (fs)", ylabel="cumulative incidence", ylim=(0, 1), xlim=(time[0], time[-1]))
    axes.legend(fontsize="small", loc="upper left")
    return figure


def hop_plot(run: RunFile, times: Array, coordinates: Mapping[str, Array]) -> Figure:
    """Gaps at attempts over time, and against the first coordinate where one is given."""
    figure = Figure(figsize=SIZE, layout="constrained")
    panels = figure.subplots(1, 2 if coordinates else 1, sharey=True, squeeze=False)[0]
    sides = {"time (fs)": times} | ({name: coordinates[name] for name in list(coordinates)[:1]})
    for axes, (label, values) in zip(panels, sides.items(), strict=True):
        for is_accepted, marker, text in ((True, "o", "accepted"), (False, "x", "frustrated")):
            shown = run.hops.accepted == is_accepted
            axes.plot(values[shown], np.abs(run.hops.gap[shown]), marker, markersize=3, alpha=0.5, label=text)
        axes.set(xlabel=label)
    panels[0].set(ylabel="gap at the hop (eV)")
    panels[0].legend(fontsize="small")
    return figure
