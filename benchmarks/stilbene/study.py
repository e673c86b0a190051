"""What learned trajectories say, beside the sealed direct ones: the main figures of a study's folder.

    fusionmd namd stilbene --start cis -n 500 --seed 1000 --workers 2 --reference DIRECT -o LEARNED
    python -m benchmarks.stilbene.study LEARNED

From trans: `--start trans`; of a run with `--no-upper-hops`: the same here. How uncertain the shipped potential is
where the trajectories went is added, if it says so. Writes benchmarks/results/stilbene_study.json,
stilbene_study_trans.json or stilbene_study_no_upper_hops.json.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results_file import write_results
from benchmarks.stilbene.along import uncertainties
from fusionmd.namd.run_file import RunFile, read_run
from fusionmd.potential import load_potential
from fusionmd.potential.potential import Potential
from fusionmd.units import MEV_PER_EV

NAME = "stilbene-am1ci"
EVERY = 10  # records

KEPT = (
    "surfaces", "n_trajectories", "n_discarded", "n_finished", "n_unfinished", "shares", "yields", "headline",
    "median_hop_time_fs", "lifetime_fs", "excited_at_end", "energy_drift_eV", "energy_change_eV",
)  # fmt: skip


def main() -> None:
    """One file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--start", choices=["cis", "trans"], default="cis")
    parser.add_argument("--no-upper-hops", action="store_true", help="what the run left out, for name and title")
    options = parser.parse_args()
    found = json.loads((options.folder / "result.json").read_text())
    results = {key: found[key] for key in KEPT} | {"comparison": without_curves(found.get("comparison"))}
    results |= said_of(load_potential(NAME, compiled="auto"), read_run(options.folder / "run.h5"))
    what = options.start + (", no hops between S1 and S2" if options.no_upper_hops else "")
    name = "stilbene_study" + ("_trans" if options.start == "trans" else "")
    name += "_no_upper_hops" if options.no_upper_hops else ""
    print(write_results(name, {"results": results, "table": table(results, what)}))


def said_of(potential: Potential, run: RunFile) -> dict[str, Any]:
    """Standard deviations of the energies along the trajectories, by state, meV; nothing if there are none."""
    if not potential.metadata.has_uncertainties:
        return {}
    spreads = MEV_PER_EV * np.concatenate(uncertainties(potential, [run], every=EVERY))
    largest, mean = spreads.max(axis=0), spreads.mean(axis=0)
    return {"energies_std_meV": {"n_frames": len(spreads), "mean": mean.tolist(), "largest": largest.tolist()}}


def without_curves(comparison: dict[str, Any] | None) -> dict[str, Any] | None:
    """Numbers alone."""
    if comparison is None:
        return None
    curves = ("time_fs", "this", "reference")
    apart = {key: value for key, value in comparison["ground_population"].items() if key not in curves}
    return comparison | {"ground_population": apart}


def table(results: dict[str, Any], what: str) -> dict[str, Any]:
    """Learned beside direct."""
    beside = results["comparison"] or {}
    other = beside.get("shares", {})
    rows = [
        [f"share: {name}", _interval(share), f"{other[name]:.2f}" if name in other else ""]
        for name, share in results["shares"].items()
    ]
    rows += [["median time to S0, fs", *(_interval(each.get("median_hop_time_fs")) for each in (results, beside))]]
    rows += [["energy drift, meV, median", f"{1000 * results['energy_drift_eV']['median']:.2g}", ""]]
    rows += [["energy, last less first, meV, median", f"{1000 * results['energy_change_eV']['median']:.2g}", ""]]
    if said := results.get("energies_std_meV"):
        for what_of in ("mean", "largest"):
            shown = ", ".join(f"{value:.0f}" for value in said[what_of])
            rows += [
                [f"its own standard deviations of S0, S1, S2, meV, {what_of} of {said['n_frames']} frames", shown, ""]
            ]
    if beside:
        apart = beside["ground_population"]
        rows += [
            [
                "largest distance of P(S0) (95 % of equal ones stay below)",
                f"{apart['distance']:.2f} ({apart['critical']:.2f})",
                "",
            ]
        ]
        rows += [["log-rank p", f"{beside['logrank_p']:.2g}", ""]]
    return {
        "title": f"Stilbene from {what}: {results['n_trajectories']} learned trajectories",
        "columns": ["", "learned", f"direct, {beside.get('n_trajectories', 0)}"],
        "rows": rows,
        "note": "Shares of all trajectories with 95 % intervals. So few direct ones see only large differences.",
        "in_readme": False,
    }


def _interval(found: dict[str, Any] | None) -> str:
    return "" if not found else f"{found['value']:.3g} ({found['low']:.2g} .. {found['high']:.2g})"


if __name__ == "__main__":
    main()
