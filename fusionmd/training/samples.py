"""Samples: frames, ready to learn from; which labels are learnt, and with what weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fusionmd.data.frame import DEFAULT_CONFIG_TYPE, Frame
from fusionmd.data.references import E0
from fusionmd.errors import ConfigError
from fusionmd.graph import Graph
from fusionmd.potential.heads import Head
from fusionmd.training.config import Config
from fusionmd.training.frames import energies_of, forces_of, interstate_of, stress_of, weights_of


@dataclass(frozen=True)
class Sample:
    """One frame, ready to learn from. NaN marks a missing label.

    graph: The frame's graph; edge vectors in angstrom.
    energies: Interaction energies E - sum(E0) [n_states], eV, formed in float64.
    forces: [n_states, n_atoms, 3], eV/angstrom.
    stress: [3, 3], eV/angstrom^3, of the ground state.
    couplings: Between states, (E_b - E_a) <a|grad b> [n_pairs, n_atoms, 3], eV/angstrom; no pairs: they are not learnt.
    weights: Factors of this frame's errors of energy, forces and stress in the loss.
    """

    graph: Graph
    energies: np.ndarray
    forces: np.ndarray
    stress: np.ndarray
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
    couplings: np.ndarray = field(default_factory=lambda: np.zeros((0, 1, 3)))

    @property
    def gaps(self) -> np.ndarray:
        """Of neighbouring states [n_states - 1], eV."""
        return np.diff(self.energies)

    @property
    def n_atoms(self) -> int:
        return self.graph.species.shape[0]

    @property
    def n_edges(self) -> int:
        return self.graph.edge_vectors.shape[0]

    @property
    def states_with_forces(self) -> list[int]:
        """The states of which any force is known; the ground state if there is none."""
        return [state for state, forces in enumerate(self.forces) if np.isfinite(forces).any()] or [0]


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


def check_stress(config: Config) -> None:
    """ConfigError if stress is to be learnt where the states of the forces, and so of the stress, take turns."""
    stage = config.schedule.stage_two
    if config.loss.forces_states == "in_turn" and (config.loss.stress > 0 or bool(stage and stage.stress)):
        raise ConfigError(
            "loss.forces_states: in_turn goes without stress, which is that of the ground state; set loss.stress and "
            "schedule.stage_two.stress to 0, or forces_states: all"
        )


def check_turns(config: Config, n_states: int) -> None:
    """ConfigError if turns are given to states that there are not, or where all states have theirs at once."""
    turns = config.loss.forces_turns
    if turns and config.loss.forces_states != "in_turn":
        raise ConfigError("loss.forces_turns is set; it goes with loss.forces_states: in_turn")
    if max(turns, default=0) >= n_states:
        raise ConfigError(f"loss.forces_turns names state {max(turns)}; there are states 0 to {n_states - 1}")


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
