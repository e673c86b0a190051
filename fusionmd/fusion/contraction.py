"""Plans as torch modules: components in the middle, channels last, Clebsch-Gordan tables as GEMMs.

A line is a tensor `x [n, m, c]`: nodes (or edges) first, the components of all its irreps in the middle (even irreps
first, then by l), channels contiguous. A vertex is one outer product per pair of parities, and one GEMM per irrep that
leaves it,

    P[n, (i, j), c] = x[n, i, c] * y[n, j, c]
    Q[n, (m, p), c] = sum_ij CG[(m, p), (i, j)] P[n, (i, j), c]

where p counts the paths (couplings) that end in the irrep. Path weights and the channel matrix of the line that leaves
follow as one more GEMM, over (p, c). Equations: Li, Pengmei et al., Mach. Learn.: Sci. Technol. 5, 025044 (2024),
section 3.
"""

from collections.abc import Sequence
from typing import List, Optional, Tuple

import numpy as np
import torch
from torch import Tensor, nn

from fusionmd.fusion.constants import Constants
from fusionmd.fusion.plan import Block, Line, Plan, Step, blocks_of, coupling_matrix
from fusionmd.o3.irreps import Irrep


class DenseBlock(Constants):
    """One outer product of components and the Clebsch-Gordan GEMMs it feeds."""

    def __init__(self, step: Step, lines: Sequence[Line], block: Block) -> None:
        super().__init__()
        self.left, self.right = (block.left[0], len(block.left)), (block.right[0], len(block.right))
        tables = [coupling_matrix(step, lines, out, block) for out in block.outs]
        self.rows = [len(table) for table in tables]
        self.constant("table", np.concatenate(tables)[None])

    def forward(self, x: Tensor, y: Tensor) -> List[Tensor]:
        """Legs [n, m_x, c], [n, m_y, c] -> for each irrep of the block [n, (2l+1) * n_paths, c]."""
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
    """All paths of one vertex: legs in, one tensor [n, (2l+1) * n_paths, c] per irrep of the outgoing line."""

    def __init__(self, step: Step, lines: Sequence[Line]) -> None:
        super().__init__()
        block_type = {"dense": DenseBlock, "sparse": SparseBlock}[step.kernel]
        blocks = blocks_of(step, lines)
        irreps = list(lines[step.out].distinct)
        self.blocks = nn.ModuleList(block_type(step, lines, block) for block in blocks)
        self.targets: List[List[int]] = [[irreps.index(out) for out in block.outs] for block in blocks]
        self.n_irreps = len(irreps)

    def forward(self, x: Tensor, y: Tensor) -> List[Tensor]:
        """Legs [n, m_x, c], [n, m_y, c] -> for each irrep of the outgoing line [n, (2l+1) * n_paths, c]."""
        found: List[Optional[Tensor]] = [None for _ in range(self.n_irreps)]
        for k, block in enumerate(self.blocks):
            values = block(x, y)
            for i, target in enumerate(self.targets[k]):
                known = found[target]
                found[target] = values[i] if known is None else known + values[i]
        return [torch.jit._unwrap_optional(value) for value in found]


class PathMixing(nn.Module):
    """Path weights and channel matrix of one line, folded into one map [(n_paths, c), c] per irrep."""

    def __init__(self, n_paths: Sequence[int], dims: Sequence[int], n_channels_in: int, n_channels: int) -> None:
        super().__init__()
        self.dims: List[int] = list(dims)
        fans = [n * n_channels_in for n in n_paths]
        self.weights = nn.ParameterList(nn.Parameter(torch.randn(fan, n_channels) / fan**0.5) for fan in fans)

    def forward(self, paths: List[Tensor]) -> Tensor:
        """For each irrep [n, (2l+1) * n_paths, c] -> [n, sum(2l+1), c]."""
        mixed: List[Tensor] = []
        for k, weight in enumerate(self.weights):
            flat = paths[k].reshape(-1, weight.size(0))
            mixed.append(torch.mm(flat, weight).view(-1, self.dims[k], weight.size(1)))
        return torch.cat(mixed, 1)


class PathCopies(nn.Module):
    """No channel matrix: every path is a copy of its irrep on the line (resolved plans)."""

    def __init__(self, dims: Sequence[int]) -> None:
        super().__init__()
        self.dims: List[int] = list(dims)

    def forward(self, paths: List[Tensor]) -> Tensor:
        """For each irrep [n, (2l+1) * n_paths, c] -> [n, sum(n_paths * (2l+1)), c], components fastest."""
        copies: List[Tensor] = []
        for k, dim in enumerate(self.dims):
            n, rows, c = paths[k].size(0), paths[k].size(1), paths[k].size(2)
            copies.append(paths[k].view(n, dim, rows // dim, c).transpose(1, 2).reshape(n, rows, c))
        return torch.cat(copies, 1)


class VertexStep(nn.Module):
    """One step of a plan and what its line does with the paths."""

    def __init__(self, plan: Plan, k: int, n_channels: int, *, mixes: bool) -> None:
        super().__init__()
        step = plan.steps[k]
        line = plan.lines[step.out]
        self.left, self.right = step.left, step.right
        self.couplings = Couplings(step, plan.lines)
        self.is_output = step.out in plan.outputs
        dims = [irrep.dim for irrep in line.distinct]
        counts = [len(step.paths_to(irrep)) for irrep in line.distinct]
        self.is_internal: bool = any(step.out in (other.left, other.right) for other in plan.steps)
        mixes = mixes and self.is_internal
        self.mixing = PathMixing(counts, dims, n_channels, n_channels) if mixes else PathCopies(dims)

    def forward(self, lines: List[Tensor]) -> List[Tensor]:
        """Paths of the vertex, per irrep."""
        return self.couplings(lines[self.left], lines[self.right])


class Contraction(nn.Module):
    """The diagrams of a plan side by side: leaves in, unweighted paths of each target irrep out.

    With `mixing` every internal line carries a learnable channel matrix per path (a fusion block); without, the plan
    must be resolved and the paths are full labellings, as in MACE's product basis.
    """

    bare: List[Tuple[int, int, int]]
    slots: List[List[int]]

    def __init__(self, plan: Plan, n_channels: int, target: Sequence[Irrep], *, mixing: bool = True) -> None:
        super().__init__()
        self.steps = nn.ModuleList(VertexStep(plan, k, n_channels, mixes=mixing) for k in range(len(plan.steps)))
        self.dims: List[int] = [irrep.dim for irrep in target]
        self.slots = [_slots(plan, step, target) for step in plan.steps]
        self.bare = _bare_leaves(plan, target)
        self.n_paths: List[int] = _path_counts(plan, target)

    def forward(self, leaves: List[Tensor]) -> List[Tensor]:
        """Leaf lines [n, m, c] in the order of `plan.leaves` -> for each target irrep [n, 2l+1, n_paths, c]."""
        lines = list(leaves)
        found: List[List[Tensor]] = [[] for _ in self.dims]
        for line, start, target in self.bare:
            found[target].append(leaves[line].narrow(1, start, self.dims[target]).unsqueeze(2))
        for k, step in enumerate(self.steps):
            paths = step(lines)
            for i, target in enumerate(self.slots[k]):
                if target >= 0:
                    found[target].append(paths[i].view(paths[i].size(0), self.dims[target], -1, paths[i].size(2)))
            lines.append(step.mixing(paths) if step.is_internal else lines[0])  # type: ignore[operator]
        return [values[0] if len(values) == 1 else torch.cat(values, 2) for values in found]


def _slots(plan: Plan, step: Step, target: Sequence[Irrep]) -> List[int]:
    """Which target each irrep of the step's line feeds, -1 for none."""
    irreps = plan.lines[step.out].distinct
    return [target.index(i) if step.out in plan.outputs and i in target else -1 for i in irreps]


def _bare_leaves(plan: Plan, target: Sequence[Irrep]) -> List[Tuple[int, int, int]]:
    """Diagrams that are a single leaf: (line, first component, target)."""
    return [
        (k, line.offsets[j], target.index(irrep))
        for k, line in enumerate(plan.lines[: len(plan.leaves)])
        if k in plan.outputs
        for j, irrep in enumerate(line.irreps)
        if irrep in target
    ]


def _path_counts(plan: Plan, target: Sequence[Irrep]) -> List[int]:
    """Number of paths that leave at each target irrep."""
    bare = [t for _, _, t in _bare_leaves(plan, target)]
    vertices = [s for s in plan.steps if s.out in plan.outputs]
    return [bare.count(k) + sum(len(s.paths_to(irrep)) for s in vertices) for k, irrep in enumerate(target)]
