"""A study whose trajectories were run in pieces: `--first 40 -n 20` beside `-n 40`, then both as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import ase.io
import numpy as np
import yaml

from fusionmd.errors import ConfigError, DataError
from fusionmd.files import atomic_write
from fusionmd.namd.pieces import join, shared, trajectories
from fusionmd.namd.run_file import read_run
from fusionmd.workflows.namd_study import RUN, STARTS, Plan


def check(folders: Sequence[Path], plan: Plan) -> None:
    """Finished, of the settings of the plan, with its trajectories; ConfigError or DataError where they are not."""
    mine = shared(yaml.safe_dump(plan.run.model_dump(mode="json")))
    for folder in folders:
        for name in (RUN, STARTS):
            if not (folder / name).is_file():
                raise DataError(f"{folder} has no {name}; give folders of studies that are finished")
        theirs = shared(read_run(folder / RUN).protocol)
        if wrong := [key for key in sorted({*mine, *theirs}) if mine.get(key) != theirs.get(key)]:
            raise ConfigError(f"{folder} is no piece of this study: {', '.join(wrong)} differ")
    numbers = trajectories([folder / RUN for folder in folders])
    wanted = plan.choice.first + np.arange(plan.choice.n_trajectories)
    if not np.array_equal(numbers, wanted):
        raise ConfigError(
            f"the pieces have trajectories {numbers[0]}..{numbers[-1]}, wanted are {wanted[0]}..{wanted[-1]}; give "
            f"-n {len(numbers)} --first {numbers[0]}, or other pieces"
        )


def take(plan: Plan, folders: Sequence[Path]) -> None:
    """Write the starts and the trajectories of `plan` from folders that `check` let pass; nothing where they are."""
    if (plan.folder / RUN).exists():
        return
    frames = [frame for folder in sorted(folders, key=_first) for frame in ase.io.read(folder / STARTS, index=":")]
    with atomic_write(plan.folder / STARTS) as temporary:
        ase.io.write(temporary, frames, format="extxyz")
    join([folder / RUN for folder in folders], plan.folder / RUN)


def _first(folder: Path) -> int:
    return int(trajectories([folder / RUN])[0])
