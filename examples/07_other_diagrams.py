"""7. Other diagrams: what many-body products and legs of the centre are worth, on the frames of example 2.

    python examples/07_other_diagrams.py

The same data, the same budget, other diagrams. In the products `A` is the message, a sum over neighbours; `(A, A)`
couples two such sums, so it sees angles; `((A, A), A)` sees dihedral angles. `h_i`, the features of the centre, may be
a leaf of messages and of products. The last run is that of body order 3 again, with Cartesian tensors instead of
spherical ones: diagrams know nothing of the basis, and weights act on channels only, so it learns the same function.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

from fusionmd import train

FAMILIES: dict[str, dict[str, Any]] = {
    "body order 2": {"product": ["A"]},
    "body order 3": {"product": ["A", "(A, A)@2+"]},
    "body order 4": {"product": ["A", "(A, A)@2+", "((A, A)@2+, A)"]},
    "with the centre": {"message": "((Y, h_j)@2+, h_i)@2+", "product": ["A", "(A, A)@2+", "(A, h_i)"]},
    "body order 3, cartesian": {"product": ["A", "(A, A)@2+"], "basis": "cartesian"},
}


def configuration(data: Path, diagrams: dict[str, Any], epochs: int) -> dict[str, Any]:
    return {
        "data": {"train": str(data), "valid_fraction": 0.2},
        "model": {
            "name": "fusion_net",
            "cutoff": 4.5,
            "n_layers": 1,
            "n_channels": 8,
            "l_max": 2,
            "message": "(Y, h_j)@2+",
            "radial_widths": [16, 16],
            **diagrams,
        },
        "loss": {"energy": 1.0, "forces": 10.0},
        "optimizer": {"learning_rate": 0.01},
        "training": {"epochs": epochs, "batch_size": 5, "compile": False, "seed": 1},
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--out", type=Path, default=Path("examples/output"))
    arguments.add_argument("--smoke", action="store_true", help="fewer epochs")
    given = arguments.parse_args()

    data = (given.out / "train.xyz").resolve()
    for name, diagrams in FAMILIES.items():
        folder = given.out / name.replace(",", "").replace(" ", "-")
        shutil.rmtree(folder, ignore_errors=True)
        result = train(configuration(data, diagrams, epochs=6 if given.smoke else 40), folder)
        error = result.metrics["forces_rmse_meV_A"]
        print(f"{name:<24} validation force RMSE {error:6.1f} meV/angstrom with {', '.join(diagrams['product'])}")


if __name__ == "__main__":
    main()
