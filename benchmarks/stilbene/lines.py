"""Learned surfaces beside the reference level on straight lines between landmarks (internal coordinates, LIIC).

    python -m benchmarks.stilbene.lines stilbene-am1ci benchmarks/stilbene/reference/landmarks.xyz

From cis over the minimum of S1 and the lowest crossing to trans. Writes benchmarks/results/stilbene_lines.json and
docs/figures/stilbene_lines.svg.
"""

import argparse
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from matplotlib import rcParams
from matplotlib.figure import Figure

from benchmarks.machine import ROOT
from benchmarks.results_file import write_results
from benchmarks.stilbene.cost import METHOD
from fusionmd.files import atomic_write
from fusionmd.labels.methods import method_of
from fusionmd.potential import load_potential
from fusionmd.units import MEV_PER_EV
from fusionmd.workflows.direct_surfaces import DirectSurfaces
from fusionmd.workflows.namd_landmarks import surfaces_of_molecule
from fusionmd.workflows.namd_path import Scan, line_through
from fusionmd.workflows.namd_start import molecule_of

STOPS = ("cis", "S1 twisted", "crossing 95-", "trans")
N_POINTS = 16  # steps from one stop to the next
FIGURE = ROOT / "docs" / "figures" / "stilbene_lines.svg"
COLOURS = ("C0", "C1", "C2")


def main() -> None:
    """One result, one picture."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("potential")
    parser.add_argument("landmarks", type=Path)
    options = parser.parse_args()
    named = {frame.info["name"]: frame for frame in ase.io.read(options.landmarks, index=":")}
    stops = [named[name] for name in STOPS]
    potential = load_potential(options.potential)
    learned = line_through(surfaces_of_molecule(potential, molecule_of(stops[0])), stops, n_points=N_POINTS)
    level = DirectSurfaces(method_of(METHOD), stops[0].numbers, stops[0].get_masses())
    reference = line_through(level, stops, n_points=N_POINTS)
    with atomic_write(FIGURE) as temporary:
        rcParams["svg.hashsalt"] = "fusionmd"
        picture(learned, reference).savefig(temporary, format="svg", metadata={"Date": None})
    settings = {"potential": potential.metadata.name, "sha256": potential.sha256, "level": METHOD}
    print(write_results("stilbene_lines", {"settings": settings, **compared(learned, reference)}))


def compared(learned: Scan, reference: Scan) -> dict[str, Any]:
    """Energies on the lines, eV above S0 of cis, and a table of errors a line, meV."""
    errors = MEV_PER_EV * (learned.energies - reference.energies)
    rows = []
    for k, (start, end) in enumerate(zip(STOPS[:-1], STOPS[1:], strict=True)):
        part = errors[k * N_POINTS : (k + 1) * N_POINTS + 1]
        gaps = part[:, 1] - part[:, 0]
        means = [*np.abs(part).mean(axis=0), np.abs(gaps).mean()]
        rows.append([f"{start} to {end}", *(f"{mean:.0f}" for mean in means), f"{np.abs(part).max():.0f}"])
    return {
        "results": {
            "path": reference.shares.tolist(),
            "reference_eV": reference.energies.tolist(),
            "learned_eV": learned.energies.tolist(),
        },
        "table": {
            "title": "Stilbene: learned surfaces on straight lines between landmarks (LIIC), MAE",
            "columns": ["line", "S0, meV", "S1, meV", "S2, meV", "gap S0-S1, meV", "largest error, meV"],
            "rows": rows,
            "note": "Energies above S0 of cis; landmarks of the reference. Picture: docs/figures/stilbene_lines.svg.",
            "in_readme": False,
        },
    }


def picture(learned: Scan, reference: Scan) -> Figure:
    """Lines: the reference; dots: learned."""
    figure = Figure(figsize=(7.0, 4.2), layout="constrained")
    axes = figure.subplots()
    for state, colour in enumerate(COLOURS):
        axes.plot(reference.shares, reference.energies[:, state], color=colour, label=f"S{state}")
        axes.plot(learned.shares, learned.energies[:, state], ".", color=colour)
    for place in range(1, len(STOPS) - 1):
        axes.axvline(place, color="0.8", linewidth=1, zorder=0)
    axes.set(ylabel="energy above cis (eV)", title="straight lines in internal coordinates; dots: learned")
    axes.set_xticks(range(len(STOPS)), STOPS, fontsize="small")
    axes.legend(fontsize="small")
    return figure


if __name__ == "__main__":
    main()
