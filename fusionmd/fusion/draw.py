"""Drawings of fusion diagrams: leaves on top, lines that fuse downwards, the outgoing line at the bottom.

A     A     A        leaves: one colour per tensor
 \\   /     /
W ●       /          a vertex is a disc, hollow if l1 + l2 + l3 is odd; a channel matrix is a box on its line
   \\     /
     ●               beside a line: its irrep (of a labelling) or its truncation
     |
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from math import hypot

from fusionmd.errors import DiagramError
from fusionmd.fusion.diagram import Diagram, Leaf, Path, Truncation
from fusionmd.fusion.enumerate import Labelling
from fusionmd.fusion.picture import INK, PAPER, Bezier, Box, Curve, Disc, Picture, Point, Shape, Word

_COLORS = ("#2f6f9f", "#c65d3b", "#4f8a5b", "#8a5a94", "#b98a1f", "#3f8f94")
_INNER, _GREY, _WASH = "#5b6b7a", "#7b8794", "#f4f6f8"
_COLUMN, _ROW, _MARGIN, _LEAF_HEIGHT, _FOOT = 124.0, 104.0, 30.0, 38.0, 76.0


def draw(
    diagram: Diagram,
    labelling: Labelling | None = None,
    *,
    matrices: Collection[Path] = (),
    caption: str | None = None,
) -> Picture:
    """A picture of `diagram`.

    labelling: Show the irreps of this labelling on the lines instead of the truncations.
    matrices: Lines that carry a channel matrix.
    caption: Text under the drawing (default: the text form of the diagram).
    """
    if labelling is not None and not labelling.fits(diagram):
        raise DiagramError(f"labelling {labelling} does not fit diagram {diagram}; take one from enumerate_labellings")
    unknown = [path for path in matrices if path not in dict(diagram.lines())]
    if unknown:
        raise DiagramError(f"no lines {unknown} in {diagram}; its lines are {[path for path, _ in diagram.lines()]}")
    layout = _Layout(diagram, labelling, frozenset(matrices))
    shapes: list[Shape] = list(layout.shapes())
    left, right = min(_extent(shape)[0] for shape in shapes), max(_extent(shape)[1] for shape in shapes)
    text = Word(
        ((left + right) / 2, layout.bottom + 34),
        str(diagram) if caption is None else caption,
        13.5,
        _GREY,
        is_code=True,
    )
    left, right = min(left, _extent(text)[0]) - _MARGIN, max(right, _extent(text)[1]) + _MARGIN
    return Picture(right - left, layout.bottom + 34 + _MARGIN, tuple(_moved(shape, -left) for shape in [*shapes, text]))


@dataclass(frozen=True)
class _Layout:
    diagram: Diagram
    labelling: Labelling | None
    matrices: frozenset[Path]

    @property
    def bottom(self) -> float:
        """Where the outgoing line ends."""
        return self.position(())[1] + _FOOT

    def shapes(self) -> Iterator[Shape]:
        """Lines below everything, then what sits on them, then words."""
        for path, _ in self.diagram.lines():
            yield Curve(self.line(path), self.color(path))
        for path, node in self.diagram.lines():
            yield from self.node(path, node)
        for path, node in self.diagram.lines():
            yield from self.marks(path, node)

    def position(self, path: Path) -> Point:
        """Where the leaf or the vertex at the upper end of the line `path` sits."""
        node = self.diagram.at(path)
        if isinstance(node, Leaf):
            leaves = [p for p, n in self.diagram.lines() if isinstance(n, Leaf)]
            return _COLUMN * leaves.index(path), _MARGIN + _LEAF_HEIGHT / 2
        (left, _), (right, _) = (self.position((*path, side)) for side in (0, 1))
        return (left + right) / 2, _MARGIN + _LEAF_HEIGHT + _ROW * _level(node)

    def line(self, path: Path) -> Bezier:
        """Control points of the line `path`, from its upper to its lower end."""
        x, y = self.position(path)
        if not path:
            return (x, y), (x, y + _FOOT / 3), (x, y + 2 * _FOOT / 3), (x, y + _FOOT)
        to_x, to_y = self.position(path[:-1])
        drop = min(to_y - y, _ROW)
        return (x, y), (x, y + 0.55 * (to_y - y)), (to_x + 0.45 * (x - to_x), to_y - 0.42 * drop), (to_x, to_y)

    def color(self, path: Path) -> str:
        """Leaves of one name share a colour; lines that leave a vertex are grey."""
        node = self.diagram.at(path)
        if not isinstance(node, Leaf):
            return _INNER
        return _COLORS[self.diagram.leaf_names.index(node.name) % len(_COLORS)]

    def node(self, path: Path, node: Diagram) -> Iterator[Shape]:
        """The leaf or the vertex at the upper end of a line."""
        center = self.position(path)
        if isinstance(node, Leaf):
            width = max(46.0, 12.0 * len(node.name.replace("_", "")) + 22)
            yield Box(center, width, _LEAF_HEIGHT, 11, PAPER, self.color(path))
            yield Word(center, node.name, 21, self.color(path), is_italic=True)
        else:
            is_odd = self.labelling is not None and sum(i.l for i in self.labelling.at(path).vertices[-1]) % 2
            yield Disc(center, 6.5, PAPER if is_odd else INK)

    def marks(self, path: Path, node: Diagram) -> Iterator[Shape]:
        """What sits on a line: its channel matrix, and beside it its irrep or truncation."""
        line, t = self.line(path), 0.5 if path else 0.6
        x, y = _on(line, t)
        if path in self.matrices:
            yield Box((x, y), 25, 25, 5, _WASH, INK)
            yield Word((x, y), "W", 15, INK, is_italic=True)
        label = str(self.labelling[path]) if self.labelling is not None else _words(node.truncation)
        if label:
            side = -1 if path and path[-1] == 0 else 1
            dx, dy = _slope(line, t)
            gap = 28.0 if path in self.matrices else 12.0
            yield Word((x + side * gap * dy, y - side * gap * dx), label, 16, INK, "end" if side < 0 else "start")


def _level(node: Diagram) -> int:
    """Height of a vertex above the leaves."""
    return 1 + max(map(_level, node.children)) if node.children else 0


def _words(truncation: Truncation) -> str:
    if truncation.l_max is None:
        return ""
    return f"ℓ ≤ {truncation.l_max}" + (", p = (−1)ˡ" if truncation.natural else "")


def _on(points: Bezier, t: float) -> Point:
    """The point of a cubic Bezier curve at parameter t."""
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
    x, y = (sum(w * point[k] for w, point in zip(weights, points, strict=True)) for k in (0, 1))
    return x, y


def _slope(points: Bezier, t: float) -> Point:
    """Unit tangent there."""
    (x0, y0), (x1, y1) = _on(points, t - 0.01), _on(points, t + 0.01)
    length = hypot(x1 - x0, y1 - y0)
    return (x1 - x0) / length, (y1 - y0) / length


def _extent(shape: Shape) -> tuple[float, float]:
    """Leftmost and rightmost x; that of a word is an estimate."""
    if isinstance(shape, Curve):
        return min(x for x, _ in shape.points), max(x for x, _ in shape.points)
    if isinstance(shape, Word):
        width = shape.size * len(shape.text) * (0.61 if shape.is_code else 0.46)
        left = shape.at[0] - width * {"start": 0.0, "middle": 0.5, "end": 1.0}[shape.anchor]
        return left, left + width
    half = shape.radius if isinstance(shape, Disc) else shape.width / 2
    return shape.center[0] - half, shape.center[0] + half


def _moved(shape: Shape, dx: float) -> Shape:
    """The shape, `dx` further to the right."""
    if isinstance(shape, Curve):
        a, b, c, d = ((x + dx, y) for x, y in shape.points)
        return Curve((a, b, c, d), shape.color, shape.width)
    if isinstance(shape, Word):
        return replace(shape, at=(shape.at[0] + dx, shape.at[1]))
    return replace(shape, center=(shape.center[0] + dx, shape.center[1]))
