"""Leaves of diagrams: which components of the features named on a leaf its line takes, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import List, Tuple

import numpy as np
import torch
from torch import Tensor, nn

from fusionmd.fusion.basis import Basis, n_components
from fusionmd.fusion.steps import Line
from fusionmd.o3.irreps import Irrep


class LeafLine(nn.Module):
    """The line of one leaf, cut out of a tensor that carries `irreps`; the tensor itself where nothing is cut."""

    def __init__(self, line: Line, irreps: Sequence[Irrep]) -> None:
        super().__init__()
        self.pieces: List[Tuple[int, int]] = [component_range(irreps, irrep, line.basis) for irrep in line.irreps]
        self.is_whole: bool = list(irreps) == list(line.irreps)

    def forward(self, x: Tensor) -> Tensor:
        """x [n, components of `irreps`, c] -> [n, components of the line, c]."""
        if self.is_whole:
            return x
        parts: List[Tensor] = []
        for start, length in self.pieces:
            parts.append(x.narrow(1, start, length))
        return torch.cat(parts, 1)


class LeafLines(nn.Module):
    """The lines of several leaves from one tensor for each leaf name."""

    def __init__(self, lines: Sequence[Line], carried: Mapping[str, Sequence[Irrep]]) -> None:
        super().__init__()
        names = [leaf_name(line) for line in lines]
        self.sources: List[int] = [list(carried).index(name) for name in names]
        self.lines = nn.ModuleList(LeafLine(line, carried[name]) for line, name in zip(lines, names))

    def forward(self, tensors: List[Tensor]) -> List[Tensor]:
        """Tensors [n, m, c] in the order of `carried` -> one line [n, m, c] a leaf."""
        lines: List[Tensor] = []
        for k, line in enumerate(self.lines):
            lines.append(line(tensors[self.sources[k]]))
        return lines


def leaf_name(line: Line) -> str:
    """The name of a leaf line without its truncation."""
    return line.name.split("@")[0]


def component_range(irreps: Sequence[Irrep], irrep: Irrep, basis: Basis) -> Tuple[int, int]:
    """First component and number of components of `irrep` in a tensor that carries `irreps`."""
    sizes = [n_components(other, basis) for other in irreps]
    k = list(irreps).index(irrep)
    return int(np.sum(sizes[:k])), sizes[k]
