"""Edge diagrams evaluated by the oracle on the graph of a model, for tests of architectures."""

import numpy as np
import torch

from fusionmd.fusion.diagram import Diagram
from fusionmd.fusion.enumerate import Labelling
from fusionmd.fusion.evaluate import evaluate
from fusionmd.fusion.plan import Plan
from fusionmd.graph import graph_of
from fusionmd.nn.atomic_network import AtomicNetwork
from fusionmd.nn.neighborhood import Neighbors
from fusionmd.o3.irreps import Irrep
from tests.models.nets import ELEMENTS, molecule


def seen_by(network: AtomicNetwork, n_atoms: int = 5) -> Neighbors:
    """What the atoms of a molecule see."""
    graph = graph_of(molecule(n_atoms), ELEMENTS, network.cutoff)
    with torch.no_grad():
        return network.neighborhood(graph.edge_vectors, graph.senders, graph.slots, graph.species)


def features(n_atoms: int, dim: int, n_channels: int) -> torch.Tensor:
    """Random [n, m, c]."""
    return torch.randn(n_atoms, dim, n_channels, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def parts(x: np.ndarray, irreps) -> dict[Irrep, np.ndarray]:
    """x [n, m, c] by irrep."""
    stops = np.cumsum([irrep.dim for irrep in irreps])[:-1]
    return dict(zip(irreps, np.split(x, stops, 1), strict=True))


def harmonics_of(seen: Neighbors, l_max: int) -> dict[Irrep, np.ndarray]:
    """[n * d, m, 1] by irrep."""
    flat = seen.harmonics.flatten(0, 1).numpy()
    return {Irrep(l, (-1) ** l): flat[:, l**2 : (l + 1) ** 2, None] for l in range(l_max + 1)}


def vertex(plan: Plan, left: Irrep, right: Irrep, out: Irrep, values) -> np.ndarray:
    """The last vertex of a plan for one labelling [n, m, c]."""
    diagram = Diagram.parse(plan.lines[plan.outputs[0]].name)
    return evaluate(diagram, Labelling(out, (Labelling(left), Labelling(right))), values)
