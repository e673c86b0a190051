"""Time of a step in LAMMPS, on one core: our pair style and that of deepmd-kit, in turn, on the same cell.

Either runs in the LAMMPS of its own environment, on the wall as LAMMPS has it; nothing moves far, and neighbour lists
are made every tenth step.
"""

import os
import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.alloy import ELEMENTS, alloy
from benchmarks.lammps_run import course, loop_ms, steps
from benchmarks.worker import THREADS
from fusionmd.elements import SYMBOLS
from fusionmd.structure import Structure
from fusionmd_lammps.single_point import checked, script

REPEATS = (8, 8, 8)
STYLES = {"fusionmd, TorchScript": "compiled no", "fusionmd, compiled": "compiled yes"}
OF_DEEPMD = dict.fromkeys(("DP_INTRA_OP_PARALLELISM_THREADS", "DP_INTER_OP_PARALLELISM_THREADS"), "1")
TIMEOUT_S = 600.0


def step_times(
    potential: str, lmp: Path, models: Mapping[str, Path], folder: Path, *, n_steps: int, n_runs: int
) -> dict[str, list[float]]:
    """Milliseconds of a step, every run.  potential: Ours.  lmp: That of deepmd-kit.  models: Its models by name."""
    structure = alloy(REPEATS)
    calls = {
        name: partial(_ours, structure, potential, style, folder / "ours", n_steps) for name, style in STYLES.items()
    }
    calls |= {name: partial(_theirs, structure, lmp, path, folder / "theirs", n_steps) for name, path in models.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(n_runs):
        for name, call in calls.items():
            times[name].append(call())
            print(name, times[name][-1], flush=True)
    return times


def medians(times: Mapping[str, list[float]]) -> dict[str, float]:
    """Microseconds per atom and step."""
    n_atoms = 2 * int(np.prod(REPEATS))
    return {name: 1e3 * float(np.median(found)) / n_atoms for name, found in times.items()}


def _ours(structure: Structure, potential: str, style: str, folder: Path, n_steps: int) -> float:
    found = steps(structure, Path(potential), folder, n_steps=n_steps, elements=ELEMENTS, style=style)
    return float(found["loop_ms"])


def _theirs(structure: Structure, lmp: Path, model: Path, folder: Path, n_steps: int) -> float:
    pair = f"pair_style deepmd {model}\npair_coeff * * {' '.join(SYMBOLS[z] for z in ELEMENTS)}"
    head = partial(script, structure, model, ELEMENTS, pair=pair)
    text = course(structure, folder, head, elements=ELEMENTS, n_steps=n_steps)
    (folder / "in.lammps").write_text(text)
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "LD_LIBRARY_PATH")}
    environment |= {**THREADS, **OF_DEEPMD, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [str(lmp), "-in", "in.lammps", "-log", "none"]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S
    )
    return loop_ms(checked(done).stdout, n_steps)
