"""The data of `methaniminium` from labelled frames: NumPy archives in eV and angstrom.

    python -m benchmarks.methaniminium.dataset labelled-0.xyz labelled-1.xyz ... -o benchmarks/methaniminium/data

Frames that trajectories from S2 cannot reach are left out and counted: early networks had holes, and far out the
orbitals converge to other solutions. One frame in ten, drawn at random, chooses the epoch.
"""

from collections.abc import Sequence

import numpy as np

from benchmarks.stilbene.dataset import arguments, write
from fusionmd.data.frame import Frame
from fusionmd.data.read import read_frames

LARGEST_FORCE, HIGHEST_EV = 30.0, 12.0  # eV/angstrom; S0 above the lowest of all frames
VALID_SHARE = 0.1
SEED = 10000


def main() -> None:
    """train.npz and valid.npz."""
    options = arguments(__doc__)
    frames = [frame for path in options.labelled for frame in read_frames(path)]
    kept = usable(frames)
    order = np.random.default_rng(SEED).permutation(len(kept))
    n_valid = round(VALID_SHARE * len(kept))
    options.output.mkdir(parents=True, exist_ok=True)
    for name, chosen in (("valid", order[:n_valid]), ("train", order[n_valid:])):
        write(options.output / f"{name}.npz", [kept[index] for index in sorted(chosen)])
        print(name, len(chosen))
    print("left out", len(frames) - len(kept))


def usable(frames: Sequence[Frame]) -> list[Frame]:
    """Those that are learnt from."""
    lowest = min(frame.energy[0] for frame in frames)
    return [f for f in frames if np.abs(f.forces).max() < LARGEST_FORCE and f.energy[0] - lowest < HIGHEST_EV]


if __name__ == "__main__":
    main()
