"""General edge diagrams: against the oracle edge by edge, and the three sums over neighbours against each other."""

import numpy as np
import pytest
import torch

from fusionmd.fusion.diagram import Diagram
from fusionmd.fusion.plan import Plan, plan_of
from fusionmd.nn.centered_sum import CenteredSum
from fusionmd.nn.edge_sum import EdgeSum
from fusionmd.nn.leaves import component_range
from fusionmd.nn.message import NeighborSum
from fusionmd.nn.message_sum import message_sum, neighbor_vertex
from fusionmd.o3.irreps import Irrep
from tests.fusion.oracle import ORACLES, full_labelling, in_basis

N, DEGREE, C, L_MAX = 3, 4, 2, 3
HIDDEN = [Irrep(0, 1), Irrep(1, 1), Irrep(1, -1)]
CARRIED = {"Y": [Irrep(l, (-1) ** l) for l in range(L_MAX + 1)], "h_j": HIDDEN, "h_i": HIDDEN}
EDGE = ["Y", "Y@2", "(h_j, Y)@2", "(Y, (h_j, h_i)@1)@2", "((Y, h_i)@2, h_j)@1", "((Y@1, h_j)@1, (Y, h_i@0))@2"]
CENTERED = ["((Y, h_j)@2, h_i)@2+", "(h_i, (Y@2, h_j@0)@2)@1", "(((Y, h_j@1)@2, h_i)@1, h_i@0)@1"]


class Sample:
    """Random features and weights of N centres with DEGREE slots each, flat for torch and by irrep for the oracle."""

    def __init__(self, basis: str, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        rows = {"Y": N * DEGREE, "h_j": N * DEGREE, "h_i": N}
        values = {
            name: {i: rng.standard_normal((rows[name], i.dim, 1 if name == "Y" else C)) for i in irreps}
            for name, irreps in CARRIED.items()
        }
        self.values = in_basis(values, basis)
        flat = {name: np.concatenate(list(x.values()), axis=1) for name, x in self.values.items()}
        self.harmonics = torch.from_numpy(flat["Y"].reshape(N, DEGREE, -1))
        self.neighbors, self.centers = torch.from_numpy(flat["h_j"]), torch.from_numpy(flat["h_i"])
        self.weights = {irrep: rng.standard_normal((N * DEGREE, 1, C)) for irrep in CARRIED["Y"]}

    def of_orders(self, orders: list[Irrep]) -> torch.Tensor:
        """Radial weights [N * DEGREE, n_orders * C]."""
        weights = np.concatenate([self.weights[irrep] for irrep in orders], axis=1)
        return torch.from_numpy(weights.reshape(N * DEGREE, -1))

    def on_edges(self) -> dict[str, dict[Irrep, np.ndarray]]:
        """Values of all leaves per edge, the radial weights in Y."""
        return {
            "Y": {irrep: y * self.weights[irrep] for irrep, y in self.values["Y"].items()},
            "h_j": self.values["h_j"],
            "h_i": {irrep: x.repeat(DEGREE, axis=0) for irrep, x in self.values["h_i"].items()},
        }

    def run(self, module: torch.nn.Module, weights: torch.Tensor) -> list[torch.Tensor]:
        return module(self.harmonics, weights, self.neighbors, self.centers)


def orders_of(plan: Plan) -> list[Irrep]:
    """The irreps of Y that the diagram reads, in order of l."""
    return sorted({irrep for line in plan.leaf_lines if line.name.startswith("Y") for irrep in line.irreps})


def assert_same(found: list[torch.Tensor], expected: list[torch.Tensor], tolerance: float = 1e-12) -> None:
    for x, y in zip(found, expected, strict=True):
        assert x.shape == y.shape
        assert (x - y).abs().max() <= tolerance * y.abs().max()


@pytest.mark.parametrize("basis", ["spherical", "cartesian"])
@pytest.mark.parametrize("text", EDGE + CENTERED)
def test_paths_are_labellings_of_the_oracle_edge_by_edge(text: str, basis: str) -> None:
    diagram, sample = Diagram.parse(text), Sample(basis)
    plan = plan_of(text, CARRIED, resolved=True, basis=basis)
    module = EdgeSum(plan, CARRIED, C, mean_degree=9.0, mixing=False).double()
    found = sample.run(module, sample.of_orders(orders_of(plan)))
    line = plan.lines[plan.outputs[0]]
    n_paths = len(plan.steps[-1].paths) if plan.steps else len(line.irreps)
    labellings = [full_labelling(plan, plan.outputs[0], k) for k in range(n_paths)]
    for k, (irrep, size) in enumerate(zip(line.distinct, line.distinct_sizes, strict=True)):
        terms = [ORACLES[basis](diagram, x, sample.on_edges()) for x in labellings if x.irrep == irrep]
        expected = np.stack([y.reshape(N, DEGREE, size, C).sum(1) / 3.0 for y in terms], axis=2)
        assert module.path_counts[k] == len(terms)
        assert_same([found[k]], [torch.from_numpy(expected.reshape(N, -1, C))])


@pytest.mark.parametrize("basis", ["spherical", "cartesian"])
@pytest.mark.parametrize("hidden", HIDDEN)
def test_aggregate_first_is_the_same_sum(hidden: Irrep, basis: str) -> None:
    """(Y, h_j) with one irrep on h_j: the radial weights of both forms are one per l then, and the sums coincide."""
    sample, text = Sample(basis), "(Y, h_j)"
    carried = CARRIED | {"h_j": [hidden]}
    plan = plan_of(text, carried, basis=basis)
    start, length = component_range(HIDDEN, hidden, basis)
    sample.neighbors = sample.neighbors[:, start : start + length]
    slow = EdgeSum(plan, carried, C, mean_degree=5.0).double()
    fast = NeighborSum(plan, carried, mean_degree=5.0, reduced=True).double()
    assert slow.n_weights == fast.n_weights == L_MAX + 1 and slow.path_counts == fast.path_counts
    weights = sample.of_orders(CARRIED["Y"])
    assert_same(sample.run(slow, weights), sample.run(fast, weights))


@pytest.mark.parametrize("mixing", [False, True])
@pytest.mark.parametrize("basis", ["spherical", "cartesian"])
@pytest.mark.parametrize("text", CENTERED)
def test_the_centre_can_wait(text: str, basis: str, mixing: bool) -> None:
    """One radial weight for everything: summing before the centre's legs join is summing edge by edge."""
    torch.manual_seed(2)
    sample = Sample(basis)
    sample.weights = dict.fromkeys(sample.weights, sample.weights[Irrep(0, 1)])
    plan = plan_of(text, CARRIED, resolved=not mixing, basis=basis)
    slow = EdgeSum(plan, CARRIED, C, mean_degree=5.0, mixing=mixing).double()
    fast = message_sum(plan, CARRIED, C, mean_degree=5.0, mixing=mixing)
    assert isinstance(fast, CenteredSum) and fast.path_counts == slow.path_counts
    fast.double().load_state_dict({renamed(name): value for name, value in slow.state_dict().items()})
    one = sample.of_orders([Irrep(0, 1)]).view(-1, 1, C)
    found = [sample.run(m, one.expand(-1, m.n_weights, -1).reshape(N * DEGREE, -1)) for m in (fast, slow)]
    assert_same(*found)


def test_what_can_be_summed_first() -> None:
    for text, vertex in {
        "(Y, h_j)@2": "(Y, h_j)@2",
        "((h_i, (Y@2, h_j)@1)@1, h_i)": "(Y@2, h_j)@1",
        "(h_j, Y)": None,
        "((Y, h_i), h_j)": None,
        "((Y, h_j), (Y, h_j))": None,
        "((Y, h_j), h_j)": None,
        "(Y, h_i)": None,
    }.items():
        assert str(neighbor_vertex(Diagram.parse(text))) == str(vertex)


def renamed(name: str) -> str:
    """Where a parameter of EdgeSum stands in CenteredSum: its first step is the sum over neighbours."""
    _, _, k, rest = name.split(".", 3)
    return rest if k == "0" else f"contraction.steps.{int(k) - 1}.{rest}"


@pytest.mark.parametrize("text", [*EDGE, *CENTERED, "(Y, h_j)@2"])
def test_what_has_no_weight_adds_nothing(text: str) -> None:
    """Empty slots and edges at the cutoff: the radial weights vanish there, hence so does every path."""
    torch.manual_seed(2)
    sample = Sample("spherical")
    module = message_sum(plan_of(text, CARRIED), CARRIED, C, mean_degree=5.0).double()
    weights = torch.randn(N, DEGREE, module.n_weights * C, dtype=torch.float64)
    weights[1:, -1] = 0.0
    weights[0] = 0.0
    before = sample.run(module, weights.flatten(0, 1))
    sample.harmonics[1:, -1] = 7.0
    sample.neighbors.view(N, DEGREE, -1, C)[1:, -1] = -3.0
    after = sample.run(module, weights.flatten(0, 1))
    assert_same(after, before, 0.0)
    assert all(not x[0].any() and x[1:].any() for x in after)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("(Y, h_j)@2", NeighborSum), *((t, EdgeSum) for t in EDGE), *((t, CenteredSum) for t in CENTERED)],
)
def test_the_fastest_form_is_taken_and_scripts(text: str, kind: type) -> None:
    torch.manual_seed(2)
    sample = Sample("spherical")
    module = message_sum(plan_of(text, CARRIED), CARRIED, C, mean_degree=5.0).double()
    assert type(module) is kind
    weights = torch.randn(N * DEGREE, module.n_weights * C, dtype=torch.float64)
    assert_same(sample.run(torch.jit.script(module), weights), sample.run(module, weights), 1e-14)
