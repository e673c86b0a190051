"""Three states of CH2NH2+ (MR-CISD): errors of energies, gaps, forces and couplings by leaving frames out.

    FUSIONMD_DATA=DIR python -m benchmarks.ch2nh2

The 99 frames are dealt into folds; each fold is predicted by a model trained on the others, of which every eighth frame
chooses the epoch. The frames of all folds together give the errors. Half an hour on one core; folds that are done are
not done again. Writes benchmarks/results/ch2nh2.json.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.results_file import FOLDER, write_results
from fusionmd.data.catalogue import find_file
from fusionmd.data.frame import Frame
from fusionmd.data.read import read_frames
from fusionmd.data.splits import Split, save_split
from fusionmd.files import sha256_of_file
from fusionmd.potential import load_potential
from fusionmd.training import train
from fusionmd.training.frames import interstate_of
from fusionmd.training.metrics import metrics_of
from fusionmd.units import MEV_PER_EV
from fusionmd.workflows.evaluate import comparison_of

SEED, EVERY = 1, 8
PRODUCT = ["A", "(A, A)@2+", "((A, A)@2, A)"]
MODEL = {"name": "fusion_net", "cutoff": 6.0, "n_layers": 1, "n_channels": 32, "l_max": 2, "product": PRODUCT}
LOSS = {"energy": 20.0, "forces": 20.0}
VARIANTS: dict[str, dict[str, Any]] = {
    "adiabatic": {"head": "adiabatic", "model": {"n_outputs": 3}},
    "diabatic": {"head": "diabatic", "model": {"n_outputs": 6}},
    "diabatic, couplings learnt": {"head": "diabatic", "model": {"n_outputs": 6}, "loss": {"couplings": 20.0}},
    "diabatic, odd 0-1 and 1-2, couplings learnt": {
        "head": "diabatic",
        "model": {"n_outputs": 6, "odd_outputs": [3, 5]},
        "loss": {"couplings": 20.0},
    },
    "characteristic": {"head": "characteristic", "model": {"n_outputs": 4}},
}
SHOWN = {
    "energy_mae_meV": "energies, meV",
    "gap_mae_meV": "gaps, meV",
    "forces_mae_meV_A": "forces, meV/A",
    "couplings_mae_meV_A": "couplings, meV/A",
}


def main() -> None:
    """All variants, all folds."""
    options = _arguments()
    torch.set_num_threads(1)
    path = find_file("ch2nh2", "spainn_ch2nh2.db", folder=options.data)
    frames = read_frames(path)
    folds = np.array_split(np.random.default_rng(SEED).permutation(len(frames)), options.folds)
    results = {}
    for k, (label, changes) in enumerate(VARIANTS.items()):
        results[label] = left_out(path, frames, folds, changes, options.work / str(k), options.epochs)
        print(label, {key: round(results[label].get(key, np.nan), 1) for key in SHOWN}, flush=True)
    settings = {"model": MODEL, "loss": LOSS, "variants": VARIANTS, "epochs": options.epochs, "folds": options.folds}
    settings |= {"seed": SEED, "data_sha256": sha256_of_file(path), "n_frames": len(frames)}
    size = float(np.mean([np.abs(interstate_of(frame, 3)).mean() for frame in frames])) * MEV_PER_EV
    settings["couplings_mean_size_meV_A"] = size
    content = {"settings": settings, "results": results, "table": table(results, options.folds, size)}
    print(write_results("ch2nh2", content, folder=options.output))


def left_out(
    path: Path, frames: Sequence[Frame], folds: Sequence[np.ndarray], changes: dict[str, Any], work: Path, epochs: int
) -> dict[str, Any]:
    """Errors of all frames, each predicted by the model that has not seen it."""
    order, found = [], []
    for k, test in enumerate(folds):
        rest = np.setdiff1d(np.arange(len(frames)), test)
        folder = work / str(k)
        if not (folder / "potential.pt").exists():
            train(config(path, rest, changes, work / f"split{k}.json", epochs), folder, resume=True)
        potential = load_potential(folder / "potential.pt")
        structures = [frames[i].structure for i in test]
        found += potential.evaluate(structures, states=[0, 1, 2], couplings=potential.has_couplings)
        order += test.tolist()
    return metrics_of(comparison_of([frames[i] for i in order], found, 3))


def config(path: Path, chosen: np.ndarray, changes: dict[str, Any], split: Path, epochs: int) -> dict[str, Any]:
    """The training of one fold."""
    valid = chosen[::EVERY].tolist()
    split.parent.mkdir(parents=True, exist_ok=True)
    save_split(split, Split(tuple(sorted(set(chosen.tolist()) - set(valid))), tuple(valid)), [path])
    return {
        "data": {"train": str(path), "split": str(split)},
        "model": MODEL | changes["model"],
        "head": changes["head"],
        "loss": LOSS | changes.get("loss", {}),
        "optimizer": {"ema": 0.99},
        "training": {"epochs": epochs, "batch_size": 8, "seed": SEED, "threads": 1, "valid_every": 5},
    }


def table(results: dict[str, dict[str, Any]], n_folds: int, size: float) -> dict[str, Any]:
    """Mean absolute errors; couplings where the head has them."""
    return {
        "title": f"CH2NH2+, three states, 99 MR-CISD frames, {n_folds} folds left out in turn: MAE",
        "columns": ["head", *SHOWN.values()],
        "rows": [[label, *(found.get(key, "") for key in SHOWN)] for label, found in results.items()],
        "note": f"Couplings are (E_b - E_a) <a|grad b>, the sign of each frame and pair free; mean size {size:.0f}.",
        "in_readme": False,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the data sets; default FUSIONMD_DATA")
    parser.add_argument("--work", type=Path, default=Path("ch2nh2-runs"), help="where the runs are kept")
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    return parser.parse_args()


if __name__ == "__main__":
    main()
