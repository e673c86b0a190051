"""Errors of a potential on the Nb-Mo-Ta-W data, group by group.

    FUSIONMD_DATA=DIR python -m benchmarks.nbmotaw POTENTIAL                 validation frames; nothing is written
    FUSIONMD_DATA=DIR python -m benchmarks.nbmotaw POTENTIAL --part test     held-out frames and the quaternary alloys

Settings are chosen with the first; the second is for the end and writes benchmarks/results/NAME.json. Which frames are
held out says models/nbmotaw/split.json (`nbmotaw_split.py`).
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.nbmotaw_split import FILES, PATH, kind_of
from benchmarks.results_file import FOLDER, write_results
from fusionmd.data.catalogue import find_file
from fusionmd.data.frame import Frame
from fusionmd.data.read import read_frames
from fusionmd.data.splits import load_split
from fusionmd.files import sha256_of_file
from fusionmd.potential import load_potential
from fusionmd.potential.potential import Potential
from fusionmd.training.metrics import metrics_of
from fusionmd.workflows.evaluate import compare

KINDS = ("aimd", "unrelaxed", "relaxed", "elastic")
EVERYTHING, QUATERNARY = "all", "quaternary"
QUATERNARY_FILE = "test_quaternary.xyz"
# Largest RMSE by group and metric: meV/atom, meV/angstrom, GPa.
GOALS = {
    EVERYTHING: {"energy_rmse_meV_per_atom": 5.0},
    "aimd": {"forces_rmse_meV_A": 150.0},
    "unrelaxed": {"forces_rmse_meV_A": 60.0},
    "elastic": {"stress_rmse_GPa": 0.5},
    QUATERNARY: {"energy_rmse_meV_per_atom": 15.0, "forces_rmse_meV_A": 200.0},
}
COLUMNS = {"energy_rmse_meV_per_atom": "energy, meV/atom", "forces_rmse_meV_A": "forces, meV/A"} | {
    "stress_rmse_GPa": "stress, GPa"
}


def main() -> None:
    arguments = _arguments()
    potential = load_potential(arguments.potential, compiled=arguments.compiled)
    paths = [find_file("nbmotaw", file, folder=arguments.data) for file in FILES]
    groups = groups_of(load_split(PATH, paths).parts([f for path in paths for f in read_frames(path)])[arguments.part])
    if arguments.part == "test":
        paths.append(find_file("nbmotaw", QUATERNARY_FILE, folder=arguments.data))
        groups[QUATERNARY] = read_frames(paths[-1])
    results = errors_of(potential, groups)
    for name, metrics in results.items():
        print(f"{name:14}", {key: round(value, 3) for key, value in metrics.items()})
    if arguments.part != "test":
        return
    settings = {
        "potential": potential.metadata.name,
        "sha256": potential.sha256,
        "n_parameters": sum(parameter.numel() for parameter in potential.core.parameters()),
        "dtype": potential.metadata.dtype,
        "files": {path.name: sha256_of_file(path) for path in paths},
        "split": sha256_of_file(PATH),
    }
    content = {"settings": settings, "results": results, "goals": GOALS, "table": table(results)}
    print(write_results(arguments.name, content, folder=arguments.output))


def groups_of(frames: Sequence[Frame]) -> dict[str, list[Frame]]:
    """Frames by their kind, and all of them."""
    groups = {kind: [frame for frame in frames if kind_of(frame) == kind] for kind in KINDS}
    return {kind: group for kind, group in groups.items() if group} | {EVERYTHING: list(frames)}


def errors_of(potential: Potential, groups: Mapping[str, Sequence[Frame]]) -> dict[str, dict[str, Any]]:
    """MAE and RMSE of energies, forces and stress by group."""
    return {name: metrics_of(compare(potential, frames)) for name, frames in groups.items()}


def table(results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One row a group; goals in brackets."""
    rows = [
        [name, metrics["n_frames"], *(_cell(metrics[key], GOALS.get(name, {}).get(key)) for key in COLUMNS)]
        for name, metrics in results.items()
    ]
    return {
        "title": "Nb-Mo-Ta-W, potential nbmotaw: RMSE on frames that were held out (goal)",
        "columns": ["", "frames", *COLUMNS.values()],
        "rows": rows,
        "note": "Energies per atom, all force and stress components. Quaternary alloys: no frame of more than two "
        "elements was trained on.",
        "in_readme": False,
    }


def _cell(error: float, goal: float | None) -> str:
    return f"{error:.3g}" + (f" ({goal:g})" if goal is not None else "")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("potential", help="file, or name of a shipped one")
    parser.add_argument("--part", default="valid", choices=["valid", "test"])
    parser.add_argument("--data", type=Path, help="folder with nbmotaw/; default FUSIONMD_DATA")
    parser.add_argument("--compiled", default="auto", choices=["auto", "yes", "no"])
    parser.add_argument("--name", default="accuracy_nbmotaw", help="of the result file")
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    return parser.parse_args()


if __name__ == "__main__":
    main()
