"""Drawings: every leaf, line, vertex and channel matrix of the diagram is there, inside the page, in every format."""

from xml.etree import ElementTree

import numpy as np
import pytest

from fusionmd.errors import DiagramError
from fusionmd.fusion.diagram import Diagram
from fusionmd.fusion.draw import draw
from fusionmd.fusion.enumerate import Labelling
from fusionmd.fusion.picture import PAPER, Box, Curve, Disc, Picture, Word, svg_of

TREE = Diagram.parse("((Y_ij@3, h_j@1)@3+, (h_i, h_j))@1")


def words(picture: Picture) -> list[str]:
    return [shape.text for shape in picture.shapes if isinstance(shape, Word)]


def count(picture: Picture, kind: type) -> int:
    return sum(isinstance(shape, kind) for shape in picture.shapes)


def test_everything_is_drawn() -> None:
    picture = draw(TREE, matrices=[(0,), ()])
    assert (count(picture, Curve), count(picture, Disc), count(picture, Box)) == (7, 3, 4 + 2)
    assert sorted(words(picture)) == sorted(
        ["Y_ij", "h_j", "h_i", "h_j", "W", "W", "ℓ ≤ 3", "ℓ ≤ 1", "ℓ ≤ 3, p = (−1)ˡ", "ℓ ≤ 1", str(TREE)]
    )


def test_leaves_of_one_name_share_a_colour() -> None:
    boxes = [shape.edge for shape in draw(TREE).shapes if isinstance(shape, Box)]
    assert len(boxes) == 4 and boxes[1] == boxes[3] and len(set(boxes)) == 3


def test_a_labelling_shows_irreps_and_odd_vertices() -> None:
    labelling = Labelling.parse("((1o, 1o)1e, 1o)0o")
    picture = draw(Diagram.parse("((a, b), c)"), labelling, caption="triple product")
    shown = words(picture)
    assert [text for text in shown if text[0].isdigit()] == [str(irrep) for _, irrep in labelling.lines()]
    assert "triple product" in shown
    assert [shape.fill == PAPER for shape in picture.shapes if isinstance(shape, Disc)] == [True, False]


@pytest.mark.parametrize("text", ["A", "A@1", "(A, A)", "((A@3+, A)@3+, (A, (A, (h_i, A))@2)@1)@0", "(((A, A), A), A)"])
def test_lines_meet_and_nothing_leaves_the_page(text: str) -> None:
    diagram = Diagram.parse(text)
    picture = draw(diagram, matrices=[path for path, _ in diagram.lines()])
    curves = [shape.points for shape in picture.shapes if isinstance(shape, Curve)]
    discs = {shape.center for shape in picture.shapes if isinstance(shape, Disc)}
    ends = {points[3] for points in curves}
    assert discs <= ends and len(ends - discs) == 1, "all lines but the outgoing one end in a vertex"
    points = np.array([point for curve in curves for point in curve])
    assert points.min() > 0 and np.all(points < [picture.width, picture.height])
    for shape in picture.shapes:
        if isinstance(shape, Word):
            assert 0 < shape.at[0] < picture.width and 0 < shape.at[1] < picture.height


def test_svg_is_well_formed(tmp_path) -> None:
    picture = draw(TREE, caption="a < b & c")
    root = ElementTree.fromstring(svg_of(picture))
    names = [element.tag.rpartition("}")[2] for element in root]
    assert names.count("path") == 7 and names.count("circle") == 3 and names.count("rect") == 1 + 4
    texts = ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "a < b & c" in texts and "Yij" in texts
    picture.write(tmp_path / "tree.svg")
    assert (tmp_path / "tree.svg").read_text(encoding="utf-8") == svg_of(picture)


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG\r\n"), ("pdf", b"%PDF")])
def test_other_formats(tmp_path, suffix: str, magic: bytes) -> None:
    draw(Diagram.parse("(A, h_i)@1")).write(tmp_path / f"tree.{suffix}")
    assert (tmp_path / f"tree.{suffix}").read_bytes().startswith(magic)


def test_png_has_the_colours_of_the_leaves(tmp_path) -> None:
    from matplotlib.image import imread

    picture = draw(TREE)
    picture.write(tmp_path / "tree.png")
    pixels = np.unique(np.round(imread(tmp_path / "tree.png")[..., :3] * 255).astype(int).reshape(-1, 3), axis=0)
    for color in {shape.color for shape in picture.shapes if isinstance(shape, Curve)}:
        rgb = [int(color[k : k + 2], 16) for k in (1, 3, 5)]
        assert np.abs(pixels - rgb).sum(1).min() <= 3


def test_wrong_input_is_explained(tmp_path) -> None:
    with pytest.raises(DiagramError, match=r"ends in .svg, .png or .pdf"):
        draw(TREE).write(tmp_path / "tree.jpg")
    with pytest.raises(DiagramError, match=r"no lines \[\(0, 0, 0\)\]"):
        draw(TREE, matrices=[(0, 0, 0)])
    with pytest.raises(DiagramError, match="does not fit diagram"):
        draw(TREE, Labelling.parse("1o"))
    assert list(tmp_path.iterdir()) == []
