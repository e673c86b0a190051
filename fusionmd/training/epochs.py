"""The order in which an epoch visits the frames, cut into batches and shared between ranks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from fusionmd.training.batches import Batch, Sample, collate, counts_of, shapes_of


def epoch_order(n_samples: int, *, seed: int, epoch: int) -> np.ndarray:
    """A permutation of the samples that depends on nothing but (seed, epoch)."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(n_samples)


def consecutive_batches(n_samples: int, batch_size: int) -> Iterator[np.ndarray]:
    """The samples in their own order, `batch_size` at a time."""
    for begin in range(0, n_samples, batch_size):
        yield np.arange(begin, min(begin + batch_size, n_samples))


class TrainingBatches:
    """The batches of every epoch, as one rank of `n_ranks` sees them: samples rank, rank + n_ranks, ... of each."""

    def __init__(
        self,
        samples: Sequence[Sample],
        batch_size: int,
        *,
        seed: int,
        dtype: torch.dtype,
        device: torch.device,
        energy_per: str,
        rank: int = 0,
        n_ranks: int = 1,
    ) -> None:
        self.samples, self.batch_size, self.seed = samples, batch_size, seed
        self.dtype, self.device, self.energy_per = dtype, device, energy_per
        self.rank, self.n_ranks = rank, n_ranks
        self.shapes = shapes_of(samples, -(-batch_size // n_ranks))
        self._epoch, self._order = -1, np.zeros(0, dtype=np.int64)

    @property
    def n_batches(self) -> int:
        return -(-len(self.samples) // self.batch_size)

    def batch(self, epoch: int, index: int) -> Batch:
        """The batch `index` of an epoch; a rank for which no frame is left gets one of weight 0."""
        if epoch != self._epoch:
            self._epoch, self._order = epoch, epoch_order(len(self.samples), seed=self.seed, epoch=epoch)
        chosen = [self.samples[i] for i in self._order[index * self.batch_size : (index + 1) * self.batch_size]]
        own = chosen[self.rank :: self.n_ranks] or [replace(chosen[0], weights=(0.0, 0.0, 0.0))]
        batch = collate(own, self.shapes, counts=counts_of(chosen), dtype=self.dtype, energy_per=self.energy_per)
        return batch.to(self.device)
