"""The order in which diagrams are contracted: topological steps with shared sub-diagrams, and a cost table.

A plan is data. It knows irreps, never tensors: `fusionmd.fusion.contraction` runs it in torch. Every distinct sub-diagram is one
*line*; every distinct vertex is one *step*. Only irreps that can still reach the target are kept.

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

from fusionmd.errors import DiagramError
from fusionmd.fusion.diagram import Diagram, Vertex
from fusionmd.o3.clebsch_gordan import clebsch_gordan
from fusionmd.o3.irreps import Irrep

Kernel = Literal["dense", "sparse"]
Copies = dict[Irrep, int]
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

    `leaf_irreps` gives what each leaf can carry; `target` limits the outgoing irreps (None: whatever the diagrams admit).
    Two legs are merged (law of symmetric leaves) when they are one and the same line and `symmetric_leaves` holds.
    With `resolved` every internal line keeps one copy of its irrep per coupling, so that the paths of the last vertex are full
    labellings (no channel matrix acts inside); otherwise couplings to one irrep are to be summed with weights.
    Raises DiagramError when a leaf is unknown or nothing reaches the target.
    """
    roots = [_parsed(d) for d in ([diagrams] if isinstance(diagrams, (str, Diagram)) else diagrams)]
    admissible = _admissible(roots, leaf_irreps, symmetric_leaves=symmetric_leaves, resolved=resolved)
    needed = _needed(roots, admissible, target, symmetric_leaves)
    names = [d for d in admissible if not isinstance(d, Vertex)] + [d for d in admissible if isinstance(d, Vertex)]
    position = {diagram: k for k, diagram in enumerate(names)}
    lines: list[Line] = []
    steps: list[Step] = []
    for diagram in names:
        line = Line(str(diagram), needed[diagram] if isinstance(diagram, Vertex) else tuple(admissible[diagram]))
        lines.append(line)
        if isinstance(diagram, Vertex):
            step = _step(diagram, position, lines, symmetric_leaves)
            if resolved and diagram not in roots:
                lines[-1] = replace(line, irreps=tuple(path.out for path in step.paths))
            steps.append(_costed(step, lines))
    leaves = tuple(str(d) for d in names if not isinstance(d, Vertex))
    return Plan(tuple(lines), leaves, tuple(steps), tuple(position[root] for root in roots))


def blocks_of(step: Step, lines: Sequence[Line]) -> tuple[Block, ...]:
    """The products of components that `step` needs: one outer product per pair of parities, each unordered pair once."""
    left, right = lines[step.left].parity_ranges, lines[step.right].parity_ranges
    blocks = []
    for p, a in left.items():
        for q, b in right.items():
            outs = tuple(irrep for irrep in lines[step.out].distinct if irrep.p == p * q)
            if outs and not (step.is_symmetric and p < q):
                blocks.append(Block(a, b, outs))
    return tuple(blocks)


def coupling_matrix(step: Step, lines: Sequence[Line], out: Irrep, block: Block) -> NDArray[np.float64]:
    """Clebsch-Gordan matrix [(2l+1) * n_paths, n_left * n_right] of the couplings to `out`; rows run over (m, path), path fastest."""
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
    foot = f"total {flop / 1e3:.1f} kFLOP per node at {n_channels} channels, largest intermediate {largest / 1e3:.1f} kB per node"
    return "\n".join([header, *rows, foot])


def _parsed(diagram: str | Diagram) -> Diagram:
    return Diagram.parse(diagram) if isinstance(diagram, str) else diagram


def _admissible(
    roots: Sequence[Diagram],
    leaf_irreps: Mapping[str, Sequence[Irrep]],
    *,
    symmetric_leaves: bool,
    resolved: bool,
) -> dict[Diagram, Copies]:
    """Irreps each sub-diagram can carry, and in how many copies (one, unless the plan is resolved); legs before vertices."""
    found: dict[Diagram, Copies] = {}
    for root in roots:
        for _, node in root.lines():
            if node not in found and isinstance(node, Vertex):
                copies = _vertex_copies(node, found, symmetric_leaves)
                found[node] = copies if resolved else dict.fromkeys(copies, 1)
            elif node not in found:
                found[node] = dict.fromkeys(_leaf_irreps(node, leaf_irreps), 1)
    return found


def _leaf_irreps(leaf: Diagram, leaf_irreps: Mapping[str, Sequence[Irrep]]) -> tuple[Irrep, ...]:
    name = leaf.leaves[0].name
    if name not in leaf_irreps:
        raise DiagramError(f"leaf {name!r} is not available here; available leaves: {sorted(leaf_irreps)}")
    irreps = tuple(sorted((irrep for irrep in leaf_irreps[name] if leaf.truncation.allows(irrep)), key=by_parity))
    if not irreps:
        raise DiagramError(
            f"the truncation of leaf {leaf} leaves none of its irreps {[str(i) for i in leaf_irreps[name]]}"
        )
    return irreps


def _vertex_copies(node: Vertex, known: Mapping[Diagram, Copies], symmetric_leaves: bool) -> Copies:
    """The irreps that leave a vertex, each with its number of couplings."""
    count: Copies = {}
    for a in known[node.left]:
        for b in known[node.right]:
            for out in a.product(b):
                n_paths = _n_paths(node, a, b, out, known, symmetric_leaves)
                if n_paths and node.truncation.allows(out):
                    count[out] = count.get(out, 0) + n_paths
    return {irrep: count[irrep] for irrep in sorted(count, key=by_parity)}


def _n_paths(
    node: Vertex, a: Irrep, b: Irrep, out: Irrep, known: Mapping[Diagram, Copies], symmetric_leaves: bool
) -> int:
    """Couplings of the copies of `a` and `b` to `out`; a line with itself: each pair once, none that is antisymmetric."""
    if not _couples(a, b, out):
        return 0
    n = known[node.left][a]
    if not (symmetric_leaves and node.left == node.right):
        return n * known[node.right][b]
    if a != b:
        return n * known[node.right][b] if by_parity(a) < by_parity(b) else 0
    return n * (n - 1) // 2 if (a.l + b.l + out.l) % 2 else n * (n + 1) // 2


def _needed(
    roots: Sequence[Diagram],
    admissible: Mapping[Diagram, Copies],
    target: Sequence[Irrep] | None,
    symmetric_leaves: bool,
) -> dict[Diagram, tuple[Irrep, ...]]:
    """Irreps of each sub-diagram that still reach a target, vertices before their legs."""
    wanted: dict[Diagram, set[Irrep]] = {node: set() for node in admissible}
    for root in roots:
        reached = [i for i in admissible[root] if target is None or i in target]
        if not reached:
            raise DiagramError(
                f"diagram {root} carries {[str(i) for i in admissible[root]]}, none of the target {[str(i) for i in target or []]}"
            )
        wanted[root].update(reached)
    for node in reversed(list(admissible)):
        if isinstance(node, Vertex):
            for a in admissible[node.left]:
                for b in admissible[node.right]:
                    if any(_n_paths(node, a, b, out, admissible, symmetric_leaves) for out in wanted[node]):
                        wanted[node.left].add(a)
                        wanted[node.right].add(b)
    return {node: tuple(sorted(irreps, key=by_parity)) for node, irreps in wanted.items()}


def _step(node: Vertex, position: Mapping[Diagram, int], lines: Sequence[Line], symmetric_leaves: bool) -> Step:
    left, right, out = (position[d] for d in (node.left, node.right, node))
    is_symmetric = symmetric_leaves and left == right
    paths = tuple(
        Path(a, b, irrep)
        for irrep in lines[out].distinct
        for a, x in enumerate(lines[left].irreps)
        for b, y in enumerate(lines[right].irreps)
        if _couples(x, y, irrep) and not (is_symmetric and (a > b or (a == b and (x.l + y.l + irrep.l) % 2)))
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


def _couples(a: Irrep, b: Irrep, out: Irrep) -> bool:
    return abs(a.l - b.l) <= out.l <= a.l + b.l and out.p == a.p * b.p


def by_parity(irrep: Irrep) -> tuple[int, int]:
    """Sort key of the component axis: even irreps first, then by l."""
    return -irrep.p, irrep.l
