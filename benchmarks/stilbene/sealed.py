"""Frames of the sealed direct trajectories to label with all states, evenly spaced; for `along.py`, not to learn from.

python -m benchmarks.stilbene.sealed benchmarks/stilbene/reference/cis.h5 ... -n 300 -o sealed.xyz
fusionmd label sealed.xyz --method nddo-am1-casci22+stilbene --jobs 2 -o sealed-labelled.xyz
"""

import argparse
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from fusionmd.namd.run_file import RunFile, read_run

CONFIG_TYPE = "sealed"


def main() -> None:
    """One file of frames."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("-n", type=int, default=300, help="frames in all")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    frames = [frame for path in options.runs for frame in moving_frames(read_run(path))]
    chosen = np.unique(np.linspace(0, len(frames) - 1, options.n).round().astype(int))
    ase.io.write(options.output, [frames[index] for index in chosen], format="extxyz")
    print(f"{len(chosen)} of {len(frames)} frames: {options.output}")


def moving_frames(run: RunFile) -> list[Atoms]:
    """Of all trajectories, up to where each ended."""
    if run.numbers is None:
        raise SystemExit("these are no trajectories of a molecule")
    return [
        Atoms(run.numbers, run.positions[row, frame].reshape(-1, 3), info={"config_type": CONFIG_TYPE})
        for row, end in enumerate(run.end_frames)
        for frame in range(end + 1)
    ]


if __name__ == "__main__":
    main()
