"""The text form of a diagram parses and prints to itself, and says what is wrong with text that does not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusionmd.errors import DiagramError
from fusionmd.fusion.diagram import Diagram, Leaf, Truncation, Vertex
from fusionmd.o3.irreps import Irrep

truncations = st.one_of(
    st.just(Truncation()),
    st.builds(Truncation, st.integers(0, 12)),
    st.builds(Truncation, st.integers(0, 12), st.booleans()),
)
leaves = st.builds(Leaf, st.sampled_from(["A", "Y", "h_i", "h_j", "_x9"]), truncations)
diagrams = st.recursive(leaves, lambda legs: st.builds(Vertex, legs, legs, truncations), max_leaves=8)


@given(diagrams)
@settings(max_examples=60, deadline=None)
def test_text_round_trips(diagram: Diagram) -> None:
    again = Diagram.parse(str(diagram))
    assert again == diagram and hash(again) == hash(diagram) and repr(again) == str(diagram)


@given(diagrams)
@settings(max_examples=30, deadline=None)
def test_lines_are_addressed_by_path(diagram: Diagram) -> None:
    lines = list(diagram.lines())
    assert len(lines) == 2 * len(diagram.leaves) - 1 and lines[-1] == ((), diagram)
    assert all(diagram.at(path) == node for path, node in lines)
    assert diagram.n_vertices == sum(isinstance(node, Vertex) for _, node in lines)


def test_structure_of_a_known_text() -> None:
    pair = Vertex(Leaf("Y", Truncation(3)), Leaf("h_j"), Truncation(2, natural=True))
    diagram = Diagram.parse(" ( (Y@3 ,h_j)@2+, h_i )@1 ")
    assert diagram == Vertex(pair, Leaf("h_i"), Truncation(1))
    assert str(diagram) == "((Y@3, h_j)@2+, h_i)@1"
    assert [leaf.name for leaf in diagram.leaves] == ["Y", "h_j", "h_i"]
    assert Diagram.parse("(A, B)") != Diagram.parse("(B, A)")


def test_truncation_allows() -> None:
    both, natural, free = Truncation(2), Truncation(2, natural=True), Truncation()
    assert both.allows(Irrep(1, 1)) and both.allows(Irrep(2, -1)) and not both.allows(Irrep(3, -1))
    assert natural.allows(Irrep(1, -1)) and not natural.allows(Irrep(1, 1)) and not natural.allows(Irrep(4, 1))
    assert free.allows(Irrep(9, 1))


@pytest.mark.parametrize(
    ("text", "column", "wanted"),
    [
        ("((A, A)@3 A)@1", 11, "','"),
        ("(A, B, C)", 6, "')'"),
        ("(A, A", 6, "')'"),
        ("(A, A))", 7, "the end"),
        ("", 1, "a leaf name"),
        ("(3, A)", 2, "a leaf name"),
        ("A@-1", 2, "a truncation"),
        ("(A, A)@", 7, "a truncation"),
        ("(" * 5000, 65, "at most 64 nested"),
    ],
)
def test_errors_point_at_the_place(text: str, column: int, wanted: str) -> None:
    with pytest.raises(DiagramError) as caught:
        Diagram.parse(text)
    first, shown, caret = str(caught.value).split("\n")
    assert f"column {column}:" in first and wanted in first
    assert shown.strip() == text and caret.index("^") == 4 + column - 1


def test_invalid_values_cannot_exist() -> None:
    with pytest.raises(DiagramError, match="l_max must be 0 or larger"):
        Truncation(-1)
    with pytest.raises(DiagramError, match="natural parity was asked for without l_max"):
        Truncation(natural=True)
    with pytest.raises(DiagramError, match="a name is a letter"):
        Leaf("h j")
    with pytest.raises(DiagramError, match=r"no line \(0, 0, 1\)"):
        Diagram.parse("((A, A), A)").at((0, 0, 1))
