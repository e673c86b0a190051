"""A file of trajectories, made small to be kept: positions in float32, everything else as it is, all compressed.

python -m benchmarks.stilbene.compact RUN/run.h5 -o benchmarks/stilbene/reference/cis.h5
"""

import argparse
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np

from fusionmd.files import write_bytes_atomic
from fusionmd.namd.run_file import read_run
from fusionmd.namd.trajectory import packing

ROUNDED = ("positions", "hop_positions")


def main() -> None:
    """Written and read back."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    write_bytes_atomic(options.output, compacted(options.run))
    run = read_run(options.output)
    print(f"{options.output}: {run.n_trajectories} trajectories, {options.output.stat().st_size / 1e6:.1f} MB")


def compacted(path: Path) -> bytes:
    """The content of the smaller file."""
    content = BytesIO()
    with h5py.File(path) as source, h5py.File(content, "w") as file:
        file.attrs.update(source.attrs)
        for name, values in source.items():
            data = values[:].astype(np.float32) if name in ROUNDED else values[:]
            dataset = file.create_dataset(name, data=data, **packing(data))
            dataset.attrs.update({key: value for key, value in values.attrs.items() if key == "units"})
    return content.getvalue()


if __name__ == "__main__":
    main()
