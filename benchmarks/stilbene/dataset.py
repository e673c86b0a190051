"""The data set `stilbene-am1ci` from labelled frames: what may be learnt, split, as NumPy archives in eV and angstrom.

    python -m benchmarks.stilbene.dataset labelled-0.xyz labelled-1.xyz ... -o data/stilbene-am1ci

Left out and counted: frames in which other orbitals than those of the double bond are active (another surface), frames
with forces or energies beyond what trajectories reach. Files hold frames in the order of trajectories; blocks of 40 in
a row go to train or valid as a whole.
"""

import argparse
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fusionmd.data.frame import ACTIVE_WEIGHT_KEY, Frame
from fusionmd.data.read import read_frames
from fusionmd.files import atomic_write

LEAST_WEIGHT = 0.2  # of the active orbitals on C0 and C1
LARGEST_FORCE, HIGHEST_EV = 30.0, 9.0  # eV/angstrom; S0 above the lowest of all frames
FORCE_GRID = 2.0**-11  # eV/angstrom; to this multiple forces are rounded (by 0.14 meV/angstrom RMS), for a small file
BLOCK, VALID_SHARE = 40, 0.04
SEED = 10000


def main() -> None:
    """train.npz and valid.npz."""
    options = arguments(__doc__)
    files = [read_frames(path) for path in options.labelled]
    lowest = min(frame.energy[0] for frames in files for frame in frames)
    reasons = Counter(reason_against(frame, lowest) for frames in files for frame in frames)
    print({reason or "kept": n for reason, n in reasons.items()})
    parts: dict[str, list[Frame]] = {"train": [], "valid": []}
    rng = np.random.Generator(np.random.Philox(key=SEED))
    for frames in files:
        for begin in range(0, len(frames), BLOCK):
            part = "valid" if rng.uniform() < VALID_SHARE else "train"
            parts[part] += [f for f in frames[begin : begin + BLOCK] if not reason_against(f, lowest)]
    options.output.mkdir(parents=True, exist_ok=True)
    for name, frames in parts.items():
        write(options.output / f"{name}.npz", frames)
        print(name, len(frames))


def arguments(text: str) -> argparse.Namespace:
    """labelled: Files of frames.  output: Folder of the data set.  text: Docstring of the script."""
    parser = argparse.ArgumentParser(description=text.split("\n")[0])
    parser.add_argument("labelled", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    return parser.parse_args()


def reason_against(frame: Frame, lowest: float) -> str:
    """Why a frame is not learnt from; empty if it is."""
    if frame.info[ACTIVE_WEIGHT_KEY] < LEAST_WEIGHT:
        return "other orbitals"
    if np.nanmax(np.abs(frame.forces)) > LARGEST_FORCE:
        return "forces"
    return "energy" if frame.energy[0] - lowest > HIGHEST_EV else ""


def write(path: Path, frames: Sequence[Frame]) -> None:
    """Keys of sGDML with an axis of states: R (float32), E [n, 3], F [n, 3, 26, 3] (float32, rounded).

    An archive of NumPy's, but for the compression: LZMA makes it 17 % smaller than `savez_compressed`.
    """
    arrays = {
        "z": frames[0].structure.numbers,
        "R": np.stack([frame.structure.positions for frame in frames]).astype(np.float32),
        "E": np.stack([frame.energy for frame in frames]).round(8),
        "F": (np.stack([frame.forces for frame in frames]) / FORCE_GRID).round().astype(np.float32) * FORCE_GRID,
    }
    with atomic_write(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_LZMA) as archive:
        for key, array in arrays.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)


if __name__ == "__main__":
    main()
