"""Labelled frames as training sees them: the data floor's frames with NaN where a label is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusionmd.structure import Structure
from fusionmd.training.config import DataConfig

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LabelledFrame:
    """energies [n_states] eV; forces [n_states, n_atoms, 3] eV/A; stress [3, 3] eV/A^3; NaN marks a missing label."""

    structure: Structure
    energies: Array
    forces: Array
    stress: Array
    config_type: str = "Default"
    weight: float = 1.0


def read_labelled(paths: Sequence[Path], data: DataConfig) -> list[LabelledFrame]:
    """All frames of the files, in order, with labels in eV and angstrom."""
    from ase.io import iread

    frames = []
    for path in paths:
        for atoms in iread(path, ":"):
            n = len(atoms)
            has = atoms.calc.results if atoms.calc else {}
            frames.append(
                LabelledFrame(
                    Structure.from_ase(atoms),
                    np.array([has.get("energy", np.nan)], dtype=float),
                    np.asarray(has.get("forces", np.full((n, 3), np.nan)))[None],
                    np.full((3, 3), np.nan),
                    atoms.info.get("config_type", "Default"),
                )
            )
    return frames
