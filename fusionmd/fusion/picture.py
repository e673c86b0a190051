"""A picture as data: curves, discs, boxes and words, written as SVG by hand or as PNG and PDF through matplotlib.

Coordinates are pixels, x to the right, y downwards. In a word such as `h_i` what follows the first `_` is a subscript.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, Union

from fusionmd.errors import DiagramError
from fusionmd.files import write_bytes_atomic

Point = tuple[float, float]
Bezier = tuple[Point, Point, Point, Point]
Anchor = Literal["start", "middle", "end"]
INK, PAPER = "#22303c", "#ffffff"
_SERIF = "STIX Two Text, STIXGeneral, Cambria, Georgia, Times New Roman, serif"
_MONO = "DejaVu Sans Mono, Menlo, Consolas, monospace"
_PT_PER_PIXEL, _PIXELS_PER_INCH = 0.72, 100


@dataclass(frozen=True)
class Curve:
    """Cubic Bezier line through four control points."""

    points: Bezier
    color: str = INK
    width: float = 3.0


@dataclass(frozen=True)
class Disc:
    """Circle."""

    center: Point
    radius: float
    fill: str = INK
    edge: str = INK


@dataclass(frozen=True)
class Box:
    """Rectangle with round corners."""

    center: Point
    width: float
    height: float
    radius: float
    fill: str = PAPER
    edge: str = INK


@dataclass(frozen=True)
class Word:
    """Text; `at` is its anchor, in the middle of its height."""

    at: Point
    text: str
    size: float = 17.0
    color: str = INK
    anchor: Anchor = "middle"
    is_italic: bool = False
    is_code: bool = False

    @property
    def parts(self) -> tuple[str, str]:
        """(main text, subscript)."""
        main, _, below = ("", "", "") if self.is_code else self.text.partition("_")
        return (main, below) if main and below else (self.text, "")


Shape = Union[Curve, Disc, Box, Word]


@dataclass(frozen=True)
class Picture:
    """Shapes on a white page, painted in order."""

    width: float
    height: float
    shapes: tuple[Shape, ...]

    def write(self, path: str | Path) -> None:
        """Write the picture; the suffix says how: .svg, .png or .pdf."""
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in (".svg", ".png", ".pdf"):
            raise DiagramError(f"cannot draw to {path.name}; give a name that ends in .svg, .png or .pdf")
        write_bytes_atomic(path, svg_of(self).encode() if suffix == ".svg" else rendered(self, suffix[1:]))

    def _repr_svg_(self) -> str:
        """What a notebook shows."""
        return svg_of(self)


def svg_of(picture: Picture) -> str:
    """The picture as one SVG document."""
    size = f'width="{picture.width:g}" height="{picture.height:g}" viewBox="0 0 {picture.width:g} {picture.height:g}"'
    page = f'<rect width="100%" height="100%" fill="{PAPER}"/>'
    body = "\n".join(f"  {_svg(shape)}" for shape in picture.shapes)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n  {page}\n{body}\n</svg>\n'


def rendered(picture: Picture, file_format: Literal["png", "pdf"] | str, *, dpi: int = 220) -> bytes:
    """The picture as PNG or PDF."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(picture.width / _PIXELS_PER_INCH, picture.height / _PIXELS_PER_INCH), facecolor=PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), xlim=(0, picture.width), ylim=(picture.height, 0))
    axes.set_axis_off()
    for depth, shape in enumerate(picture.shapes):
        _paint(axes, shape, depth)
    buffer = BytesIO()
    figure.savefig(buffer, format=file_format, dpi=dpi)
    return buffer.getvalue()


def _svg(shape: Shape) -> str:
    if isinstance(shape, Curve):
        (x0, y0), *rest = shape.points
        controls = " ".join(f"{x:.1f},{y:.1f}" for x, y in rest)
        stroke = f'fill="none" stroke="{shape.color}" stroke-width="{shape.width:g}" stroke-linecap="round"'
        return f'<path d="M{x0:.1f},{y0:.1f} C{controls}" {stroke}/>'
    if isinstance(shape, Disc):
        x, y = shape.center
        style = f'fill="{shape.fill}" stroke="{shape.edge}" stroke-width="2"'
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{shape.radius:g}" {style}/>'
    if isinstance(shape, Box):
        x, y = shape.center[0] - shape.width / 2, shape.center[1] - shape.height / 2
        form = f'width="{shape.width:g}" height="{shape.height:g}" rx="{shape.radius:g}"'
        return f'<rect x="{x:.1f}" y="{y:.1f}" {form} fill="{shape.fill}" stroke="{shape.edge}" stroke-width="1.6"/>'
    return _svg_word(shape)


def _svg_word(word: Word) -> str:
    main, below = (escape(part) for part in word.parts)
    if below:
        main += f'<tspan font-size="{0.68 * word.size:g}" dy="{0.28 * word.size:g}">{below}</tspan>'
    style = f'font-family="{_MONO if word.is_code else _SERIF}" font-size="{word.size:g}" fill="{word.color}"'
    slant = ' font-style="italic"' if word.is_italic else ""
    x, y = word.at[0], word.at[1] + 0.33 * word.size
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{word.anchor}" {style}{slant}>{main}</text>'


def _paint(axes: Any, shape: Shape, depth: int) -> None:
    from matplotlib import patches, path

    if isinstance(shape, Word):
        _paint_word(axes, shape, depth)
        return
    if isinstance(shape, Curve):
        codes = [path.Path.MOVETO, path.Path.CURVE4, path.Path.CURVE4, path.Path.CURVE4]
        line = path.Path(shape.points, codes)
        width = shape.width * _PT_PER_PIXEL
        patch: Any = patches.PathPatch(line, fill=False, edgecolor=shape.color, linewidth=width, capstyle="round")
    elif isinstance(shape, Disc):
        patch = patches.Circle(shape.center, shape.radius, facecolor=shape.fill, edgecolor=shape.edge, linewidth=1.5)
    else:
        corner = (shape.center[0] - shape.width / 2, shape.center[1] - shape.height / 2)
        style = patches.BoxStyle("round", pad=0, rounding_size=shape.radius)
        colors: dict[str, Any] = {"facecolor": shape.fill, "edgecolor": shape.edge, "linewidth": 1.2}
        patch = patches.FancyBboxPatch(corner, shape.width, shape.height, boxstyle=style, **colors)
    patch.set_zorder(depth)
    axes.add_patch(patch)


def _paint_word(axes: Any, word: Word, depth: int) -> None:
    main, below = word.parts
    slanted = rf"\mathit{{{main}}}" if word.is_italic else rf"\mathrm{{{main}}}"
    text = f"${slanted}_{{\\mathit{{{below}}}}}$" if below else main
    style = "italic" if word.is_italic and not below else "normal"
    family = ["DejaVu Sans Mono"] if word.is_code else ["STIXGeneral", "DejaVu Serif"]
    axes.text(
        *word.at,
        text,
        fontsize=word.size * _PT_PER_PIXEL,
        color=word.color,
        ha={"start": "left", "middle": "center", "end": "right"}[word.anchor],
        va="center_baseline" if below else "center",
        style=style,
        family=family,
        math_fontfamily="stix",
        zorder=depth,
    )
