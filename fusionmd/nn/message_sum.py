"""Which of the three sums over neighbours evaluates an edge diagram: the fastest that can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fusionmd.fusion.diagram import Diagram
from fusionmd.fusion.plan import Plan
from fusionmd.nn.centered_sum import CenteredSum
from fusionmd.nn.edge_sum import EdgeSum
from fusionmd.nn.message import NeighborSum
from fusionmd.o3.irreps import Irrep

MessageSum = NeighborSum | CenteredSum | EdgeSum


def message_sum(
    plan: Plan,
    carried: Mapping[str, Sequence[Irrep]],
    n_channels: int,
    *,
    mean_degree: float,
    reduced: bool = False,
    mixing: bool = True,
) -> MessageSum:
    """The sum over neighbours of the one diagram in `plan`; `carried` gives the irreps of Y, h_j and h_i.

    reduced: The vertex (Y, h_j) has one radial weight for each pair of irreps instead of one for each path.
    """
    diagram = Diagram.parse(plan.lines[plan.outputs[0]].name)
    vertex = neighbor_vertex(diagram)
    if vertex is None:
        return EdgeSum(plan, carried, n_channels, mean_degree=mean_degree, mixing=mixing)
    if vertex == diagram:
        return NeighborSum(plan, carried, mean_degree=mean_degree, reduced=reduced)
    step = next(step for step in plan.steps if step.name == str(vertex))
    return CenteredSum(plan, step, carried, n_channels, mean_degree=mean_degree, reduced=reduced, mixing=mixing)


def neighbor_vertex(diagram: Diagram) -> Diagram | None:
    """The vertex (Y, h_j), if the rest of `diagram` belongs to the centre: it can be summed over neighbours first."""
    of_edges = [leaf.name for leaf in diagram.leaves if leaf.name != "h_i"]
    found = [node for _, node in diagram.lines() if [leaf.name for leaf in node.leaves] == ["Y", "h_j"]]
    return found[0] if of_edges == ["Y", "h_j"] and found else None
