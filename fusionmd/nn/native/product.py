"""Many-body products in native operations: vertices on flat lines, then the path weights of each species."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import List, Tuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from fusionmd.fusion.basis import Basis, n_components
from fusionmd.fusion.contraction import Contraction, PathMixing, VertexStep
from fusionmd.fusion.plan import Plan
from fusionmd.fusion.steps import coupling_matrix
from fusionmd.nn.leaves import component_range, leaf_name
from fusionmd.nn.native.mixing import NativeMixing
from fusionmd.nn.native.tables import Terms, trilinear
from fusionmd.nn.product import Product
from fusionmd.o3.irreps import Irrep


class NativeVertex(nn.Module):
    """All paths of one vertex, and the line they are mixed to if a later vertex reads it."""

    def __init__(self, plan: Plan, k: int, source: VertexStep, n_channels: int) -> None:
        super().__init__()
        step = plan.steps[k]
        self.left, self.right, self.n_channels = step.left, step.right, n_channels
        self.is_internal: bool = source.is_internal
        self.rows_left: List[int] = plan.lines[step.left].sizes
        self.rows_right: List[int] = plan.lines[step.right].sizes
        line = plan.lines[step.out]
        self.rows: List[int] = [n_components(i, plan.basis) * len(step.paths_to(i)) for i in line.distinct]
        terms, values = vertex_terms(plan, k)
        sizes = (sum(self.rows), sum(self.rows_left), sum(self.rows_right))
        self.tables = trilinear(terms, values, sizes, square=step.left == step.right)
        self.mixing = NativeMixing(cast(PathMixing, source.mixing), n_channels) if source.is_internal else nn.Identity()

    def forward(self, lines: List[Tensor]) -> Tensor:
        """Flat lines -> flat paths."""
        return torch.ops.fusionmd.couple(
            lines[self.left], lines[self.right], self.tables.packed(), self.tables.values(), self.rows,
            self.rows_left, self.rows_right, self.n_channels,
        )  # fmt: skip


def vertex_terms(plan: Plan, k: int) -> tuple[Terms, np.ndarray]:
    """Non-zero couplings of a vertex: (row, component of the left leg, of the right leg) [n, 3], and values [n]."""
    step, start = plan.steps[k], 0
    terms, values = [np.zeros((0, 3), dtype=np.int64)], [np.zeros(0)]
    for out in plan.lines[step.out].distinct:
        n_rows = n_components(out, plan.basis) * len(step.paths_to(out))
        for block in step.blocks:
            if out in block.outs:
                matrix = coupling_matrix(step, plan.lines, out, block)
                row, pair = np.nonzero(matrix)
                left, right = divmod(pair, len(block.right))
                terms.append(np.stack([start + row, block.left[0] + left, block.right[0] + right], 1))
                values.append(matrix[row, pair])
        start += n_rows
    return np.concatenate(terms), np.concatenate(values)


class NativeLeaf(nn.Module):
    """The flat line of one leaf from a flat line that carries `irreps`."""

    def __init__(self, line_irreps: Sequence[Irrep], irreps: Sequence[Irrep], basis: Basis, n_channels: int) -> None:
        super().__init__()
        self.is_whole: bool = list(line_irreps) == list(irreps)
        self.n_channels = n_channels
        self.width: int = sum(n_components(irrep, basis) for irrep in irreps)
        self.pieces: List[Tuple[int, int]] = [component_range(irreps, irrep, basis) for irrep in line_irreps]

    def forward(self, line: Tensor) -> Tensor:
        """Flat line -> its part."""
        if self.is_whole:
            return line
        block = line.size(0) // self.width
        parts: List[Tensor] = []
        for start, length in self.pieces:
            parts.append(line.narrow(0, start * block, length * block))
        return torch.cat(parts)


class NativeContraction(nn.Module):
    """The vertices of `Contraction` under the names of their parameters."""

    def __init__(self, plan: Plan, source: Contraction, n_channels: int) -> None:
        super().__init__()
        self.steps = nn.ModuleList(
            NativeVertex(plan, k, step, n_channels) for k, step in enumerate(cast(Sequence[VertexStep], source.steps))
        )

    def forward(self, leaves: List[Tensor]) -> List[Tensor]:
        """Flat leaf lines -> the same, followed by the paths of every vertex."""
        lines, found = list(leaves), list(leaves)
        for step in self.steps:
            paths = step(lines)
            found.append(paths)
            lines.append(step.mixing(paths) if step.is_internal else paths)  # type: ignore[operator]
        return found


class NativeProduct(nn.Module):
    """`Product` on flat lines."""

    def __init__(self, plan: Plan, carried: Mapping[str, Sequence[Irrep]], source: Product, n_channels: int) -> None:
        super().__init__()
        self.weights = source.weights
        self.contraction = NativeContraction(plan, source.contraction, n_channels)
        names = [leaf_name(line) for line in plan.leaf_lines]
        self.carriers: List[int] = [list(carried).index(name) for name in names]
        self.leaves = nn.ModuleList(
            NativeLeaf(line.irreps, carried[name], plan.basis, n_channels) for line, name in zip(plan.leaf_lines, names)
        )
        self.rows: List[int] = list(source.contraction.dims)
        self.n_channels = n_channels
        self.read, self.sources = _sources(plan, source.contraction)

    def forward(self, carried: List[Tensor], species: Tensor) -> Tensor:
        """Flat lines in the order of `carried`, species [n] -> [n, m, c] in the order of the target."""
        leaves: List[Tensor] = []
        for k, leaf in enumerate(self.leaves):
            leaves.append(leaf(carried[self.carriers[k]]))
        found = self.contraction(leaves)
        weights: List[Tensor] = []
        for weight in self.weights:
            weights.append(weight.view(weight.size(0), weight.size(2), weight.size(3)))
        read = [found[k] for k in self.read]
        return torch.ops.fusionmd.weigh(read, weights, species, self.sources, self.rows, self.n_channels)


def _sources(plan: Plan, source: Contraction) -> tuple[List[int], List[int]]:
    """Which tensors of `NativeContraction` the target reads; (tensor, row, paths, target, first path) five by five."""
    n_leaves = len(plan.leaf_lines)
    wanted = [(line, start, 1, target) for line, start, target in source.bare]
    for k, targets in enumerate(source.slots):
        step, start = plan.steps[k], 0
        for irrep, target in zip(plan.lines[step.out].distinct, targets):
            n_paths = len(step.paths_to(irrep))
            if target >= 0:
                wanted.append((n_leaves + k, start, n_paths, target))
            start += n_components(irrep, plan.basis) * n_paths
    read = sorted({tensor for tensor, *_ in wanted})
    first = [0] * len(source.dims)
    numbers: List[int] = []
    for tensor, row, n_paths, target in wanted:
        numbers += [read.index(tensor), row, n_paths, target, first[target]]
        first[target] += n_paths
    return read, numbers
