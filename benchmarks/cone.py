"""Heads at a conical intersection whose coupling is odd under a mirror: the gap that each of them leaves open.

Four different atoms, C bonded to N, O and F. With x = |CN| - 1.4 angstrom and the pseudoscalar
y = CN . (CO x CF) / (|CN| |CO| |CF|), the states are those of [[V + a x, b y], [b y, V - a x]]; they meet where x = 0
and the molecule is planar. Trained on energies and forces; `python -m benchmarks.cone`, some five minutes on one core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.results_file import FOLDER, write_results
from fusionmd.data.extxyz import write_extxyz
from fusionmd.data.frame import Frame
from fusionmd.files import write_text_atomic
from fusionmd.potential import load_potential
from fusionmd.structure import Structure
from fusionmd.training import train
from fusionmd.units import MEV_PER_EV

NUMBERS = (6, 7, 8, 9)
SLOPE, COUPLING = 2.0, 1.5  # eV/angstrom, eV
LENGTHS = torch.tensor([1.4, 1.3, 1.35], dtype=torch.float64)
N_FRAMES, N_VALID, N_TEST = 180, 30, 200
STRETCH, HEIGHT = 0.15, 0.25  # largest x and height of C above the plane, angstrom
HEADS: dict[str, dict[str, Any]] = {
    "adiabatic": {"head": "adiabatic", "n_outputs": 2},
    "diabatic, even coupling": {"head": "diabatic", "n_outputs": 3},
    "diabatic, odd coupling": {"head": "diabatic", "n_outputs": 3, "odd_outputs": [2]},
    "characteristic": {"head": "characteristic", "n_outputs": 3},
}


def main() -> None:
    """Train every head on the same frames and write the gaps; heads that are done are not done again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--work", type=Path, default=Path("cone-runs"), help="where the runs are kept")
    parser.add_argument("--only", type=int, help="number of the one head to train now")
    parser.add_argument("-o", "--output", type=Path, default=FOLDER, help="folder of the result file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for k in range(len(HEADS)) if options.only is None else [options.only]:
        if not (options.work / f"{k}.json").exists():
            found = errors(options.work, k, options.epochs)
            write_text_atomic(options.work / f"{k}.json", json.dumps(found))
    if options.only is None:
        rows = {label: json.loads((options.work / f"{k}.json").read_text()) for k, label in enumerate(HEADS)}
        settings = {"epochs": options.epochs, "n_frames": N_FRAMES, "n_valid": N_VALID, "seed": 1}
        content = {"settings": settings, "results": rows, "table": table(rows)}
        print(write_results("cone", content, folder=options.output))


def table(results: dict[str, dict[str, float]]) -> dict[str, Any]:
    """A row per head."""
    return {
        "title": "Heads at a conical intersection with a mirror-odd coupling",
        "columns": [
            "head",
            "energy RMSE, meV",
            "forces RMSE, meV/A",
            "gap at the cone, meV",
            "smallest gap nearby, meV",
        ],
        "rows": [[label, *found.values()] for label, found in results.items()],
        "note": "RMSE of unseen frames; energies and forces of 150 frames were learnt. In truth both gaps are 0.",
        "in_readme": False,
    }


def frames(n: int, *, seed: int) -> Iterator[Frame]:
    """Two coordinates at random: the bond CN, and the height of C above the plane of the others."""
    rng = np.random.default_rng(seed)
    for _ in range(n):
        positions = molecule(STRETCH * rng.uniform(-1, 1), HEIGHT * rng.uniform(-1, 1))
        energies, forces, couplings = surfaces(positions)
        yield Frame(Structure(NUMBERS, positions), energies, forces, couplings=couplings)


def molecule(x: float, height: float) -> np.ndarray:
    """C, N, O, F [4, 3], angstrom; the bond CN is longer by x while C is in the plane."""
    angles, lengths = np.array([0.0, 2.1, -2.1]), LENGTHS.numpy() + [x, 0, 0]
    around = np.stack([np.cos(angles), np.sin(angles), 0 * angles], 1) * lengths[:, None]
    return np.concatenate([[[0.0, 0.0, height]], around])


def surfaces(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energies [2], eV, forces [2, 4, 3], eV/angstrom, and the coupling <0|grad 1> [1, 4, 3], 1/angstrom."""
    r = torch.tensor(positions, requires_grad=True)
    bonds = r[1:] - r[0]
    lengths = bonds.norm(dim=1)
    units = bonds / lengths[:, None]
    x, y = lengths[0] - LENGTHS[0], torch.linalg.det(units)
    cosines = torch.stack([units[0] @ units[1], units[1] @ units[2], units[2] @ units[0]])
    mean = 8.0 * ((lengths - LENGTHS) ** 2).sum() + 2.0 * ((cosines + 0.5) ** 2).sum()
    half = torch.sqrt((SLOPE * x) ** 2 + (COUPLING * y) ** 2)
    energies = torch.stack([mean - half, mean + half])
    forces = [-torch.autograd.grad(energy, r, retain_graph=True)[0] for energy in energies]
    angle = 0.5 * torch.atan2(COUPLING * y, SLOPE * x)  # of mixing: d = grad(angle), up to its sign
    (coupling,) = torch.autograd.grad(angle, r)
    return energies.detach().numpy(), torch.stack(forces).numpy(), coupling[None].numpy()


def errors(folder: Path, index: int, n_epochs: int) -> dict[str, float]:
    """Of one head: energies and forces of test frames, and the gap where the states meet."""
    label, settings = list(HEADS.items())[index]
    if not (folder / "frames.xyz").exists():
        write_extxyz(folder / "frames.xyz", list(frames(N_FRAMES, seed=1)))
    model = {key: value for key, value in settings.items() if key != "head"}
    diagrams = {"n_layers": 1, "n_channels": 16, "l_max": 2, "product": ["A", "(A, A)@2+", "((A, A)@2, A)"]}
    config = {
        "data": {"train": str(folder / "frames.xyz"), "valid_count": N_VALID},
        "model": {"name": "fusion_net", "cutoff": 4.0, "radial_widths": [32, 32], **diagrams, **model},
        "head": settings["head"],
        "loss": {"energy": 50.0, "forces": 10.0, "gaps": 50.0},
        "training": {"epochs": n_epochs, "batch_size": 10, "compile": True, "threads": 1},
    }
    result = train(config, folder / str(index))
    print(label, result.metrics["energy_rmse_meV"], result.export_failure or "", flush=True)
    potential = load_potential(folder / str(index) / "potential.pt")
    return measured(potential)


def measured(potential: Any) -> dict[str, float]:
    """Root mean square errors of unseen frames; the gap at x = 0 in the plane, and the smallest one of the plane."""
    test = list(frames(N_TEST, seed=2))
    found = potential.evaluate([frame.structure for frame in test], states=[0, 1])
    energies = np.stack([one.energies - frame.energy for one, frame in zip(found, test, strict=True)])
    forces = np.stack([one.forces - frame.forces for one, frame in zip(found, test, strict=True)])
    stretches = np.linspace(-STRETCH, STRETCH, 1201)
    line = potential.evaluate([Structure(NUMBERS, molecule(x, 0.0)) for x in stretches])
    gaps = np.array([np.ptp(one.energies) for one in line]) * MEV_PER_EV
    return {
        "energy_rmse_meV": float(np.sqrt((energies**2).mean())) * MEV_PER_EV,
        "forces_rmse_meV_A": float(np.sqrt((forces**2).mean())) * MEV_PER_EV,
        "gap_at_the_cone_meV": float(gaps[len(gaps) // 2]),
        "smallest_gap_in_the_plane_meV": float(gaps.min()),
    }


if __name__ == "__main__":
    main()
