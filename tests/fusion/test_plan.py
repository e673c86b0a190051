"""Plans: what they print, parts of them, and the basis of their components."""

import numpy as np
import pytest
import torch

from fusionmd.errors import DiagramError
from fusionmd.fusion.basis import coupling
from fusionmd.fusion.contraction import Contraction
from fusionmd.fusion.plan import cost_table, plan_above, plan_of
from fusionmd.fusion.steps import Line
from fusionmd.o3.clebsch_gordan import clebsch_gordan
from fusionmd.o3.irreps import Irrep

NATURAL = [Irrep(l, (-1) ** l) for l in range(4)]
LEAVES = {"Y": NATURAL, "h": [Irrep(0, 1), Irrep(1, -1), Irrep(2, 1)]}


def test_a_line_counts_components_in_its_basis() -> None:
    irreps = (Irrep(0, 1), Irrep(2, 1), Irrep(1, -1), Irrep(1, -1))
    spherical, cartesian = Line("x", irreps), Line("x", irreps, "cartesian")
    assert spherical.sizes == [1, 5, 3, 3] and cartesian.sizes == [1, 9, 3, 3]
    assert cartesian.dim == 16 and cartesian.offsets == (0, 1, 10, 13)
    assert cartesian.parity_ranges == {1: range(10), -1: range(10, 16)}
    assert cartesian.distinct_sizes == [1, 9, 3]


def test_cartesian_tables_are_sparse_and_keep_the_norm() -> None:
    """Rounding noise must not look like couplings to the cost model."""
    for l1, l2, l3 in [(1, 1, 2), (2, 1, 1), (2, 2, 2), (3, 2, 1), (1, 1, 1)]:
        table = coupling(l1, l2, l3, "cartesian")
        assert np.abs(table[table != 0]).min() > 1e-6
        assert np.linalg.norm(table) == pytest.approx(np.linalg.norm(clebsch_gordan(l1, l2, l3)), rel=1e-13)


def test_a_huge_coupling_matrix_is_refused_before_it_is_made() -> None:
    high = {"A": [Irrep(l, (-1) ** l) for l in range(9)]}
    with pytest.raises(DiagramError, match=r"vertex \(A, A\) needs .* cartesian basis; .*'@n', or use the spherical"):
        plan_of("(A, A)", high, basis="cartesian")
    assert plan_of("(A, A)@2+", high).steps[0].flop(1) < 1e6


def test_cost_table_says_which_basis_costs_more() -> None:
    plans = [plan_of("((Y, h)@3, h)@1", LEAVES, basis=basis) for basis in ("spherical", "cartesian")]
    flops = [sum(step.flop(8) for step in plan.steps) for plan in plans]
    assert flops[1] > 2 * flops[0]
    for plan, flop in zip(plans, flops, strict=True):
        assert f"total {flop / 1e3:.1f} kFLOP per node at 8 channels" in cost_table(plan, n_channels=8)
        assert plan.steps[1].bytes(8) > plan.steps[1].bytes(4)


@pytest.mark.parametrize("resolved", [False, True])
def test_the_plan_above_a_line_does_the_rest(resolved: bool) -> None:
    """Evaluate below, hand the line over, evaluate above: the same as all at once, with the same parameters."""
    plan = plan_of("(((Y, h)@2, h@1)@2, ((h, h)@1, h@1)@1)@1", LEAVES, resolved=resolved)
    step = plan.steps[0]
    above = plan_above(plan, step.out)
    assert [line.name for line in above.leaf_lines] == ["h", "h@1", "(Y, h)@2"]
    assert above.leaves == tuple(line.name for line in above.leaf_lines)
    assert [other.name for other in above.steps] == [other.name for other in plan.steps[1:]]
    torch.manual_seed(0)
    target = plan.lines[plan.outputs[0]].distinct
    whole = Contraction(plan, 3, target, mixing=not resolved).double()
    rest = Contraction(above, 3, target, mixing=not resolved).double()
    rest.load_state_dict({f"steps.{int(k.split('.')[1]) - 1}.{k.split('.', 2)[2]}": v for k, v in below(whole).items()})
    leaves = [torch.randn(4, line.dim, 3, dtype=torch.float64) for line in plan.leaf_lines]
    handed = whole.steps[0].mixing(whole.steps[0](leaves))
    found = rest([leaves[plan.leaves.index("h")], leaves[plan.leaves.index("h@1")], handed])
    for x, y in zip(found, whole(leaves), strict=True):
        torch.testing.assert_close(x, y, rtol=1e-13, atol=1e-13)


def below(module: Contraction) -> dict[str, torch.Tensor]:
    """The state without that of the first step."""
    return {name: value for name, value in module.state_dict().items() if not name.startswith("steps.0.")}
