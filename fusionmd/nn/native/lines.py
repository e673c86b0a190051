"""Flat lines (irrep after irrep, each [n_nodes, rows, n_channels]) and the other layouts."""

from typing import List

import torch
from torch import Tensor


def first_nodes(line: Tensor, rows: List[int], n_nodes: int, n: int) -> Tensor:
    """The line of the first n of its n_nodes."""
    if n == n_nodes:
        return line
    parts: List[Tensor] = []
    for part in line.split([line.size(0) // sum(rows) * size for size in rows]):
        parts.append(part[: part.size(0) // n_nodes * n])
    return torch.cat(parts)


def parted(line: Tensor, rows: List[int], n_nodes: int) -> Tensor:
    """A line as features of nodes [n_nodes, components * n_channels]."""
    parts: List[Tensor] = []
    for part in line.split([line.size(0) // sum(rows) * size for size in rows]):
        parts.append(part.view(n_nodes, part.size(0) // n_nodes))
    return torch.cat(parts, 1)


def joined(features: Tensor, rows: List[int]) -> Tensor:
    """The line of features [n_nodes, components * n_channels]."""
    parts: List[Tensor] = []
    for part in features.split([features.size(1) // sum(rows) * size for size in rows], 1):
        parts.append(part.reshape(-1))
    return torch.cat(parts)
