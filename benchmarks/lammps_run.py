"""A run of LAMMPS for the benchmarks: what `pair_style fusionmd` and LAMMPS itself say about their time."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fusionmd.structure import Structure
from fusionmd_lammps.single_point import checked, run, script, write_data

COSTS = re.compile(
    r"fusionmd: mean of (\d+) evaluations, at most of a rank: (\S+) ms in the model, (\S+) ms around it, "
    r"(\d+) nodes, (\d+) of them ghosts, (\d+) edges, (\d+) bytes exchanged"
)
NAMES = ("n_evaluations", "model_ms", "around_ms", "n_nodes", "n_ghosts", "n_edges", "bytes_exchanged")
LOOP = re.compile(r"Loop time of (\S+) on")
# Forces of random weights would take a crystal apart: atoms hardly move, their neighbour lists are made again anyway.
TIMESTEP_FS = 1e-3


def steps(
    structure: Structure,
    potential: Path,
    folder: Path,
    *,
    n_steps: int,
    elements: Sequence[int],
    style: str = "",
    n_ranks: int = 1,
    list_every: int = 10,
    timeout_s: float = 300.0,
    after: str = "",
) -> dict[str, Any]:
    """Velocity Verlet: per step, in milliseconds, what a rank spends in the model, around it, and in all of LAMMPS."""
    head = partial(script, structure, potential, elements, style=style)
    text = course(structure, folder, head, elements=elements, n_steps=n_steps, list_every=list_every) + after
    said = checked(run(text, folder, n_ranks=n_ranks, timeout_s=timeout_s)).stdout
    costs = dict(zip(NAMES, map(float, COSTS.findall(said)[-1]), strict=True))
    return costs | {"loop_ms": loop_ms(said, n_steps), "output": said}


def course(
    structure: Structure,
    folder: Path,
    head: Callable[..., str],
    *,
    elements: Sequence[int],
    n_steps: int,
    list_every: int = 10,
) -> str:
    """The input of such a run, its data file in `folder`.  head: `script` with all but the timestep."""
    folder.mkdir(parents=True, exist_ok=True)
    write_data(structure, folder / "start.data", elements, velocities=np.zeros_like(structure.positions))
    lists = f"neighbor 1.0 bin\nneigh_modify every {list_every} delay 0 check no\n"
    return head(timestep_fs=TIMESTEP_FS) + lists + f"fix move all nve\nthermo 1000\nrun 2\nrun {n_steps}\n"


def loop_ms(said: str, n_steps: int) -> float:
    """LAMMPS' own time of a step of the last run, on the wall."""
    return 1e3 * float(LOOP.findall(said)[-1]) / n_steps
