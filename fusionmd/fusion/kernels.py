"""The vertex in torch: products of components and the coupling matrices they meet.

    P[n, (i, j), c] = x[n, i, c] * y[n, j, c]
    Q[n, (m, p), c] = sum_ij C[(m, p), (i, j)] P[n, (i, j), c]

One block per pair of parities, and one GEMM per irrep that leaves; p counts the paths that end in the irrep.
"""

from collections.abc import Callable, Sequence
from typing import List, Optional

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fusionmd.fusion.constants import Constants
from fusionmd.fusion.steps import Block, Kernel, Line, Step, block_matrix, coupling_matrix


class DenseBlock(Constants):
    """One outer product of components and the Clebsch-Gordan GEMMs it feeds."""

    def __init__(self, step: Step, lines: Sequence[Line], block: Block) -> None:
        super().__init__()
        self.left, self.right = (block.left[0], len(block.left)), (block.right[0], len(block.right))
        self.rows = _rows(step, lines, block)
        self.constant("table", block_matrix(step, lines, block)[None])

    def forward(self, x: Tensor, y: Tensor) -> List[Tensor]:
        """Legs [n, m_x, c], [n, m_y, c] -> for each irrep of the block [n, m * n_paths, c]."""
        a = x.narrow(1, self.left[0], self.left[1])
        b = y.narrow(1, self.right[0], self.right[1])
        pairs = (a.unsqueeze(2) * b.unsqueeze(1)).view(x.size(0), -1, x.size(2))
        return [torch.bmm(t.expand(x.size(0), -1, -1), pairs) for t in self.table.split(self.rows, 1)]


class GatheredBlock(Constants):
    """The same from those pairs alone that some coupling needs. For scalars: x_l . y_l needs no other pair."""

    def __init__(self, step: Step, lines: Sequence[Line], block: Block) -> None:
        super().__init__()
        matrix = block_matrix(step, lines, block)
        needed = np.flatnonzero(np.any(matrix != 0, axis=0))
        self.rows = _rows(step, lines, block)
        self.constant("table", matrix[None][:, :, needed])
        left, right = divmod(needed, len(block.right))
        self.left = Gather(left + block.left[0])
        self.right = Gather(right + block.right[0])

    def forward(self, x: Tensor, y: Tensor) -> List[Tensor]:
        """As `DenseBlock`."""
        pairs = self.left(x) * self.right(y)
        return [torch.bmm(t.expand(x.size(0), -1, -1), pairs) for t in self.table.split(self.rows, 1)]


class Gather(nn.Module):
    """Components by number; neighbours in order are a view."""

    index: Tensor

    def __init__(self, index: NDArray[np.int64]) -> None:
        super().__init__()
        self.start, self.length = int(index[0]), len(index)
        self.is_view = bool(np.array_equal(index, np.arange(self.start, self.start + self.length)))
        self.register_buffer("index", torch.tensor(index), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """[n, m, c] -> [n, len(index), c]."""
        return x.narrow(1, self.start, self.length) if self.is_view else x.index_select(1, self.index)


class SparseBlock(Constants):
    """The same from the non-zero Clebsch-Gordan products one by one: gather, multiply, add up. For large l."""

    row: Tensor

    def __init__(self, step: Step, lines: Sequence[Line], block: Block) -> None:
        super().__init__()
        matrix = block_matrix(step, lines, block)
        row, pair = np.nonzero(matrix)
        self.rows = _rows(step, lines, block)
        self.n_rows: int = len(matrix)
        self.constant("value", matrix[row, pair][:, None])
        self.register_buffer("row", torch.tensor(row), persistent=False)
        self.left = Gather(pair // len(block.right) + block.left[0])
        self.right = Gather(pair % len(block.right) + block.right[0])

    def forward(self, x: Tensor, y: Tensor) -> List[Tensor]:
        """As `DenseBlock`."""
        products = self.left(x) * self.right(y) * self.value
        out = torch.zeros([x.size(0), self.n_rows, x.size(2)], dtype=x.dtype, device=x.device)
        return list(out.index_add(1, self.row, products).split(self.rows, 1))


BLOCKS: dict[Kernel, Callable[[Step, Sequence[Line], Block], Constants]] = {
    "dense": DenseBlock,
    "gathered": GatheredBlock,
    "sparse": SparseBlock,
}


class Couplings(nn.Module):
    """All paths of one vertex: legs in, one tensor [n, m * n_paths, c] per irrep of the outgoing line."""

    def __init__(self, step: Step, lines: Sequence[Line]) -> None:
        super().__init__()
        irreps = list(lines[step.out].distinct)
        self.blocks = nn.ModuleList(BLOCKS[block.kernel](step, lines, block) for block in step.blocks)
        self.targets: List[List[int]] = [[irreps.index(out) for out in block.outs] for block in step.blocks]
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


def _rows(step: Step, lines: Sequence[Line], block: Block) -> List[int]:
    """Rows of the coupling matrix that belong to each irrep."""
    return [len(coupling_matrix(step, lines, out, block)) for out in block.outs]
