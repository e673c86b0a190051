"""Data-parallel training: several processes, each with its share of every batch (`torchrun`, gloo or nccl).

The loss is a sum over entries divided by counts of the *global* batch, so gradients of the processes add up.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class Ranks:
    """rank: Which process this is, 0..n-1.  n: How many there are."""

    rank: int = 0
    n: int = 1

    @property
    def is_first(self) -> bool:
        return self.rank == 0


ALONE = Ranks()


@contextmanager
def process_group(device: torch.device) -> Iterator[Ranks]:
    """The ranks that `torchrun` started, connected for the duration; one rank without torchrun."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    if dist.is_initialized():
        yield Ranks(dist.get_rank(), dist.get_world_size())
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def sums_over_ranks(tensors: Sequence[Tensor], ranks: Ranks) -> list[Tensor]:
    """Each tensor summed over all ranks; one message per dtype."""
    if ranks.n == 1:
        return list(tensors)
    summed: list[Tensor] = list(tensors)
    for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
        places = [index for index, tensor in enumerate(tensors) if tensor.dtype == dtype]
        flat = torch.cat([tensors[index].reshape(-1) for index in places])
        dist.all_reduce(flat)
        parts = flat.split([tensors[index].numel() for index in places])
        for index, part in zip(places, parts, strict=True):
            summed[index] = part.reshape(tensors[index].shape)
    return summed


def agreed(flag: bool, ranks: Ranks, device: torch.device) -> bool:
    """What the first rank says."""
    if ranks.n == 1:
        return flag
    message = torch.tensor([int(flag)], device=device)
    dist.broadcast(message, src=0)
    return bool(message.item())
