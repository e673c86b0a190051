"""The toy model as an architecture of its own, and frames of a Morse potential, for tests of training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from pydantic import BaseModel, ConfigDict

from fusionmd.models import registry
from tests.toy_model import ToyModel, TwoHopToyModel

MODEL = {"name": "toy", "cutoff": 3.0, "dim": 4}
E0 = {1: -13.5, 6: -1030.0, 8: -2040.0}


class ToyConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    cutoff: float = 3.0
    dim: int = 4
    n_outputs: int = 1
    n_hops: int = 1


def toy(config: ToyConfig, *, elements: list[int], statistics: dict[str, Any]) -> torch.nn.Module:
    kind = {1: ToyModel, 2: TwoHopToyModel}[config.n_hops]
    seed = int(torch.randint(1_000_000, ()))
    return kind(elements, config.cutoff, n_outputs=config.n_outputs, dim=config.dim, seed=seed)


def register() -> None:
    """For good: in a process of its own."""
    registry._ARCHITECTURES["toy"] = (ToyConfig, toy)


@contextmanager
def registered() -> Iterator[None]:
    """For a while: other tests see the architectures that there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry._ARCHITECTURES, "toy", (ToyConfig, toy))
        yield


def morse_frame(rng: np.random.Generator, n_atoms: int = 4, *, cell: float = 0.0) -> Atoms:
    """Atoms near a zigzag chain with E = sum(E0) + sum_pairs (exp(-2x) - 2 exp(-x)), x = 1.2 (r - 1.4)."""
    chain = (
        np.arange(n_atoms)[:, None] * np.array([1.1, 0.0, 0.0])
        + np.array([0.0, 0.7, 0.0]) * (np.arange(n_atoms) % 2)[:, None]
    )
    positions = chain + rng.normal(scale=0.08, size=(n_atoms, 3)) + [0.0, 0.0, 1.0]
    numbers = rng.choice([1, 6, 8], size=n_atoms)
    vectors = positions[:, None] - positions[None]
    distances = np.linalg.norm(vectors, axis=-1) + np.eye(n_atoms)
    x, pair = 1.2 * (distances - 1.4), 1 - np.eye(n_atoms)
    energy = 0.5 * ((np.exp(-2 * x) - 2 * np.exp(-x)) * pair).sum() + sum(E0[int(z)] for z in numbers)
    slope = 1.2 * (-2 * np.exp(-2 * x) + 2 * np.exp(-x)) * pair
    forces = -(slope[..., None] * vectors / distances[..., None]).sum(axis=1)
    atoms = Atoms(numbers, positions, cell=[cell] * 3 if cell else None, pbc=bool(cell))
    atoms.calc = SinglePointCalculator(atoms, energy=float(energy), forces=forces)
    return atoms


def write_frames(path: Path, n_frames: int, *, seed: int = 0) -> Path:
    """Frames of three to five atoms."""
    rng = np.random.default_rng(seed)
    write(path, [morse_frame(rng, 3 + i % 3) for i in range(n_frames)], format="extxyz")
    return path


def config(path: Path, **sections: dict[str, Any]) -> dict[str, Any]:
    """A nested mapping that trains the toy on the frames at `path`, eagerly and in float64."""
    training = {"epochs": 3, "batch_size": 3, "dtype": "float64", "compile": False, "device": "cpu"}
    training |= sections.pop("training", {})
    data = {"train": str(path), "valid_count": 4, **sections.pop("data", {})}
    return {"data": data, "model": MODEL, "training": training, **sections}


RESUME_SECTIONS: dict[str, Any] = {
    "optimizer": {"name": "amsgrad", "learning_rate": 1e-2, "ema": 0.9},
    "schedule": {"kind": "plateau", "patience": 1, "factor": 0.5, "stage_two": {"start": 0.6, "energy": 50.0}},
}
