"""A potential file that knows how uncertain its energies are, from one that does not."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fusionmd.data.frame import Frame
from fusionmd.errors import DataError, MissingQuantityError
from fusionmd.graph import concatenate
from fusionmd.potential import Metadata, Potential, export_potential, load_potential
from fusionmd.potential.rigidity import calibrated, distances, root_of
from fusionmd.potential.shipped import potential_path
from fusionmd.potential.uncertainty import energies, summed_descriptors
from fusionmd.training.frames import energies_of
from fusionmd.training.metrics import spread_quality
from fusionmd.workflows.evaluate import FRAMES_AT_ONCE, check_elements
from fusionmd.workflows.export import ingredients

Array = NDArray[np.float64]
METHOD = "last-layer prediction rigidity (Bigi et al. 2024)"
LEAST_HELD_OUT = 20  # fewer give no useful quantile


def calibrate(
    source: str | os.PathLike[str],
    train: Sequence[Frame],
    held_out: Sequence[Frame],
    output: str | os.PathLike[str],
    *,
    on_progress: Callable[[int], None] = lambda n_done: None,
) -> Metadata:
    """Write `output`: the potential `source` with the uncertainties of its energies.

    train: What it was trained on.  held_out: Frames it was not trained on, with the energies of all states.
    on_progress: Told how many frames were seen, of both. Raises DataError or MissingQuantityError for unfit input.
    """
    potential = load_potential(source, compiled="auto")
    _check(potential, train, held_out)
    features, counts, _ = _seen(potential, train, on_progress)
    root = root_of(features, counts)
    features, counts, found = _seen(potential, held_out, lambda n: on_progress(len(train) + n))
    errors = found - np.stack([energies_of(frame, potential.n_states) for frame in held_out])
    rigidity = calibrated(root, features, counts, errors)
    spreads = rigidity.spreads(features, counts)
    part = ingredients(potential_path(source))
    return export_potential(
        part.models,
        output,
        name=potential.metadata.name,
        atomic_energies=part.atomic_energies,
        head=part.head,
        config=part.config,
        frames=part.frames,
        rigidity=rigidity,
        **{**part.provenance, "calibration": _report(len(train), errors, spreads, distances(root, features, counts))},
    )


def _check(potential: Potential, train: Sequence[Frame], held_out: Sequence[Frame]) -> None:
    name = potential.metadata.name
    if potential.metadata.n_members > 1:
        raise MissingQuantityError(f"{name!r} is a committee, whose spread is its uncertainty; calibrate one model")
    if not potential.metadata.has_descriptors:
        raise MissingQuantityError(f"{name!r} has no descriptors: its architecture defines none; make a committee")
    if len(train) < 2 or len(held_out) < LEAST_HELD_OUT:
        raise DataError(
            f"there are {len(train)} training and {len(held_out)} held-out frames; give the training set, and "
            f"{LEAST_HELD_OUT} frames or more that are not in it"
        )
    check_elements(potential, [*train, *held_out])


def _seen(
    potential: Potential, frames: Sequence[Frame], on_progress: Callable[[int], None]
) -> tuple[Array, Array, Array]:
    """Summed descriptors [n, n_features], atoms by element [n, n_elements] and energies [n, n_states], eV."""
    core = potential.core if potential.native is None else potential.native
    found: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
    for begin in range(0, len(frames), FRAMES_AT_ONCE):
        chosen = frames[begin : begin + FRAMES_AT_ONCE]
        graph = concatenate([potential.graph(frame.structure) for frame in chosen])
        found.append((*summed_descriptors(core, graph), energies(core, graph)))
        on_progress(begin + len(chosen))
    features, counts, values = (torch.cat(parts).cpu().numpy() for parts in zip(*found, strict=True))
    return features, counts, values


def _report(n_train: int, errors: Array, spreads: Array, lengths: Array) -> dict[str, Any]:
    """What the file says of its calibration."""
    states = [spread_quality(e, s) for e, s in zip(errors.T, spreads.T, strict=True)]
    return {
        "method": METHOD,
        "n_train": n_train,
        "n_held_out": len(errors),
        "median_distance": float(np.median(lengths)),
        "states": states,
    }
