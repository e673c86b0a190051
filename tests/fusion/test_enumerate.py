"""Admissible labellings: against brute force over all assignments, with every kind of truncation."""

from itertools import product

import pytest

from fusionmd.errors import DiagramError
from fusionmd.fusion.diagram import Diagram
from fusionmd.fusion.enumerate import Labelling, by_output, enumerate_labellings
from fusionmd.o3.irreps import Irrep

FEATURES = {
    "A": [Irrep(0, 1), Irrep(1, -1), Irrep(2, 1)],
    "h": [Irrep(0, 1), Irrep(1, -1), Irrep(1, 1)],
}


def brute_force(diagram: Diagram, target: list[Irrep] | None) -> set[tuple[Irrep, ...]]:
    """Assign every irrep with l <= 6 to every line and keep what the rules allow."""
    lines = list(diagram.lines())
    everything = [Irrep(l, p) for l in range(7) for p in (1, -1)]
    offers = [FEATURES[node.name] if not node.children else everything for _, node in lines]
    offers = [
        [irrep for irrep in offer if node.truncation.allows(irrep)]
        for offer, (_, node) in zip(offers, lines, strict=True)
    ]
    index = {path: k for k, (path, _) in enumerate(lines)}
    found = set()
    for irreps in product(*offers):
        vertices = [
            (irreps[index[(*path, 0)]], irreps[index[(*path, 1)]], irreps[index[path]])
            for path, node in lines
            if node.children
        ]
        admissible = all(abs(a.l - b.l) <= c.l <= a.l + b.l and c.p == a.p * b.p for a, b, c in vertices)
        if admissible and (target is None or irreps[-1] in target):
            found.add(irreps)
    return found


@pytest.mark.parametrize("target", [None, [Irrep(0, 1)], [Irrep(1, 1), Irrep(1, -1)]])
@pytest.mark.parametrize("text", ["A", "h@0", "(A, h)", "(A@1+, h)@1", "((A, A)@2+, h@1)@1", "(h@1+, (A, A)@1)@2"])
def test_same_as_brute_force(text: str, target: list[Irrep] | None) -> None:
    diagram = Diagram.parse(text)
    found = enumerate_labellings(diagram, FEATURES, target)
    assert len(set(found)) == len(found)
    assert {tuple(irrep for _, irrep in labelling.lines()) for labelling in found} == brute_force(diagram, target)


def test_labelling_reads_like_the_diagram() -> None:
    labelling = Labelling(
        Irrep(1, -1),
        (Labelling(Irrep(2, 1), (Labelling(Irrep(1, -1)), Labelling(Irrep(1, -1)))), Labelling(Irrep(1, -1))),
    )
    assert str(labelling) == "((1o, 1o)2e, 1o)1o"
    assert labelling[()] == Irrep(1, -1) and labelling[(0,)] == Irrep(2, 1) and labelling[(0, 1)] == Irrep(1, -1)
    assert labelling.leaves == (Irrep(1, -1),) * 3
    assert labelling.vertices[0] == (Irrep(1, -1), Irrep(1, -1), Irrep(2, 1))
    assert labelling.n_odd_vertices == 0


def test_odd_vertices_are_counted() -> None:
    cross = enumerate_labellings(Diagram.parse("((v, v), v)"), {"v": [Irrep(1, -1)]}, [Irrep(0, -1), Irrep(1, -1)])
    assert {str(labelling): labelling.n_odd_vertices for labelling in cross} == {
        "((1o, 1o)1e, 1o)0o": 1,
        "((1o, 1o)0e, 1o)1o": 0,
        "((1o, 1o)1e, 1o)1o": 2,
        "((1o, 1o)2e, 1o)1o": 0,
    }


def test_order_does_not_depend_on_the_order_of_the_leaf_irreps() -> None:
    diagram = Diagram.parse("(A, A)@2")
    backwards = {"A": [*reversed(FEATURES["A"]), Irrep(0, 1)]}
    labellings = enumerate_labellings(diagram, FEATURES)
    assert enumerate_labellings(diagram, backwards) == labellings
    assert list(by_output(labellings)) == [Irrep(0, 1), Irrep(1, -1), Irrep(1, 1), Irrep(2, -1), Irrep(2, 1)]
    assert sum(by_output(labellings).values(), []) == labellings


def test_missing_leaf_is_named() -> None:
    with pytest.raises(DiagramError, match=r"no irreps were given for the leaves \['B'\]"):
        enumerate_labellings(Diagram.parse("(A, B)"), FEATURES)
