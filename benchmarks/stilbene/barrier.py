"""The barrier of the ground state between cis and trans by the reference method, beside its other landmarks.

    python -m benchmarks.stilbene.barrier benchmarks/stilbene/reference/landmarks.xyz

Begins at the twisted minimum of S1 among them, follows the softest mode of S0 up, and adds (or replaces) the landmark
`S0 barrier`. The learned one: `fusionmd namd saddle stilbene-am1ci twisted.xyz --state 0`.
"""

import argparse
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from fusionmd.files import atomic_write
from fusionmd.labels.methods import method_of
from fusionmd.namd.descent import InternalDescent
from fusionmd.namd.landmarks import Landmark, saddle
from fusionmd.units import ANGSTROM_PER_BOHR, EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR, EV_PER_HARTREE
from fusionmd.workflows.direct_surfaces import DirectSurfaces

METHOD = "nddo-am1-casci22+stilbene"
START, NAME = "S1 twisted", "S0 barrier"
FORCE = 0.005  # eV/angstrom
MAX_EVALUATIONS = 500


def main() -> None:
    """The same file with one frame more."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("landmarks", type=Path)
    options = parser.parse_args()
    frames = [one for one in ase.io.read(options.landmarks, index=":") if one.info["name"] != NAME]
    start = next(one for one in frames if one.info["name"] == START)
    found = barrier(start)
    if not found.is_converged:
        raise SystemExit(f"no barrier: {found.reason}")
    with atomic_write(options.landmarks) as temporary:
        ase.io.write(temporary, [*frames, as_frame(start, found)], format="extxyz")
    above = (found.energies[0] * EV_PER_HARTREE - np.min([one.info["energies_eV"] for one in frames])).item()
    print(f"{NAME}: {above:.3f} eV above the lowest landmark, {found.n_evaluations} gradients")


def barrier(start: Atoms) -> Landmark:
    """The saddle of S0 near `start`."""
    surfaces = DirectSurfaces(method_of(METHOD), start.numbers, start.get_masses())
    return saddle(
        surfaces,
        start.positions.ravel() / ANGSTROM_PER_BOHR,
        0,
        lambda hessian: InternalDescent(start.numbers, hessian=hessian),
        gradient=FORCE / EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR,
        max_evaluations=MAX_EVALUATIONS,
    )


def as_frame(start: Atoms, found: Landmark) -> Atoms:
    """As `fusionmd namd saddle` writes it."""
    info = {"name": NAME, "states": [0], "energies_eV": found.energies * EV_PER_HARTREE, "is_converged": True}
    return Atoms(start.numbers, found.positions.reshape(-1, 3) * ANGSTROM_PER_BOHR, info=info)


if __name__ == "__main__":
    main()
