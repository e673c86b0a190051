"""Which irreps the lines of diagrams can carry, and which of them still reach a target.

Where both legs of a vertex are one line, couplings that are antisymmetric in it vanish: l1 + l2 + l3 odd of one irrep
with itself. Several copies of an irrep (resolved plans) have antisymmetric couplings between different copies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fusionmd.errors import DiagramError
from fusionmd.fusion.diagram import Diagram, Vertex
from fusionmd.o3.irreps import Irrep

Copies = dict[Irrep, int]
"""Irreps and how many copies of each; in the order of `by_parity`."""


def admissible_irreps(
    roots: Sequence[Diagram],
    leaf_irreps: Mapping[str, Sequence[Irrep]],
    *,
    symmetric_leaves: bool,
    resolved: bool,
) -> dict[Diagram, Copies]:
    """Irreps each sub-diagram can carry, legs before vertices, and in how many copies (one, unless `resolved`)."""
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
    """Couplings of the copies of `a` and `b` to `out`; a line with itself: each pair once, no antisymmetric ones."""
    if not couples(a, b, out):
        return 0
    n = known[node.left][a]
    if not (symmetric_leaves and node.left == node.right):
        return n * known[node.right][b]
    if a != b:
        return n * known[node.right][b] if by_parity(a) < by_parity(b) else 0
    return n * (n - 1) // 2 if (a.l + b.l + out.l) % 2 else n * (n + 1) // 2


def needed_irreps(
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
                f"diagram {root} carries {[str(i) for i in admissible[root]]}, "
                f"none of the target {[str(i) for i in target or []]}"
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


def couples(a: Irrep, b: Irrep, out: Irrep) -> bool:
    """Whether `out` is in the tensor product of `a` and `b`."""
    return abs(a.l - b.l) <= out.l <= a.l + b.l and out.p == a.p * b.p


def by_parity(irrep: Irrep) -> tuple[int, int]:
    """Sort key of the component axis: even irreps first, then by l."""
    return -irrep.p, irrep.l
