"""Law 4: pruning keeps the rank of the family, and only permutations that preserve tree and channel matrices count."""

import numpy as np
import pytest

from fusionmd.errors import DiagramError
from fusionmd.fusion.character import symmetric_multiplicity
from fusionmd.fusion.diagram import Diagram, Path
from fusionmd.fusion.enumerate import Labelling, by_output, enumerate_labellings
from fusionmd.fusion.evaluate import BlockWeights, evaluate
from fusionmd.fusion.pruning import prune
from fusionmd.o3.irreps import Irrep

NATURAL = {"A": [Irrep(l, (-1) ** l) for l in range(3)], "h": [Irrep(0, 1), Irrep(1, -1)]}
MIXED = {"A": [Irrep(0, 1), Irrep(1, -1), Irrep(1, 1)]}
TARGET = [Irrep(0, 1), Irrep(0, -1), Irrep(1, -1), Irrep(1, 1), Irrep(2, 1)]
N_CHANNELS = 4


def rank(diagram: Diagram, labellings: list[Labelling], leaf_irreps, shared: dict[Path, int]) -> int:
    """Rank of the functions (one channel, random leaves); lines of equal number in `shared` have equal random W."""
    rng = np.random.default_rng(7)
    matrices = {
        k: {irrep: rng.standard_normal((N_CHANNELS,) * 2) for irrep in ALL} for k in sorted(set(shared.values()))
    }
    legs = {(path, irrep): matrix for path, k in shared.items() for irrep, matrix in matrices[k].items()}
    total = 0
    for group in by_output(labellings).values():
        n = len(group) + 5
        x = {
            name: {i: rng.standard_normal((n, i.dim, N_CHANNELS)) for i in irreps}
            for name, irreps in leaf_irreps.items()
        }
        columns = [evaluate(diagram, k, x, BlockWeights(legs=legs))[:, :, 0].ravel() for k in group]
        columns = [c / np.linalg.norm(c) if np.linalg.norm(c) > 1e-8 else 0 * c for c in columns]
        total += int(np.linalg.matrix_rank(np.stack(columns, axis=1), tol=1e-8))
    return total


ALL = [Irrep(l, p) for l in range(7) for p in (1, -1)]


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", ["left", "balanced"])
def test_without_channel_matrices_symmetric_power(order: int, shape: str) -> None:
    """Untruncated and unmixed: exactly as many labellings survive as Sym^order contains."""
    text = "((A, A), (A, A))" if (shape, order) == ("balanced", 4) else "A"
    while text.count("A") < order:
        text = f"({text}, A)"
    diagram = Diagram.parse(text)
    groups = by_output(prune(diagram, enumerate_labellings(diagram, NATURAL, TARGET)))
    for irrep in TARGET:
        assert len(groups.get(irrep, [])) == symmetric_multiplicity(NATURAL["A"], order, irrep)


# (diagram, groups of identical lines, {line with a matrix: which}); the identical lines share theirs
CASES: list[tuple[str, list[list[Path]] | None, dict[Path, int]]] = [
    ("(A, A)", None, {}),
    ("((A, A), A)", None, {}),
    ("((A, A)@1, A)", None, {}),
    ("((A, A)@2+, A)", None, {(): 0}),
    ("((A@1, A)@2, A)", None, {}),
    ("((A, h), A)", None, {}),
    ("((A, A), A)", None, {(0,): 0}),
    ("((A, A), A)", [], {(0, 0): 0, (0, 1): 1, (1,): 2}),
    ("((A, A), A)", [[(0, 0), (0, 1)]], {(0, 0): 0, (0, 1): 0, (1,): 2}),
    ("((A, A), A)", [[(0, 0), (1,)]], {(0, 0): 0, (0, 1): 1, (1,): 0}),
    ("((A, A), A)", [[(0, 0), (0, 1), (1,)]], {(0, 0): 0, (0, 1): 0, (1,): 0}),
    ("((A, A)@1, (A, A)@1)", None, {(0,): 0, (1,): 1}),
    ("((A, A)@1, (A, A)@1)", [[(0, 0), (0, 1)], [(1, 0), (1, 1)], [(0,), (1,)]], {(0,): 0, (1,): 0}),
    ("(((A, A)@2+, A)@2+, A)", None, {}),
    ("(((A, A)@2+, A)@1, A)", None, {(0,): 0}),
    ("(((A, A)@1, A)@1, A)", None, {(0,): 0, (0, 0): 1}),
    ("(((A, A)@2+, A)@1, A)", None, {(0, 0): 1}),
]


@pytest.mark.parametrize("leaf_irreps", [NATURAL, MIXED], ids=["natural", "mixed"])
@pytest.mark.parametrize(("text", "identical", "matrices"), CASES)
def test_rank_is_kept_and_nothing_is_redundant(text: str, identical, matrices: dict[Path, int], leaf_irreps) -> None:
    leaf_irreps = {"h": NATURAL["h"], **leaf_irreps}
    diagram = Diagram.parse(text)
    if len(diagram.leaves) == 4:
        leaf_irreps = {"A": leaf_irreps["A"][:2]}
    labellings = enumerate_labellings(diagram, leaf_irreps, TARGET[:4])
    mixing = [path for path in matrices if path in diagram.inner_lines]
    pruned = prune(diagram, labellings, identical=identical, mixing=mixing)
    full = rank(diagram, labellings, leaf_irreps, matrices)
    assert rank(diagram, pruned, leaf_irreps, matrices) == full == len(pruned)
    assert [labelling for labelling in labellings if labelling in pruned] == pruned


def test_a_channel_matrix_inside_forbids_the_third_leaf() -> None:
    """In ((A, A), A) with W_int only the first pair may be exchanged: more labellings stay than without W_int."""
    diagram = Diagram.parse("((A, A), A)")
    labellings = enumerate_labellings(diagram, NATURAL, [Irrep(0, 1)])
    n_free, n_mixed = len(prune(diagram, labellings)), len(prune(diagram, labellings, mixing=[(0,)]))
    pair = [k for k in labellings if k.at((0,)).leaves[0] <= k.at((0,)).leaves[1]]
    odd = [k for k in pair if k.at((0,)).leaves[0] == k.at((0,)).leaves[1] and k.at((0,)).n_odd_vertices]
    assert n_free < n_mixed == len(pair) - len(odd) < len(labellings)


def test_wrong_groups_are_refused() -> None:
    diagram = Diagram.parse("((A, A), h)")
    with pytest.raises(DiagramError, match="identical lines carry one tensor"):
        prune(diagram, [], identical=[[(0, 0), (1,)]])
    with pytest.raises(DiagramError, match="make them mixing lines"):
        prune(Diagram.parse("((A, A), (A, A))"), [], identical=[[(0,), (1,)]])
