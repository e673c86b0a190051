"""The order in which diagrams are contracted: topological steps with shared sub-diagrams, and a cost table.

A plan is data. It knows irreps, never tensors: `fusionmd.fusion.contraction` runs it in torch. Every distinct
sub-diagram is one *line*; every distinct vertex is one *step*. Only irreps that can still reach the target are kept.

    >>> from fusionmd.o3 import Irrep
    >>> natural = [Irrep(l, (-1) ** l) for l in range(3)]
    >>> plan = plan_of("((A, A)@2+, A)@0", {"A": natural}, [Irrep(0, 1)])
    >>> [step.name for step in plan.steps]
    ['(A, A)@2+', '((A, A)@2+, A)@0']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fusionmd.fusion.diagram import Diagram, Vertex
from fusionmd.fusion.reach import admissible_irreps, couples, needed_irreps
from fusionmd.o3.clebsch_gordan import clebsch_gordan
from fusionmd.o3.irreps import Irrep

Kernel = Literal["dense", "sparse"]
_GEMM_FLOP_PER_SECOND = 5e10
_STREAM_BYTES_PER_SECOND = 5e9
_BYTES = 4


@dataclass(frozen=True)
class Line:
    """One line of the diagrams: the irreps it carries, one after the other along the component axis."""

    name: str
    irreps: tuple[Irrep, ...]

    @property
    def dim(self) -> int:
        """Number of components."""
        return sum(2 * irrep.l + 1 for irrep in self.irreps)

    @property
    def distinct(self) -> tuple[Irrep, ...]:
        """The irreps without repetition (a resolved line carries one copy per coupling)."""
        return tuple(dict.fromkeys(self.irreps))

    @property
    def parity_ranges(self) -> dict[int, range]:
        """Components of even and of odd irreps; irreps of one parity are neighbours on every line."""
        found: dict[int, range] = {}
        for k, irrep in enumerate(self.irreps):
            start = found[irrep.p].start if irrep.p in found else self.offsets[k]
            found[irrep.p] = range(start, self.offsets[k] + 2 * irrep.l + 1)
        return found

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """First component of each irrep."""
        dims = [2 * irrep.l + 1 for irrep in self.irreps]
        return tuple(int(sum(dims[:k])) for k in range(len(dims)))


@dataclass(frozen=True)
class Path:
    """One Clebsch-Gordan coupling inside a vertex: positions of the irreps on the legs, and the irrep that leaves."""

    left: int
    right: int
    out: Irrep


@dataclass(frozen=True)
class Block:
    """One outer product of neighbouring components of the legs, and the irreps it feeds."""

    left: range
    right: range
    outs: tuple[Irrep, ...]

    @property
    def n_pairs(self) -> int:
        """Number of products."""
        return len(self.left) * len(self.right)


@dataclass(frozen=True)
class Step:
    """One vertex for all its labellings; legs and result are positions in `Plan.lines`."""

    name: str
    left: int
    right: int
    out: int
    paths: tuple[Path, ...]
    is_symmetric: bool
    kernel: Kernel = "dense"
    n_pairs: int = 0
    n_rows: int = 0
    n_nonzero: int = 0
    n_multiply_adds: int = 0

    def paths_to(self, irrep: Irrep) -> tuple[Path, ...]:
        """The couplings that end in `irrep`, in the order of their weights."""
        return tuple(path for path in self.paths if path.out == irrep)

    def flop(self, n_channels: int) -> int:
        """Floating point operations per node: products of pairs, then the Clebsch-Gordan contraction."""
        return n_channels * (self.n_pairs + 2 * (self.n_multiply_adds if self.kernel == "dense" else self.n_nonzero))


@dataclass(frozen=True)
class Plan:
    """Lines (leaves first), steps in executable order, and the lines that leave."""

    lines: tuple[Line, ...]
    leaves: tuple[str, ...]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]

    def __str__(self) -> str:
        return cost_table(self, n_channels=64)

    __repr__ = __str__


def plan_of(
    diagrams: str | Diagram | Sequence[str | Diagram],
    leaf_irreps: Mapping[str, Sequence[Irrep]],
    target: Sequence[Irrep] | None = None,
    *,
    symmetric_leaves: bool = True,
    resolved: bool = False,
) -> Plan:
    """The plan that evaluates `diagrams` together.

    `leaf_irreps` gives what each leaf can carry; `target` limits the outgoing irreps (None: what the diagrams admit).
    Two legs are merged (law of symmetric leaves) when they are one and the same line and `symmetric_leaves` holds.
    With `resolved` every internal line keeps one copy of its irrep per coupling, so that the paths of the last vertex
    are full labellings (no channel matrix acts inside); otherwise couplings to one irrep are to be summed with weights.
    Raises DiagramError when a leaf is unknown or nothing reaches the target.
    """
    roots = [_parsed(d) for d in ([diagrams] if isinstance(diagrams, (str, Diagram)) else diagrams)]
    admissible = admissible_irreps(roots, leaf_irreps, symmetric_leaves=symmetric_leaves, resolved=resolved)
    needed = needed_irreps(roots, admissible, target, symmetric_leaves)
    names = [d for d in admissible if not isinstance(d, Vertex)] + [d for d in admissible if isinstance(d, Vertex)]
    position = {diagram: k for k, diagram in enumerate(names)}
    internal = {leg for diagram in names for leg in diagram.children}
    lines: list[Line] = []
    steps: list[Step] = []
    for diagram in names:
        line = Line(str(diagram), needed[diagram] if isinstance(diagram, Vertex) else tuple(admissible[diagram]))
        lines.append(line)
        if isinstance(diagram, Vertex):
            step = _step(diagram, position, lines, symmetric_leaves)
            if resolved and diagram in internal:
                lines[-1] = replace(line, irreps=tuple(path.out for path in step.paths))
            steps.append(_costed(step, lines))
    leaves = tuple(str(d) for d in names if not isinstance(d, Vertex))
    return Plan(tuple(lines), leaves, tuple(steps), tuple(position[root] for root in roots))


def blocks_of(step: Step, lines: Sequence[Line]) -> tuple[Block, ...]:
    """The products of components that `step` needs: one outer product per pair of parities, unordered pairs once."""
    left, right = lines[step.left].parity_ranges, lines[step.right].parity_ranges
    blocks = []
    for p, a in left.items():
        for q, b in right.items():
            outs = tuple(irrep for irrep in lines[step.out].distinct if irrep.p == p * q)
            if outs and not (step.is_symmetric and p < q):
                blocks.append(Block(a, b, outs))
    return tuple(blocks)


def coupling_matrix(step: Step, lines: Sequence[Line], out: Irrep, block: Block) -> NDArray[np.float64]:
    """Clebsch-Gordan matrix [(2l+1) * n_paths, n_left * n_right] of the couplings to `out`.

    Rows run over (m, path), path fastest.
    """
    paths = step.paths_to(out)
    left, right = lines[step.left], lines[step.right]
    matrix = np.zeros((2 * out.l + 1, len(paths), len(block.left), len(block.right)))
    for p, path in enumerate(paths):
        table = clebsch_gordan(left.irreps[path.left].l, right.irreps[path.right].l, out.l)
        for i, a in enumerate(_components(left, path.left)):
            for j, b in enumerate(_components(right, path.right)):
                if a in block.left and b in block.right:
                    matrix[:, p, a - block.left[0], b - block.right[0]] += table[i, j]
                elif step.is_symmetric and b in block.left and a in block.right:
                    matrix[:, p, b - block.left[0], a - block.right[0]] += table[i, j]
    return matrix.reshape(len(paths) * (2 * out.l + 1), -1)


def cost_table(plan: Plan, *, n_channels: int) -> str:
    """A table of the steps: couplings, kernel, FLOP and bytes per node, largest intermediate."""
    header = f"{'step':<34}{'paths':>6}{'pairs':>7}{'rows':>6}{'kernel':>8}{'kFLOP':>9}{'kB':>8}"
    rows = [
        f"{step.name:<34}{len(step.paths):>6}{step.n_pairs:>7}{step.n_rows:>6}{step.kernel:>8}"
        f"{step.flop(n_channels) / 1e3:>9.1f}{_step_bytes(step, n_channels) / 1e3:>8.1f}"
        for step in plan.steps
    ]
    flop = sum(step.flop(n_channels) for step in plan.steps)
    largest = max((max(s.n_pairs, s.n_rows) for s in plan.steps), default=0) * n_channels * _BYTES
    total = f"total {flop / 1e3:.1f} kFLOP per node at {n_channels} channels"
    foot = f"{total}, largest intermediate {largest / 1e3:.1f} kB per node"
    return "\n".join([header, *rows, foot])


def _parsed(diagram: str | Diagram) -> Diagram:
    return Diagram.parse(diagram) if isinstance(diagram, str) else diagram


def _step(node: Vertex, position: Mapping[Diagram, int], lines: Sequence[Line], symmetric_leaves: bool) -> Step:
    left, right, out = (position[d] for d in (node.left, node.right, node))
    is_symmetric = symmetric_leaves and left == right
    paths = tuple(
        Path(a, b, irrep)
        for irrep in lines[out].distinct
        for a, x in enumerate(lines[left].irreps)
        for b, y in enumerate(lines[right].irreps)
        if couples(x, y, irrep) and not (is_symmetric and (a > b or (a == b and (x.l + y.l + irrep.l) % 2)))
    )
    return Step(str(node), left, right, out, paths, is_symmetric)


def _costed(step: Step, lines: Sequence[Line]) -> Step:
    """The step with its sizes, and the kernel that the cost model prefers."""
    blocks = blocks_of(step, lines)
    matrices = [coupling_matrix(step, lines, out, block) for block in blocks for out in block.outs]
    n_nonzero = int(sum(np.count_nonzero(m) for m in matrices))
    n_multiply_adds = sum(m.size for m in matrices)
    dense_s = 2 * n_multiply_adds / _GEMM_FLOP_PER_SECOND
    sparse_s = 4 * n_nonzero * _BYTES / _STREAM_BYTES_PER_SECOND
    return replace(
        step,
        kernel="dense" if dense_s <= sparse_s else "sparse",
        n_pairs=sum(block.n_pairs for block in blocks),
        n_rows=sum((2 * path.out.l + 1) for path in step.paths),
        n_nonzero=n_nonzero,
        n_multiply_adds=n_multiply_adds,
    )


def _step_bytes(step: Step, n_channels: int) -> int:
    intermediate = step.n_nonzero if step.kernel == "sparse" else 0
    return (step.n_pairs + step.n_rows + intermediate) * n_channels * _BYTES


def _components(line: Line, k: int) -> range:
    return range(line.offsets[k], line.offsets[k] + 2 * line.irreps[k].l + 1)
