"""The molecule of the speed benchmarks: acetylacetone, as it is and in distorted copies."""

from pathlib import Path

import ase.io
import numpy as np

PATH = Path(__file__).resolve().parent.parent / "examples" / "structures" / "acetylacetone.xyz"
DISTORTION = 0.05  # angstrom, standard deviation of each coordinate


def copies(n: int, *, seed: int = 0) -> list[ase.Atoms]:
    """The molecule itself, then n - 1 copies with random displacements."""
    molecule, generator = ase.io.read(PATH), np.random.default_rng(seed)
    distorted = [molecule.copy() for _ in range(n - 1)]
    for atoms in distorted:
        atoms.positions += generator.normal(scale=DISTORTION, size=atoms.positions.shape)
    return [molecule, *distorted]
