"""From frames to samples: which labels are learnt, and with what weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fusionmd.data.frame import DEFAULT_CONFIG_TYPE, Frame
from fusionmd.data.references import E0
from fusionmd.errors import ConfigError
from fusionmd.graph import Graph
from fusionmd.potential.heads import Head
from fusionmd.training.batches import Sample
from fusionmd.training.config import Config
from fusionmd.training.frames import energies_of, forces_of, interstate_of, stress_of, weights_of


@dataclass(frozen=True)
class Learnt:
    """What is taken from a frame.

    config_type_weights: Factors in the loss.  has_couplings: Whether couplings between states are among the labels.
    """

    config_type_weights: Mapping[str, float]
    n_states: int
    has_couplings: bool = False


def learns_couplings(config: Config, head: Head) -> bool:
    """Whether the loss asks for couplings; ConfigError if the head has none."""
    stage = config.schedule.stage_two
    wanted = config.loss.couplings > 0 or bool(stage and stage.couplings)
    if wanted and not head.has_diabatic:
        raise ConfigError(
            f"loss.couplings is set, but the head {head.kind!r} has no couplings; set head: diabatic, or leave it out"
        )
    return wanted


def sample_of(frame: Frame, graph: Graph, e0: E0, learnt: Learnt) -> Sample:
    """A frame with its graph, and with E - sum(E0) formed in float64."""
    n_states, weights = learnt.n_states, learnt.config_type_weights
    default = weights.get(DEFAULT_CONFIG_TYPE, 1.0)
    n_pairs = n_states * (n_states - 1) // 2 if learnt.has_couplings else 0
    total = sum(e0[int(number)] for number in frame.structure.numbers)
    return Sample(
        graph=graph,
        energies=energies_of(frame, n_states) - total,
        forces=forces_of(frame, n_states),
        stress=stress_of(frame),
        weights=weights_of(frame, weights.get(frame.config_type, default)),
        couplings=interstate_of(frame, n_states)[:n_pairs],
    )
