"""The race: validation errors of ours and of the peer after the same time of training on one core, same frames.

    python -m benchmarks.race --ours runs/race --peer runs/mace_race

`--ours` is a folder of `fusionmd train` (its log counts wall time, compilation included), `--peer` one of `race_mace`
(CPU time without compilation). Both must have used the same split. Writes benchmarks/results/race.json.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml

from benchmarks.results_file import FOLDER, write_results

KEYS = ("energy_rmse_meV", "forces_rmse_meV_A")


def main() -> None:
    arguments = _arguments()
    sides = {"fusionmd": ours(arguments.ours), "MACE": peer(arguments.peer)}
    for name, curve in sides.items():
        if not any(point["minutes"] <= arguments.minutes for point in curve["curve"]):
            sys.exit(f"the log of {name} has no validation within {arguments.minutes:g} minutes")
    results = {name: {**side, "last": last(side["curve"], arguments.minutes)} for name, side in sides.items()}
    settings = {"minutes": arguments.minutes}
    content = {"settings": settings, "results": results, "table": table(results, arguments.minutes)}
    print(write_results("race", content, folder=arguments.output))


def ours(folder: Path) -> dict[str, Any]:
    """Settings and learning curve of a run of `fusionmd train`."""
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config.pop("data")
    records = [r for r in _lines(folder / "log.jsonl") if r["event"] == "epoch"]
    curve = [
        {"minutes": r["elapsed_s"] / 60, "epoch": r["epoch"], **{key: r[f"valid_{key}"] for key in KEYS}}
        for r in records
    ]
    return {"config": config, "curve": curve}


def peer(folder: Path) -> dict[str, Any]:
    """Settings and learning curve of a run of `race_mace`."""
    records = _lines(folder / "log.jsonl")
    curve = [
        {"minutes": r["cpu_s"] / 60, "wall_minutes": r["wall_s"] / 60, "epoch": r["epoch"], **{k: r[k] for k in KEYS}}
        for r in records
        if r["event"] != "start"
    ]
    first = next(r for r in records if r["event"] == "start")
    options = {k: v for k, v in first["options"].items() if k not in ("data", "split", "output")}
    info = {key: first[key] for key in ("settings", "n_parameters", "setup_cpu_s", "provenance")}
    return {**info, "options": options, "curve": curve}


def last(curve: list[dict[str, Any]], minutes: float) -> dict[str, Any]:
    """The last validation within the time."""
    return [point for point in curve if point["minutes"] <= minutes * 1.001][-1]


def table(results: dict[str, dict[str, Any]], minutes: float) -> dict[str, Any]:
    """One row a side."""
    rows = [[name, round(r["last"]["epoch"]), *(r["last"][key] for key in KEYS)] for name, r in results.items()]
    return {
        "title": f"Validation RMSE after {minutes:g} minutes of training on one CPU core (acetylacetone, 64 channels)",
        "columns": ["", "epochs", "energy, meV", "forces, meV/A"],
        "rows": rows,
        "note": "450 + 50 frames at 300 K, the same split; averaged weights, each with its own schedule.",
        "in_readme": True,
    }


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", type=Path, required=True)
    parser.add_argument("--peer", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    return parser.parse_args()


if __name__ == "__main__":
    main()
