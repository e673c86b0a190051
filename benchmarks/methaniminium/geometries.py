"""Geometries of CH2NH2+ to label: what light and a hot molecule reach, before any trajectory was run.

    python -m benchmarks.methaniminium.geometries starts.xyz -n 120 -o frames.xyz

`starts.xyz`: draws of the Wigner function, of atoms C0, N1, H2 and H3 on C0, H4 and H5 on N1. Written are these, and n
made of them: the CN bond is stretched, the CH2 group is turned about it, both groups are bent out of their planes.
"""

import argparse
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

CARBON, NITROGEN = 0, 1
ON_CARBON, ON_NITROGEN = (2, 3), (4, 5)
BOND = (1.15, 1.75)  # angstrom
TORSION = (0.0, 110.0)  # degrees
BEND = 35.0  # degrees, standard deviation
LEAST_HH = 1.0  # angstrom


def main() -> None:
    """One file; `config_type` says where a frame comes from."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("starts", type=Path)
    parser.add_argument("-n", type=int, default=120)
    parser.add_argument("--seed", type=int, default=10000)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    starts = ase.io.read(options.starts, index=":")
    rng = np.random.default_rng(options.seed)
    frames = [Atoms(one.numbers, one.positions, info={"config_type": "start"}) for one in starts]
    while len(frames) < len(starts) + options.n:
        frame = distorted(starts[rng.integers(len(starts))], rng)
        if closest_hydrogens(frame) > LEAST_HH:
            frames.append(frame)
    ase.io.write(options.output, frames, format="extxyz")
    print(f"{len(frames)} frames: {options.output}")


def distorted(start: Atoms, rng: np.random.Generator) -> Atoms:
    """Another length of the CN bond, CH2 turned about it, CH2 and NH2 bent."""
    frame = Atoms(start.numbers, start.positions, info={"config_type": "distorted"})
    frame.set_distance(NITROGEN, CARBON, rng.uniform(*BOND), fix=0, indices=[CARBON, *ON_CARBON])
    axis = frame.positions[NITROGEN] - frame.positions[CARBON]
    turn(frame, ON_CARBON, axis, rng.uniform(*TORSION), centre=CARBON)
    for centre, pair in ((CARBON, ON_CARBON), (NITROGEN, ON_NITROGEN)):
        turn(frame, pair, frame.positions[pair[0]] - frame.positions[pair[1]], BEND * rng.normal(), centre=centre)
    return frame


def turn(frame: Atoms, atoms: tuple[int, ...], axis: np.ndarray, degrees: float, *, centre: int) -> None:
    """Rotate `atoms` about an axis through the atom `centre`."""
    part = frame[list(atoms)]
    part.rotate(degrees, axis, center=frame.positions[centre])
    frame.positions[list(atoms)] = part.positions


def closest_hydrogens(frame: Atoms) -> float:
    """Smallest distance of two hydrogen atoms, angstrom."""
    hydrogens = frame[[atom.index for atom in frame if atom.symbol == "H"]]
    return float(hydrogens.get_all_distances()[np.triu_indices(len(hydrogens), 1)].min())


if __name__ == "__main__":
    main()
