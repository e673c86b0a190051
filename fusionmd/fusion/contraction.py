"""Plans as torch modules: components in the middle, channels last.

A line is a tensor `x [n, m, c]`: nodes (or edges) first, the components of all its irreps in the middle (even irreps
first, then by l; 2l+1 of each or 3^l, as the plan's basis has it), channels contiguous. A vertex gives for each irrep
that leaves it Q[n, (m, p), c] (`fusionmd.fusion.kernels`), where p counts the paths (couplings) that end in the irrep.
Path weights and the channel matrix of the line that leaves follow as one more GEMM, over (p, c). Equations: Li, Pengmei
et al., Mach. Learn.: Sci. Technol. 5, 025044 (2024), section 3.
"""

from collections.abc import Sequence
from typing import List, Tuple

import torch
from torch import Tensor, nn

from fusionmd.fusion.basis import n_components
from fusionmd.fusion.kernels import Couplings
from fusionmd.fusion.plan import Plan
from fusionmd.fusion.steps import Step
from fusionmd.o3.irreps import Irrep


class PathMixing(nn.Module):
    """Path weights and channel matrix of one line, folded into one map [(n_paths, c), c] per irrep."""

    def __init__(self, n_paths: Sequence[int], dims: Sequence[int], n_channels_in: int, n_channels: int) -> None:
        super().__init__()
        self.dims: List[int] = list(dims)
        fans = [n * n_channels_in for n in n_paths]
        self.weights = nn.ParameterList(nn.Parameter(torch.randn(fan, n_channels) / fan**0.5) for fan in fans)

    def forward(self, paths: List[Tensor]) -> Tensor:
        """For each irrep [n, m * n_paths, c] -> [n, sum(m), c]."""
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
        """For each irrep [n, m * n_paths, c] -> [n, sum(n_paths * m), c], components fastest."""
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
        dims = line.distinct_sizes
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
        self.dims: List[int] = [n_components(irrep, plan.basis) for irrep in target]
        self.slots = [_slots(plan, step, target) for step in plan.steps]
        self.bare = _bare_leaves(plan, target)
        self.n_paths: List[int] = _path_counts(plan, target)

    def forward(self, leaves: List[Tensor]) -> List[Tensor]:
        """Leaf lines [n, m, c] in the order of `plan.leaves` -> for each target irrep [n, m, n_paths, c]."""
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
        for k, line in enumerate(plan.leaf_lines)
        if k in plan.outputs
        for j, irrep in enumerate(line.irreps)
        if irrep in target
    ]


def _path_counts(plan: Plan, target: Sequence[Irrep]) -> List[int]:
    """Number of paths that leave at each target irrep."""
    bare = [t for _, _, t in _bare_leaves(plan, target)]
    vertices = [s for s in plan.steps if s.out in plan.outputs]
    return [bare.count(k) + sum(len(s.paths_to(irrep)) for s in vertices) for k, irrep in enumerate(target)]
