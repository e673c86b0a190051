"""Errors of a trained model by the training's own evaluation; a model whose export is refused has errors too."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from fusionmd.data.frame import Frame
from fusionmd.training.metrics import metrics_of
from fusionmd.training.problem import graph_of_frame
from fusionmd.training.samples import Learnt, sample_of
from fusionmd.training.step import flat_validation_step
from fusionmd.training.trained import Trained, load_trained
from fusionmd.training.validation import ValidationSet, validate, validation_set

BATCH_SIZE = 10


def errors_of(folder: Path, frames: Sequence[Frame]) -> dict[str, Any]:
    """Metrics of the best model of a run (chosen on validation frames), not compiled, in the dtype of the training."""
    trained = load_trained(folder)
    tensors = {**dict(trained.model.named_parameters()), **dict(trained.model.named_buffers())}
    function = flat_validation_step(trained.model, tuple(tensors), head=None, huber=None)
    comparison, _ = validate(function, tensors, _samples(trained, frames))
    return metrics_of(comparison)


def _samples(trained: Trained, frames: Sequence[Frame]) -> ValidationSet:
    model, elements = trained.model, trained.description["elements"]
    learnt = Learnt({}, int(model.n_outputs), has_couplings=False)
    graphs = [graph_of_frame(frame, elements, float(model.cutoff)) for frame in frames]
    samples = [sample_of(f, graph, trained.e0, learnt) for f, graph in zip(frames, graphs, strict=True)]
    dtype, device = next(model.parameters()).dtype, torch.device("cpu")
    return validation_set(samples, BATCH_SIZE, dtype=dtype, device=device, energy_per="structure")
