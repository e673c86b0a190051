"""The gate: is a level of theory fit for the photoisomerisation of stilbene?

    fusionmd label landmarks stilbene --method mopac-am1-ci22 [--parameters FILE] --jobs 2 -o LANDMARKS
    fusionmd namd stilbene --start cis --surfaces mopac-am1-ci22 [--parameters FILE] -n 10 --seed 20000 -o TRAJECTORIES
    python -m benchmarks.stilbene.gate "NAME=LANDMARKS,TRAJECTORIES" "OTHER NAME=LANDMARKS"

Both judge: landmarks by the criteria of their protocol; of the trajectories 70 % have to be on S0 at the end. Writes
benchmarks/results/stilbene_gate.json.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results_file import FOLDER, write_results
from fusionmd.namd.analysis import energy_changes, energy_drifts, first_arrivals, last_seen
from fusionmd.namd.run_file import read_run
from fusionmd.namd.triage import Flag
from fusionmd.units import MEV_PER_EV

LEAST_SHARE = 0.7
LARGEST_DRIFT = 20.0  # meV per 500 fs, median; of the slope between hops and jumps
KEPT = ("name", "relative_eV", "coordinates", "is_usable", "reason", "n_imaginary")


def main() -> None:
    """Every level that is given."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("levels", nargs="+", metavar="NAME=LANDMARKS[,TRAJECTORIES]")
    parser.add_argument("--output", type=Path, default=FOLDER)
    options = parser.parse_args()
    results = {name: level(*folders.split(",")) for name, folders in (one.split("=") for one in options.levels)}
    content = {"settings": {"least_share_on_S0": LEAST_SHARE}, "results": results, "table": table(results)}
    print(write_results("stilbene_gate", content, folder=options.output))


def level(landmarks: str, trajectories: str = "") -> dict[str, Any]:
    """What was found, and whether it passes."""
    said = json.loads((Path(landmarks) / "landmarks.json").read_text())
    criteria = {one["name"]: one for one in said["gate"]}
    found = {
        "method": said["method"],
        "criteria": criteria,
        "landmarks": [{key: row[key] for key in KEPT} for row in said["landmarks"]],
        "paths": said["paths"],
        "landmarks_pass": said["passed"],
    }
    hopped = hopping(Path(trajectories)) if trajectories else None
    return {**found, "trajectories": hopped, "passed": bool(said["passed"] and hopped and hopped["passed"])}


def hopping(folder: Path) -> dict[str, Any]:
    """Of ten trajectories or so."""
    run = read_run(folder / "run.h5")
    came, drift = first_arrivals(run), MEV_PER_EV * energy_drifts(run) / np.maximum(last_seen(run), 1.0) * 500.0
    stopped = run.flag > Flag.FINISHED
    share = float(np.isfinite(came).mean())
    return {
        "n": run.n_trajectories,
        "came_to_S0_fs": sorted(float(time) for time in came[np.isfinite(came)]),
        "share_on_S0": share,
        "stopped_by_triage": {
            Flag(flag).name.lower(): int((run.flag == flag).sum()) for flag in set(run.flag[stopped])
        },
        "jumps_on_S0_eV": sorted(float(abs(size)) for size in run.jumps.gap),
        "median_drift_meV_per_500_fs": float(np.nanmedian(drift)),
        "change_of_energy_meV": sorted(float(change) for change in MEV_PER_EV * energy_changes(run)),
        "passed": bool(share >= LEAST_SHARE and np.nanmedian(drift) <= LARGEST_DRIFT),
    }


def table(results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A row per criterion, a column per level."""
    names = list(dict.fromkeys(name for each in results.values() for name in each["criteria"]))
    rows = [[name, *(_cell(each["criteria"].get(name)) for each in results.values())] for name in names]
    hopped = [each["trajectories"] for each in results.values()]
    rows += [["on S0 after 1 ps", *(_share(found) for found in hopped)]]
    rows += [["energy drift, meV per 500 fs", *(_drift(found) for found in hopped)]]
    rows += [["energy, last less first, meV (median; no criterion)", *(_change(found) for found in hopped)]]
    rows += [["gate", *("passed" if each["passed"] else "failed" for each in results.values())]]
    return {
        "title": "The gate: levels of theory for stilbene",
        "columns": ["criterion", *results],
        "rows": rows,
        "note": "Energies in eV, bonds in angstrom; (!) where a criterion is not met.",
        "in_readme": False,
    }


def _cell(criterion: dict[str, Any] | None) -> str:
    if criterion is None:
        return "not looked at"
    text = " .. ".join(f"{value:.2f}" for value in criterion["values"]) or "no landmark"
    return text if criterion["passed"] else f"{text} (!)"


def _share(found: dict[str, Any] | None) -> str:
    if found is None:
        return "not run"
    return f"{len(found['came_to_S0_fs'])} of {found['n']}" + ("" if found["share_on_S0"] >= LEAST_SHARE else " (!)")


def _drift(found: dict[str, Any] | None) -> str:
    if found is None:
        return "not run"
    drift = found["median_drift_meV_per_500_fs"]
    return f"{drift:.0f}" + ("" if drift <= LARGEST_DRIFT else " (!)")


def _change(found: dict[str, Any] | None) -> str:
    return "not run" if found is None else f"{np.median(found['change_of_energy_meV']):.0f}"


if __name__ == "__main__":
    main()
