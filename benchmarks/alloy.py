"""What the benchmarks of LAMMPS move: a random bcc alloy of Nb, Mo, Ta and W, and models of it with random weights."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from benchmarks.machine import ROOT
from fusionmd.models import build_model
from fusionmd.potential import load_potential
from fusionmd.potential.export import potential_bytes
from fusionmd.potential.fast import build_fast
from fusionmd.structure import Structure

CONFIG = ROOT / "models" / "nbmotaw" / "config.yaml"
ELEMENTS = (41, 42, 73, 74)
E0 = dict.fromkeys(ELEMENTS, -10.0)
STATISTICS = {"mean_degree": 58.0, "rms_force": 1.0, "shift": 0.0}
LATTICE_A, JITTER_A = 3.24, 0.05


def alloy(repeats: tuple[int, int, int], *, seed: int = 0) -> Structure:
    """2 n_x n_y n_z atoms: random elements, displaced by a normal deviate of 0.05 angstrom."""
    rng = np.random.default_rng(seed)
    corners = np.array(list(itertools.product(*map(range, repeats))), dtype=np.float64)
    sites = np.concatenate([corners, corners + 0.5]) * LATTICE_A
    numbers = rng.choice(ELEMENTS, len(sites))
    return Structure(numbers, sites + rng.normal(0.0, JITTER_A, sites.shape), np.diag(repeats) * LATTICE_A, True)


def alloy_model(n_layers: int, **changed: Any) -> torch.nn.Module:
    """The architecture of models/nbmotaw with another depth, float32; `changed` replaces more of it."""
    section = {**yaml.safe_load(CONFIG.read_text())["model"], "n_layers": n_layers}
    torch.manual_seed(0)
    return build_model(section | changed, elements=ELEMENTS, statistics=STATISTICS)


def alloy_file(folder: Path, n_layers: int, **changed: Any) -> Path:
    """That model as a potential file in `folder`, its native form built."""
    path = folder / f"layers_{n_layers}.pt"
    content, _ = potential_bytes(alloy_model(n_layers, **changed), atomic_energies=E0, name=path.stem, frames=())
    path.write_bytes(content)
    build_fast(load_potential(path))
    return path
