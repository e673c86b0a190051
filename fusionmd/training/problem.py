"""The learning problem of a configuration: samples to train and to validate on, references, statistics, the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fusionmd.data.frame import Frame
from fusionmd.data.references import E0
from fusionmd.data.splits import Split
from fusionmd.elements import symbols
from fusionmd.errors import ConfigError, DataError, UnsupportedStructureError
from fusionmd.graph import Graph, graph_of
from fusionmd.models import build_model
from fusionmd.potential.heads import Head, build_head
from fusionmd.structure import Structure
from fusionmd.training.config import Config
from fusionmd.training.fine_tune import carry_over_, frozen_names, left_over_energies
from fusionmd.training.references import references_of
from fusionmd.training.samples import Learnt, Sample, check_stress, check_turns, learns_couplings, sample_of
from fusionmd.training.scales import centre_outputs_, model_statistics
from fusionmd.training.split import split_frames
from fusionmd.training.start import Start


@dataclass(frozen=True)
class Problem:
    """What is learnt, from what.

    e0: eV by atomic number.  statistics: What `build_model` was told.  frozen: Names of parameters that stay.
    """

    model: nn.Module
    head: Head
    model_config: Mapping[str, Any]
    elements: tuple[int, ...]
    e0: E0
    statistics: Mapping[str, Any]
    train: Sequence[Sample]
    valid: Sequence[Sample]
    valid_structures: Sequence[Structure] = ()
    frozen: frozenset[str] = frozenset()
    split: Split | None = None

    def description(self) -> dict[str, Any]:
        """What rebuilds the model, besides its weights: plain values."""
        return {
            "model": dict(self.model_config),
            "elements": list(self.elements),
            "e0": {str(number): energy for number, energy in self.e0.items()},
            "statistics": dict(self.statistics),
            "head": self.head.kind,
        }


def prepare(config: Config, start: Start, *, dtype: torch.dtype, device: torch.device) -> Problem:
    """Read the data, decide what `start` leaves open, build the model and the graphs."""
    check_stress(config)
    frames = split_frames(config.data, seed=config.training.seed)
    elements = elements_of(config, start, [*frames.train, *frames.valid])
    train, valid = frames.train, frames.valid
    # A random split may put an isolated atom on either side.
    e0 = initial_references(config, start, [*train, *valid] if config.e0.kind == "isolated" else train, elements)
    if config.e0.kind == "isolated":
        # Their energies are E0 itself; with the mean energy per atom as a shift the model would contradict them.
        train, valid = ([frame for frame in part if not frame.is_isolated_atom] for part in (train, valid))
    section = start.model_section(config.model)
    cutoff, head = cutoff_of(section, elements), head_of(config, start, n_outputs_of(section, elements))
    check_repulsion(section, head)
    check_turns(config, head.n_states)
    train_graphs, valid_graphs = ([graph_of_frame(f, elements, cutoff) for f in part] for part in (train, valid))
    scales = start.statistics or model_statistics(train, train_graphs, e0, head)
    model = seeded_model(section, elements, scales, seed=config.training.seed).to(device=device, dtype=dtype)
    if head.n_states > 1 and start.statistics is None:
        centre_outputs_(model, train_graphs)
    if start.weights is not None and start.elements is not None:
        carry_over_(model, start.weights, start.elements, elements)
    learnt = Learnt(config.data.config_type_weights, head.n_states, has_couplings=learns_couplings(config, head))
    problem = Problem(
        model=model,
        head=head,
        model_config=section,
        elements=elements,
        e0=e0,
        statistics=scales,
        train=[sample_of(frame, graph, e0, learnt) for frame, graph in zip(train, train_graphs, strict=True)],
        valid=[sample_of(frame, graph, e0, learnt) for frame, graph in zip(valid, valid_graphs, strict=True)],
        valid_structures=[frame.structure for frame in valid],
        frozen=frozen_names(model, config.fine_tune.freeze),
        split=frames.split,
    )
    is_refitted = start.is_fine_tuning and config.fine_tune.refit_e0 and config.e0.kind == "fitted"
    return with_refitted_references(problem) if is_refitted else problem


def initial_references(config: Config, start: Start, frames: Sequence[Frame], elements: tuple[int, ...]) -> E0:
    """E0 as configured; of a continued run as they were; of fine-tuning those of the potential unless given."""
    if start.e0 is None or (start.is_fine_tuning and config.e0.kind != "fitted"):
        return references_of(config, frames, elements)
    missing = [number for number in elements if number not in start.e0]
    if missing and not config.fine_tune.refit_e0:
        raise ConfigError(f"the potential has no E0 for {symbols(missing)}; give e0.values or set fine_tune.refit_e0")
    return {number: start.e0.get(number, 0.0) for number in elements}


def with_refitted_references(problem: Problem) -> Problem:
    """E0 shifted, per element, by what the model's predictions for the training frames lack."""
    counts, valid_counts = (
        counts_by_element(samples, len(problem.elements)) for samples in (problem.train, problem.valid)
    )
    shifts = left_over_energies(problem.model, problem.head, problem.train, counts)
    e0 = {number: problem.e0[number] + float(x) for number, x in zip(problem.elements, shifts, strict=True)}
    train, valid = (
        [replace(sample, energies=sample.energies - count @ shifts) for sample, count in zip(part, n, strict=True)]
        for part, n in ((problem.train, counts), (problem.valid, valid_counts))
    )
    return replace(problem, e0=e0, train=train, valid=valid)


def counts_by_element(samples: Sequence[Sample], n_elements: int) -> NDArray[np.float64]:
    """Atoms of each element in each sample [n_samples, n_elements]."""
    return np.stack([np.bincount(s.graph.species.numpy(), minlength=n_elements) for s in samples]).astype(np.float64)


def cutoff_of(model: Mapping[str, Any], elements: tuple[int, ...]) -> float:
    """The cutoff (angstrom) of the model that `model` describes, be it written there or a default."""
    return float(model.get("cutoff") or seeded_model(model, elements, {}, seed=0).cutoff)  # type: ignore[arg-type]


def head_of(config: Config, start: Start, n_outputs: int) -> Head:
    """The head of the configuration, or that of the start, with which a configured one must agree."""
    if start.head and "head" in config.model_fields_set and config.head != start.head:
        raise ConfigError(f"the potential has the head {start.head}, not {config.head}; leave `head` out")
    return build_head(start.head or config.head, n_outputs)


def check_repulsion(model: Mapping[str, Any], head: Head) -> None:
    """A repulsion is added to every output, which only makes sense where every output is an energy."""
    if model.get("repulsion") and not head.is_linear:
        raise ConfigError(f"model.repulsion would be added to couplings of the {head.kind} head as well; switch it off")


def n_outputs_of(model: Mapping[str, Any], elements: tuple[int, ...]) -> int:
    """The number of outputs of the model that `model` describes, be it written there or a default."""
    return int(model.get("n_outputs") or seeded_model(model, elements, {}, seed=0).n_outputs)  # type: ignore[arg-type]


def elements_of(config: Config, start: Start, frames: Sequence[Frame]) -> tuple[int, ...]:
    """The elements of the configuration, or those that occur in the frames; and those of the start."""
    chosen = config.data.elements or [int(number) for frame in frames for number in frame.structure.numbers]
    return tuple(sorted({*chosen, *(start.elements or ())}))


def seeded_model(
    model: Mapping[str, Any], elements: tuple[int, ...], statistics: Mapping[str, Any], *, seed: int
) -> nn.Module:
    """The untrained model; its random weights depend on `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_model(dict(model), elements=list(elements), statistics=statistics)


def graph_of_frame(frame: Frame, elements: Sequence[int], cutoff: float) -> Graph:
    """The frame's graph; what is wrong with its structure is reported with its place in the file."""
    try:
        return graph_of(frame.structure, elements, cutoff)
    except UnsupportedStructureError as error:
        raise DataError(f"{frame.source}: {error}") from None
