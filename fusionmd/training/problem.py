"""The learning problem of a configuration: samples to train and to validate on, references, statistics, the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from fusionmd.data.frame import DEFAULT_CONFIG_TYPE, Frame
from fusionmd.errors import DataError, UnsupportedStructureError
from fusionmd.graph import Graph, graph_of
from fusionmd.models import build_model
from fusionmd.structure import Structure
from fusionmd.training.batches import Sample
from fusionmd.training.config import Config
from fusionmd.training.frames import energies_of, forces_of, frames_of, stress_of, weights_of
from fusionmd.training.references import E0, composition, fitted_references, given_references, isolated_references
from fusionmd.training.split import split_frames
from fusionmd.training.start import Start
from fusionmd.training.statistics import training_statistics


@dataclass(frozen=True)
class Problem:
    """e0: eV by atomic number.  statistics: What `build_model` was told.  frozen: Names of parameters that stay."""

    model: nn.Module
    model_config: Mapping[str, Any]
    elements: tuple[int, ...]
    e0: E0
    statistics: Mapping[str, Any]
    train: Sequence[Sample]
    valid: Sequence[Sample]
    valid_structures: Sequence[Structure] = ()
    frozen: frozenset[str] = frozenset()

    def description(self) -> dict[str, Any]:
        """What rebuilds the model, besides its weights: plain values."""
        return {
            "model": dict(self.model_config),
            "elements": list(self.elements),
            "e0": {str(number): energy for number, energy in self.e0.items()},
            "statistics": dict(self.statistics),
        }


def prepare(config: Config, start: Start, *, dtype: torch.dtype, device: torch.device) -> Problem:
    """Read the data, decide what `start` leaves open, build the model and the graphs."""
    train, valid = split_frames(config.data, seed=config.training.seed)
    elements = start.elements or elements_of(config, [*train, *valid])
    e0 = dict(start.e0) if start.e0 else reference_energies(config, train, elements)
    if config.e0.kind == "isolated":
        # Their energies are E0 itself; with the mean energy per atom as a shift the model would contradict them.
        train, valid = ([frame for frame in part if not frame.is_isolated_atom] for part in (train, valid))
    statistics = start.statistics or training_statistics(train, elements, e0, cutoff=cutoff_of(config.model, elements))
    model = seeded_model(config.model, elements, statistics, seed=config.training.seed).to(device=device, dtype=dtype)
    weights = config.data.config_type_weights
    return Problem(
        model=model,
        model_config=config.model,
        elements=elements,
        e0=e0,
        statistics=statistics,
        train=[sample_of(frame, model, e0, weights) for frame in train],
        valid=[sample_of(frame, model, e0, weights) for frame in valid],
        valid_structures=[frame.structure for frame in valid],
    )


def cutoff_of(model: Mapping[str, Any], elements: tuple[int, ...]) -> float:
    """The cutoff (angstrom) of the model that `model` describes, be it written there or a default."""
    return float(model.get("cutoff") or seeded_model(model, elements, {}, seed=0).cutoff)  # type: ignore[arg-type]


def elements_of(config: Config, frames: Sequence[Frame]) -> tuple[int, ...]:
    """The elements of the configuration, or those that occur in the frames."""
    if config.data.elements:
        return tuple(sorted(set(config.data.elements)))
    return tuple(sorted({int(number) for frame in frames for number in frame.structure.numbers}))


def reference_energies(config: Config, frames: Sequence[Frame], elements: tuple[int, ...]) -> E0:
    """E0 as the section `e0` wants them."""
    if config.e0.kind == "given":
        return given_references(config.e0.values, elements)
    if config.e0.kind == "isolated" and config.data.isolated_atoms:
        frames = frames_of([config.data.isolated_atoms], config.data)
    numbers = [frame.structure.numbers for frame in frames]
    energies = np.array([energies_of(frame, 1)[0] for frame in frames])
    if config.e0.kind == "isolated":
        return isolated_references(numbers, energies, elements)
    return fitted_references(composition(numbers, elements), energies, elements)


def seeded_model(
    model: Mapping[str, Any], elements: tuple[int, ...], statistics: Mapping[str, Any], *, seed: int
) -> nn.Module:
    """The untrained model; its random weights depend on `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_model(dict(model), elements=list(elements), statistics=statistics)


def sample_of(frame: Frame, model: nn.Module, e0: E0, config_type_weights: Mapping[str, float]) -> Sample:
    """A frame with its graph, and with E - sum(E0) formed in float64."""
    default = config_type_weights.get(DEFAULT_CONFIG_TYPE, 1.0)
    n_states = int(model.n_outputs)  # type: ignore[arg-type]
    total = sum(e0[int(number)] for number in frame.structure.numbers)
    return Sample(
        graph=_graph(frame, model),
        energies=energies_of(frame, n_states) - total,
        forces=forces_of(frame, n_states),
        stress=stress_of(frame),
        weights=weights_of(frame, config_type_weights.get(frame.config_type, default)),
    )


def _graph(frame: Frame, model: nn.Module) -> Graph:
    try:
        return graph_of(frame.structure, model.elements, float(model.cutoff))  # type: ignore[arg-type]
    except UnsupportedStructureError as error:
        raise DataError(f"{frame.source}: {error}") from None
