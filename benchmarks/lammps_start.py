"""How long the first use of `pair_style fusionmd` takes, building included, and every later start.

    python -m benchmarks.lammps_start        writes benchmarks/results/lammps_start.json

In an empty cache, `fusionmd lammps build`, and then LAMMPS with acetylacetone for no step: process, plugin, torch,
potential, one evaluation, exit. Seconds on the wall.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from ase.io import read

from benchmarks.molecules import PATH
from benchmarks.results_file import FOLDER, write_results
from fusionmd.structure import Structure
from fusionmd_lammps.single_point import script, write_data

WANTED_S = {"first use": 60.0, "later start": 3.0}
POTENTIAL, ELEMENTS = "acac-300K", (1, 6, 8)
TIMEOUT_S = 300


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--starts", type=int, default=5)
    arguments.add_argument("--output", type=Path, default=FOLDER)
    given = arguments.parse_args()
    structure, programs = Structure.from_ase(read(PATH)), Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as folder:
        write_data(structure, Path(folder, "start.data"), ELEMENTS)
        Path(folder, "in.lammps").write_text(script(structure, POTENTIAL, ELEMENTS) + "run 0\n")
        build = seconds([str(programs / "fusionmd"), "lammps", "build"], folder)
        starts = [seconds([str(programs / "lmp"), "-in", "in.lammps"], folder) for _ in range(given.starts + 1)]
    results = {"build_s": build, "starts_s": starts}
    times = {"first use": build + starts[0], "later start": float(np.median(starts[1:]))}
    table = {
        "title": f"`pair_style fusionmd`, {POTENTIAL}: seconds until the first energies",
        "columns": ["", "seconds", "wanted, at most"],
        "rows": [[name, f"{value:.1f}", f"{WANTED_S[name]:g}"] for name, value in times.items()],
        "note": f"First use: {build:.0f} s of `fusionmd lammps build` and a start. Process, plugin, torch, potential, "
        "one evaluation, exit; on a machine of two cores that others used too.",
    }
    content = {"settings": {"potential": POTENTIAL, "wanted_s": WANTED_S}, "results": results, "table": table}
    print(write_results("lammps_start", content, folder=given.output))


def seconds(command: list[str], folder: str) -> float:
    """Of a process whose cache is below `folder`."""
    environment = {**os.environ, "FUSIONMD_CACHE": str(Path(folder, "cache"))}
    environment.pop("LAMMPS_PLUGIN_PATH", None)
    began = time.monotonic()
    subprocess.run(command, cwd=folder, env=environment, check=True, timeout=TIMEOUT_S, capture_output=True)
    print(command[0], f"{time.monotonic() - began:.1f} s", flush=True)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
