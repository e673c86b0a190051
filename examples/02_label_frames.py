"""2. Data: copper-gold alloys, rattled and strained, labelled with ASE's effective-medium potential.

    python examples/02_label_frames.py            writes examples/output/{train,test}.xyz

Effective-medium theory stands in for the ab initio program: it needs no installation and takes milliseconds a frame.
"""

import argparse
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

LATTICE = {"Cu": 3.58, "Au": 4.06}  # angstrom, minima of this potential


def alloy(rng: np.random.Generator) -> Atoms:
    """Eight atoms on a face-centred cubic lattice, random composition, strained and displaced."""
    fraction = rng.uniform()
    a = (1 - fraction) * LATTICE["Cu"] + fraction * LATTICE["Au"]
    atoms = bulk("Cu", "fcc", a=a, cubic=True).repeat((2, 1, 1))
    atoms.symbols[rng.uniform(size=len(atoms)) < fraction] = "Au"
    strain = rng.uniform(-0.04, 0.04, size=(3, 3))
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + (strain + strain.T) / 2), scale_atoms=True)
    atoms.positions += rng.normal(scale=0.12, size=atoms.positions.shape)
    return atoms


def labelled(atoms: Atoms) -> Atoms:
    """The frame with energy (eV), forces (eV/angstrom) and stress (eV/angstrom^3)."""
    atoms.calc = EMT()
    values = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces(), "stress": atoms.get_stress()}
    atoms.calc = SinglePointCalculator(atoms, **values)
    return atoms


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--out", type=Path, default=Path("examples/output"))
    arguments.add_argument("--smoke", action="store_true", help="fewer frames")
    given = arguments.parse_args()

    rng = np.random.default_rng(1)
    given.out.mkdir(parents=True, exist_ok=True)
    for name, n_frames in {"train": 40 if given.smoke else 200, "test": 10 if given.smoke else 50}.items():
        frames = [labelled(alloy(rng)) for _ in range(n_frames)]
        path = given.out / f"{name}.xyz"
        write(path, frames, format="extxyz")
        spread = np.std([frame.get_potential_energy() / len(frame) for frame in frames])
        print(f"{path}: {n_frames} frames, energies spread over {1000 * spread:.0f} meV/atom")


if __name__ == "__main__":
    main()
