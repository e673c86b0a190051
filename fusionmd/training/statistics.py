"""Numbers about the training data by which a model scales its inputs and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fusionmd.data.frame import Frame
from fusionmd.graph import graph_of
from fusionmd.training.frames import energies_of, forces_of
from fusionmd.training.references import E0


def training_statistics(frames: Sequence[Frame], elements: Sequence[int], e0: E0, *, cutoff: float) -> dict[str, Any]:
    """shift: mean interaction energy per atom, eV; rms_force: eV/angstrom; mean_degree: neighbours within `cutoff`."""
    sizes = np.array([frame.structure.n_atoms for frame in frames])
    totals = np.array([energies_of(frame, 1)[0] - sum(e0[int(z)] for z in frame.structure.numbers) for frame in frames])
    forces = np.concatenate([forces_of(frame, 1).reshape(-1) for frame in frames])
    n_edges = sum(graph_of(frame.structure, elements, cutoff).n_edges for frame in frames)
    is_known = np.isfinite(totals)
    return {
        "shift": float((totals[is_known] / sizes[is_known]).mean()) if is_known.any() else 0.0,
        "rms_force": float(np.sqrt(np.nanmean(forces**2))) if np.isfinite(forces).any() else 1.0,
        "mean_degree": max(float(n_edges / sizes.sum()), 1.0),
    }
