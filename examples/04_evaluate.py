"""4. Evaluation: the trained potential against labels it has never seen, and its answer to an unknown element.

    python examples/04_evaluate.py                writes examples/output/parity.png

The same on the command line: fusionmd evaluate examples/output/run/potential.pt examples/output/test.xyz
"""

import argparse
from pathlib import Path

import numpy as np
from ase.io import read
from matplotlib.figure import Figure

from fusionmd import Structure, load_potential
from fusionmd.errors import UnsupportedStructureError


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--out", type=Path, default=Path("examples/output"))
    arguments.add_argument("--smoke", action="store_true", help="accepted by every example; this one is quick")
    given = arguments.parse_args()

    potential = load_potential(given.out / "run" / "potential.pt")
    frames = read(given.out / "test.xyz", ":")
    results = potential.evaluate([Structure.from_ase(frame) for frame in frames])

    reference = np.concatenate([frame.get_forces().ravel() for frame in frames])
    predicted = np.concatenate([result.forces[0].ravel() for result in results])
    error = np.array([(r.energy - f.get_potential_energy()) / len(f) for r, f in zip(results, frames, strict=True)])
    print(potential)
    print(f"{len(frames)} frames: energy RMSE {1000 * np.sqrt((error**2).mean()):.1f} meV/atom,")
    force_rmse = np.sqrt(((predicted - reference) ** 2).mean())
    print(f"force RMSE {1000 * force_rmse:.0f} of {1000 * reference.std():.0f} meV/angstrom")

    figure = Figure(figsize=(4, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(reference, predicted, ".", markersize=3)
    axes.axline((0, 0), slope=1, color="grey", linewidth=0.8)
    axes.set(xlabel="force, reference (eV/Å)", ylabel="force, predicted (eV/Å)")
    figure.savefig(given.out / "parity.png", dpi=120)
    print(f"parity plot: {given.out / 'parity.png'}")

    try:
        potential.evaluate([Structure([47], [[0.0, 0.0, 0.0]])])
    except UnsupportedStructureError as error_of_ours:
        print(f"asked about silver, it says: {error_of_ours}")


if __name__ == "__main__":
    main()
