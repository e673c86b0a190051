"""What a model is told of the data before it learns: sizes and offsets of its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from fusionmd.data.frame import Frame
from fusionmd.data.references import E0
from fusionmd.data.statistics import interaction_energy
from fusionmd.graph import Graph
from fusionmd.nn.scale_shift import ScaleShift
from fusionmd.potential.heads import Head
from fusionmd.training.frames import energies_of, forces_of
from fusionmd.training.metrics import root_mean_square

# Of the scale of energies: what outputs that are no energies start with.
SMALL = 0.1
# Frames that suffice for a mean.
N_CENTRED = 200


def model_statistics(frames: Sequence[Frame], graphs: Sequence[Graph], e0: E0, head: Head) -> dict[str, Any]:
    """What `build_model` wants to know of the data.

    shift (eV per atom), rms_force (eV/angstrom), mean_degree; of several outputs also output_shifts (eV per atom) and
    output_scales: outputs that are not energies start small, at what makes the mean energies of the states.
    """
    shifts = [interaction_energy(frame, e0) / frame.n_atoms for frame in frames if frame.energy is not None]
    forces = [forces_of(frame, 1).reshape(-1) for frame in frames if frame.forces is not None]
    n_edges, n_atoms = sum(graph.n_edges for graph in graphs), sum(graph.n_nodes for graph in graphs)
    return {
        "shift": float(np.mean(shifts)) if shifts else 0.0,
        "rms_force": (root_mean_square(np.concatenate(forces)) if forces else 0.0) or 1.0,
        "mean_degree": max(n_edges / n_atoms, 1.0),
        **output_statistics(frames, e0, head),
    }


@torch.no_grad()
def centre_outputs_(model: nn.Module, graphs: Sequence[Graph]) -> None:
    """Shift several outputs so that what the untrained network adds to the shifts has the mean 0 over `graphs`."""
    shifts = [module.shift for module in model.modules() if isinstance(module, ScaleShift)]
    parameter = next(model.parameters())
    for shift in shifts:
        added = []
        for graph in graphs[:N_CENTRED]:
            moved = graph.to(parameter.device)
            vectors = moved.edge_vectors.to(parameter.dtype)
            inputs = (vectors, moved.senders, moved.receivers, moved.slots, moved.species, moved.n_nodes)
            added.append((model(*inputs) - shift[moved.species]).mean(0))
        shift.sub_(torch.stack(added).mean(0))


def output_statistics(frames: Sequence[Frame], e0: E0, head: Head) -> dict[str, list[float]]:
    """`output_shifts` and `output_scales` of frames whose states all have energies; nothing where there are none."""
    full = [frame for frame in frames if frame.energy is not None and frame.n_states == head.n_states > 1]
    if not full:
        return {}
    energies = np.stack([energies_of(f, head.n_states) - (f.ground_energy - interaction_energy(f, e0)) for f in full])
    outputs = head.outputs_of(torch.from_numpy(energies)).numpy()
    is_energy = np.isin(np.arange(outputs.shape[1]), head.energy_outputs)
    n_atoms = np.array([frame.n_atoms for frame in full])
    return {
        "output_shifts": (outputs / n_atoms[:, None]).mean(0).tolist(),
        "output_scales": np.where(is_energy, 1.0, SMALL).tolist(),
    }
