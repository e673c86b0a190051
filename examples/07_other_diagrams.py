"""7. Other diagrams: what many-body products are worth, on the frames of example 2.

    python examples/07_other_diagrams.py

The same data, the same budget, three families of node diagrams: body order 2, 3 and 4. `A` is the message, a sum over
neighbours; `(A, A)` couples two such sums, so it sees angles; `((A, A), A)` sees dihedral angles.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

from fusionmd import train

PRODUCTS = {
    2: ["A"],
    3: ["A", "(A, A)@2+"],
    4: ["A", "(A, A)@2+", "((A, A)@2+, A)"],
}


def configuration(data: Path, product: list[str], epochs: int) -> dict[str, Any]:
    return {
        "data": {"train": str(data), "valid_fraction": 0.2},
        "model": {
            "name": "fusion_net",
            "cutoff": 4.5,
            "n_layers": 1,
            "n_channels": 8,
            "l_max": 2,
            "message": "(Y, h_j)@2+",
            "product": product,
            "radial_widths": [16, 16],
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
    for order, product in PRODUCTS.items():
        folder = given.out / f"body-order-{order}"
        shutil.rmtree(folder, ignore_errors=True)
        result = train(configuration(data, product, epochs=8 if given.smoke else 40), folder)
        error = result.metrics["forces_rmse_meV_A"]
        print(f"body order {order}: validation force RMSE {error:6.1f} meV/angstrom with {', '.join(product)}")


if __name__ == "__main__":
    main()
