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

from fusionmd.fusion.basis import Basis
from fusionmd.fusion.diagram import Diagram, Vertex
from fusionmd.fusion.reach import admissible_irreps, couples, needed_irreps
from fusionmd.fusion.steps import BYTES, Line, Path, Step, costed
from fusionmd.o3.irreps import Irrep


@dataclass(frozen=True)
class Plan:
    """Lines (leaves first), steps in executable order, and the lines that leave."""

    lines: tuple[Line, ...]
    leaves: tuple[str, ...]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]

    @property
    def basis(self) -> Basis:
        """The basis of the components, one for all lines."""
        return self.lines[0].basis

    @property
    def leaf_lines(self) -> tuple[Line, ...]:
        """The lines of the leaves."""
        return self.lines[: len(self.leaves)]

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
    basis: Basis = "spherical",
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
        carried = needed[diagram] if isinstance(diagram, Vertex) else tuple(admissible[diagram])
        lines.append(Line(str(diagram), carried, basis))
        if isinstance(diagram, Vertex):
            step = _step(diagram, position, lines, symmetric_leaves)
            if resolved and diagram in internal:
                lines[-1] = replace(lines[-1], irreps=tuple(path.out for path in step.paths))
            steps.append(costed(step, lines))
    leaves = tuple(str(d) for d in names if not isinstance(d, Vertex))
    return Plan(tuple(lines), leaves, tuple(steps), tuple(position[root] for root in roots))


def plan_above(plan: Plan, line: int) -> Plan:
    """What is left of `plan` when `line` is known: it becomes the last leaf, what fed it alone is dropped."""
    others = [step for step in plan.steps if step.out != line]
    reached = set(plan.outputs)
    for step in reversed(others):
        reached |= {step.left, step.right} if step.out in reached else set()
    vertices = {step.out for step in others} & reached
    order = sorted(reached, key=lambda k: (k in vertices, k))
    new = {k: position for position, k in enumerate(order)}
    steps = [replace(s, left=new[s.left], right=new[s.right], out=new[s.out]) for s in others if s.out in vertices]
    lines = tuple(plan.lines[k] for k in order)
    leaves = tuple(line.name for line in lines[: len(order) - len(vertices)])
    return Plan(lines, leaves, tuple(steps), tuple(new[k] for k in plan.outputs))


def cost_table(plan: Plan, *, n_channels: int) -> str:
    """A table of the steps: couplings, kernel, FLOP and bytes per node, largest intermediate."""
    header = f"{'step':<34}{'paths':>6}{'pairs':>7}{'rows':>6}{'kernel':>16}{'kFLOP':>9}{'kB':>8}"
    rows = [
        f"{step.name:<34}{len(step.paths):>6}{step.n_pairs:>7}{step.n_rows:>6}{step.kernel:>16}"
        f"{step.flop(n_channels) / 1e3:>9.1f}{step.bytes(n_channels) / 1e3:>8.1f}"
        for step in plan.steps
    ]
    flop = sum(step.flop(n_channels) for step in plan.steps)
    largest = max((max(s.n_pairs, s.n_rows) for s in plan.steps), default=0) * n_channels * BYTES
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
