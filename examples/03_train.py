"""3. Training: a small, strictly local network on the frames of example 2.

    python examples/03_train.py                   writes examples/output/run/, with potential.pt and report.html

The same on the command line: fusionmd train CONFIG.yaml -o examples/output/run
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

from fusionmd import train
from fusionmd.training import Hooks


def configuration(data: Path, epochs: int) -> dict[str, Any]:
    """One layer: the energy of an atom feels what is within the cutoff and nothing else."""
    return {
        "data": {"train": str(data), "valid_fraction": 0.1},
        "model": {
            "name": "fusion_net",
            "cutoff": 4.5,
            "n_layers": 1,
            "n_channels": 16,
            "l_max": 2,
            "message": "(Y, h_j)@2+",
            "product": ["A", "(A, A)@2+", "((A, A)@2+, A)"],
            "radial_widths": [32, 32],
        },
        "loss": {"energy": 1.0, "forces": 10.0, "stress": 100.0},
        "optimizer": {"learning_rate": 0.01},
        "training": {"epochs": epochs, "batch_size": 5, "compile": False, "seed": 1},
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--out", type=Path, default=Path("examples/output"))
    arguments.add_argument("--smoke", action="store_true", help="fewer epochs")
    given = arguments.parse_args()

    folder = given.out / "run"
    shutil.rmtree(folder, ignore_errors=True)  # a run folder is never overwritten silently
    config = configuration((given.out / "train.xyz").resolve(), epochs=15 if given.smoke else 60)
    result = train(config, folder, hooks=Hooks(on_record=report))
    print(f"best epoch: {result.best_epoch}")
    for name, value in result.metrics.items():
        print(f"  {name}: {value}")
    print(f"potential: {result.potential}\nreport: {folder / 'report.html'}")


def report(record: dict[str, Any]) -> None:
    """Every fifth line of the log, shortened."""
    if record.get("event") == "epoch" and record["epoch"] % 5 == 0:
        print(f"epoch {record['epoch']:3d}: validation force RMSE {record['valid_forces_rmse_meV_A']:.1f} meV/angstrom")


if __name__ == "__main__":
    main()
