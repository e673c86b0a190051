"""All architectures of the registry after the same CPU time of training, with the same number of parameters.

    FUSIONMD_DATA=DIR python -m benchmarks.architectures --sets acac ethanol --seeds 1 --minutes 30
    FUSIONMD_DATA=DIR python -m benchmarks.architectures --sets acac --models mace mace_fusion --seeds 1 2 3
    FUSIONMD_DATA=DIR python -m benchmarks.architectures --sets ethanol --models fusion_net --n-train 50 200 950

Same cutoff, l_max (where there is one), batch size, optimiser, loss and split; channels by `architectures_models`. The
budget is processor time of one thread, without compilation and calibration, so that other work beside it does not
matter; the cosine schedule ends with it. Everything is kept under --work: the same command goes on where it was killed,
and a second one beside it takes the runs that nobody has. Without --speed the last times per atom and memory stay.
Writes benchmarks/results/architectures.json, architectures_pairs.json and architectures_curves.json from all finished
runs under --work, and from those of the file that is there if budget and size are the same: runs may be made in several
rounds, in other folders.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.architectures_curves import curves_table
from benchmarks.architectures_models import MODELS
from benchmarks.architectures_run import Content, Run, finished
from benchmarks.architectures_sets import SETS
from benchmarks.architectures_speed import measured
from benchmarks.architectures_tables import pairs_table, settings_of, table
from benchmarks.results_file import FOLDER, write_results
from fusionmd.errors import FusionMDError


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    runs = [
        Run(s, m, seed, arguments.minutes, arguments.parameters, arguments.compile, fewer(n, s))
        for n in arguments.n_train or [None]
        for seed in arguments.seeds
        for s in arguments.sets
        for m in arguments.models
    ]
    failures = [failure for run in runs if (failure := _made(run, arguments))]
    if arguments.speed:
        for data_set in arguments.sets:
            measured(arguments.work, data_set, arguments.data, is_fast=arguments.fast)
    merge(arguments.work, arguments.output)
    sys.exit("\n".join(failures) or 0)


def _made(run: Run, arguments: argparse.Namespace) -> str:
    """Make one run and show what came out; the reason if there can be no result."""
    try:
        result = finished(run, arguments.work, arguments.data)
    except FusionMDError as error:
        return f"{run.key}: {error}"
    merge(arguments.work, arguments.output)
    known = result or {"failure": "another process is at it"}
    shown = known.get("errors", known.get("failure"))
    print(run.key, known.get("n_parameters"), known.get("epochs"), json.dumps(shown), flush=True)
    return ""


def fewer(n_train: int | None, data_set: str) -> int | None:
    """None where this is how many frames the set has to learn from."""
    return None if n_train == SETS[data_set].n_train else n_train


def merge(work: Path, output: Path) -> None:
    """Result files from all finished runs, and those of the last file."""
    found = [json.loads(file.read_text()) for file in sorted(work.glob("*/result.json"))]
    speeds = {file.stem.removeprefix("speed_"): json.loads(file.read_text()) for file in work.glob("speed_*.json")}
    if not found:
        return
    file = output / "architectures.json"
    before = json.loads(file.read_text()) if file.exists() else {"results": [], "speeds": {}}
    results, speeds = joined(before["results"], found), before["speeds"] | speeds
    settings = settings_of(results)
    content = {"settings": settings, "results": results, "speeds": speeds}
    print(write_results("architectures", {**content, "table": table(results, speeds)}, folder=output))
    for name, more in (("pairs", pairs_table(results)), ("curves", curves_table(results))):
        if more["rows"]:
            write_results(f"architectures_{name}", {"settings": settings, "table": more}, folder=output)


def joined(before: Sequence[Content], found: Sequence[Content]) -> list[Content]:
    """`found`, and what is not in it of `before`; the budgets and sizes have to be the same."""
    budgets = {(one["run"]["minutes"], one["run"]["target"]) for one in found}
    kept = [one for one in before if (one["run"]["minutes"], one["run"]["target"]) in budgets]
    runs = {Run(**one["run"]).key: one for one in [*kept, *found]}
    return [runs[key] for key in sorted(runs)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=["acac", "ethanol"])
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--minutes", type=float, default=30.0, help="CPU time of a training")
    parser.add_argument("--parameters", type=int, default=100_000, help="wanted number")
    parser.add_argument("--n-train", nargs="+", type=int, help="frames to learn from; default: as in papers of the set")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True, help="training steps")
    parser.add_argument("--speed", action=argparse.BooleanOptionalAction, default=True, help="time and memory per atom")
    parser.add_argument("--fast", action="store_true", help="build forms for this machine where there is no native one")
    parser.add_argument("--data", type=Path, help="folder of the data sets; default FUSIONMD_DATA")
    parser.add_argument("--work", type=Path, default=Path("architectures-runs"), help="where the runs are kept")
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    return parser.parse_args()


if __name__ == "__main__":
    main()
