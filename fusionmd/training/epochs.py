"""The order in which an epoch visits the frames, cut into batches and shared between ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from fusionmd.training.batches import Batch, collate, counts_of, shapes_of
from fusionmd.training.dealing import Indices, dealt, rounds_by_size, shapes_of_rounds
from fusionmd.training.samples import Sample

# Far from any epoch: a random stream of its own.
STATES_STREAM = 1 << 40


def epoch_order(n_samples: int, *, seed: int, epoch: int) -> Indices:
    """A permutation of the samples that depends on nothing but (seed, epoch)."""
    return generator_of(seed, epoch).permutation(n_samples)


def generator_of(seed: int, epoch: int) -> np.random.Generator:
    """The source of everything random in an epoch."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch]))


def states_in_turn(samples: Sequence[Sample], *, seed: int, epoch: int, turns: Sequence[int] = ()) -> Indices:
    """Of each sample one state with forces [n_samples]: the next one every epoch, from a start drawn at random.

    turns: States in their order, some more than once; those that have no forces are passed over. Default: each once.
    """
    starts = np.random.Generator(np.random.Philox(key=[seed, STATES_STREAM])).integers(1 << 16, size=len(samples))
    known = [in_order(sample.states_with_forces, turns) for sample in samples]
    return np.array([states[(start + epoch) % len(states)] for states, start in zip(known, starts, strict=True)])


def in_order(known: Sequence[int], turns: Sequence[int]) -> Sequence[int]:
    """The turns that states with forces have."""
    return [state for state in turns if state in known] or known


class TrainingBatches:
    """The batches of every epoch, as one rank of `n_ranks` sees them: samples rank, rank + n_ranks, ... of each.

    mix_sizes: Every batch holds samples of every size (`dealing.py`); else any `batch_size` samples.
    in_turn: Of each sample the forces of one state an epoch; else of all.  turns: Of the states (`states_in_turn`).
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        batch_size: int,
        *,
        seed: int,
        dtype: torch.dtype,
        device: torch.device,
        energy_per: str,
        mix_sizes: bool = False,
        in_turn: bool = False,
        turns: Sequence[int] = (),
        rank: int = 0,
        n_ranks: int = 1,
    ) -> None:
        self.samples, self.batch_size, self.seed = samples, batch_size, seed
        self.dtype, self.device, self.energy_per = dtype, device, energy_per
        self.rank, self.n_ranks, self.in_turn = rank, n_ranks, in_turn
        self.rounds = rounds_by_size(samples, batch_size) if mix_sizes else None
        if self.rounds is None:
            self.shapes = shapes_of(samples, -(-batch_size // n_ranks))
        else:
            self.shapes = shapes_of_rounds(samples, self.rounds, n_ranks)
        self._turns = tuple(turns)
        self._epoch, self._batches = -1, list[Indices]()
        self._states: Indices | None = None

    @property
    def n_batches(self) -> int:
        return -(-len(self.samples) // self.batch_size)

    def indices(self, epoch: int) -> list[Indices]:
        """The samples of each batch of an epoch."""
        if self.rounds is not None:
            return dealt(self.rounds, generator_of(self.seed, epoch))
        order = epoch_order(len(self.samples), seed=self.seed, epoch=epoch)
        return [order[begin : begin + self.batch_size] for begin in range(0, len(order), self.batch_size)]

    def _in_turn(self, epoch: int) -> Indices:
        return states_in_turn(self.samples, seed=self.seed, epoch=epoch, turns=self._turns)

    def batch(self, epoch: int, index: int) -> Batch:
        """The batch `index` of an epoch; a rank for which no frame is left gets one of weight 0."""
        if epoch != self._epoch:
            self._epoch, self._batches = epoch, self.indices(epoch)
            self._states = self._in_turn(epoch) if self.in_turn else None
        chosen = self._batches[index]
        own = chosen[self.rank :: self.n_ranks]
        samples = [self.samples[i] for i in own] or [replace(self.samples[chosen[0]], weights=(0.0, 0.0, 0.0))]
        return collate(
            samples,
            self.shapes,
            counts=counts_of([self.samples[i] for i in chosen]),
            dtype=self.dtype,
            energy_per=self.energy_per,
            states=None if self._states is None else self._states[own if len(own) else chosen[:1]],
        ).to(self.device)
