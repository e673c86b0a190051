"""CH2NH2+ after excitation to S2: populations over time, hops, and what was discarded.

    fusionmd namd study ch2nh2 -n 24 --seed 1 --time 150 --workers 2 -o decay
    python -m benchmarks.methaniminium.decay decay

Writes benchmarks/results/methaniminium.json.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results_file import FOLDER, write_results

TIMES_FS = (5, 10, 25, 50, 100, 150)
KEPT = ("surfaces", "n_trajectories", "n_discarded", "discarded", "median_hop_time_fs", "energy_drift_eV", "shares")


def main() -> None:
    """One result."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="of the study")
    parser.add_argument("--output", type=Path, default=FOLDER)
    options = parser.parse_args()
    found = json.loads((options.folder / "result.json").read_text())
    results = {key: found[key] for key in KEPT} | {"populations": populations(found)}
    print(write_results("methaniminium", {"results": results, "table": table(results)}, folder=options.output))


def populations(found: dict[str, Any]) -> dict[str, list[float]]:
    """Shares of S0, S1, S2 at some times, as fs -> [3]."""
    times, mean = (np.array(found["populations"][key]) for key in ("time_fs", "mean"))
    return {f"{time}": mean[int(np.abs(times - time).argmin())].tolist() for time in TIMES_FS if time <= times[-1] + 1}


def table(results: dict[str, Any]) -> dict[str, Any]:
    """Populations; what was discarded below."""
    median, drift = results["median_hop_time_fs"], results["energy_drift_eV"]
    flags = ", ".join(f"{n} by {flag}" for flag, n in results["discarded"].items()) or "none"
    return {
        "title": f"CH2NH2+ from S2: populations, {results['n_trajectories']} trajectories on the fly",
        "columns": ["after, fs", "S0", "S1", "S2"],
        "rows": [[time, *(f"{p:.2f}" for p in mean)] for time, mean in results["populations"].items()],
        "note": f"Surfaces: {results['surfaces']}. Half were on S0 after {median['value']:.0f} fs ({median['low']:.0f} "
        f"to {median['high']:.0f}, 95 %). Discarded: {flags}. Drift: {1000 * drift['median']:.1f} meV (median). "
        "Literature: S2 to S1 to S0, most on S0 within about 100 fs (Barbatti, Aquino, Lischka, Mol. Phys. 104, 1053 "
        "(2006)).",
        "in_readme": False,
    }


if __name__ == "__main__":
    main()
