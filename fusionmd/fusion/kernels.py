"""The vertex in torch: outer products of components and the coupling matrices they meet, dense or sparse.

    P[n, (i, j), c] = x[n, i, c] * y[n, j, c]
    Q[n, (m, p), c] = sum_ij C[(m, p), (i, j)] P[n, (i, j), c]

One outer product per pair of parities, and one GEMM per irrep that leaves; p counts the paths that end in the irrep.
"""

from collections.abc import Sequence
from typing import List, Optional

import numpy as np
import torch
from torch import Tensor, nn

from fusionmd.fusion.constants import Constants
from fusionmd.fusion.steps import Block, Line, Step, blocks_of, coupling_matrix


class DenseBlock(Constants):
    """One outer product of components and the Clebsch-Gordan GEMMs it feeds."""

    def __init__(self, step: Step, lines: Sequence[Line], block: Block) -> None:
        super().__init__()
        self.left, self.right = (block.left[0], len(block.left)), (block.right[0], len(block.right))
        tables = [coupling_matrix(step, lines, out, block) for out in block.outs]
        self.rows = [len(table) for table in tables]
        self.constant("table", np.concatenate(tables)[None])

    def forward(self, x: Tensor, y: Tensor) -> List[Tensor]:
        """Legs [n, m_x, c], [n, m_y, c] -> for each irrep of the block [n, m * n_paths, c]."""
        a = x.narrow(1, self.left[0], self.left[1])
        b = y.narrow(1, self.right[0], self.right[1])
        pairs = (a.unsqueeze(2) * b.unsqueeze(1)).view(x.size(0), -1, x.size(2))
        return [torch.bmm(t.expand(x.size(0), -1, -1), pairs) for t in self.table.split(self.rows, 1)]


class SparseBlock(Constants):
    """The same from the non-zero Clebsch-Gordan products alone: gather, multiply, add up. For large l."""

    def __init__(self, step: Step, lines: Sequence[Line], block: Block) -> None:
        super().__init__()
        tables = [coupling_matrix(step, lines, out, block) for out in block.outs]
        self.rows = [len(table) for table in tables]
        row, pair = np.nonzero(np.concatenate(tables))
        self.constant("value", np.concatenate(tables)[row, pair][:, None])
        self.register_buffer("row", torch.from_numpy(row), persistent=False)
        self.register_buffer("left", torch.from_numpy(pair // len(block.right) + block.left[0]), persistent=False)
        self.register_buffer("right", torch.from_numpy(pair % len(block.right) + block.right[0]), persistent=False)

    def forward(self, x: Tensor, y: Tensor) -> List[Tensor]:
        """As `DenseBlock`."""
        products = x.index_select(1, self.left) * y.index_select(1, self.right) * self.value
        out = torch.zeros([x.size(0), sum(self.rows), x.size(2)], dtype=x.dtype, device=x.device)
        return list(out.index_add(1, self.row, products).split(self.rows, 1))


class Couplings(nn.Module):
    """All paths of one vertex: legs in, one tensor [n, m * n_paths, c] per irrep of the outgoing line."""

    def __init__(self, step: Step, lines: Sequence[Line]) -> None:
        super().__init__()
        block_type = {"dense": DenseBlock, "sparse": SparseBlock}[step.kernel]
        blocks = blocks_of(step, lines)
        irreps = list(lines[step.out].distinct)
        self.blocks = nn.ModuleList(block_type(step, lines, block) for block in blocks)
        self.targets: List[List[int]] = [[irreps.index(out) for out in block.outs] for block in blocks]
        self.n_irreps = len(irreps)

    def forward(self, x: Tensor, y: Tensor) -> List[Tensor]:
        """Legs [n, m_x, c], [n, m_y, c] -> for each irrep of the outgoing line [n, m * n_paths, c]."""
        found: List[Optional[Tensor]] = [None for _ in range(self.n_irreps)]
        for k, block in enumerate(self.blocks):
            values = block(x, y)
            for i, target in enumerate(self.targets[k]):
                known = found[target]
                found[target] = values[i] if known is None else known + values[i]
        return [torch.jit._unwrap_optional(value) for value in found]
