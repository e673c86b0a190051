"""Curves of a validation as PNG and SVG files, one figure each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from fusionmd.files import atomic_write
from fusionmd.namd.validation_table import Curve

DOTS_PER_INCH = 130
KINDS = ("png", "svg")


def write_figures(folder: Path, curves: Iterable[Curve]) -> list[Path]:
    """Draw every figure into `folder`; returns the files."""
    groups: dict[str, list[Curve]] = {}
    for curve in curves:
        groups.setdefault(curve.figure, []).append(curve)
    paths = []
    for title, group in groups.items():
        paths += write_picture(drawn(title, joined(group)), folder, title.lower().replace(" ", "_").replace("-", "_"))
    return paths


def joined(curves: Sequence[Curve]) -> list[Curve]:
    """Curves of one label as one, points in the order of x, each x once."""
    found: dict[str, dict[float, tuple[float, float | None]]] = {}
    for curve in curves:
        points = found.setdefault(curve.label, {})
        for index, x in enumerate(curve.x):
            points[x] = (curve.y[index], curve.errors[index] if curve.errors else None)
    first = curves[0]
    return [_curve(first, label, points) for label, points in found.items()]


def drawn(title: str, curves: Sequence[Curve]) -> Figure:
    """Lines for what is exact; points with one standard error for scattering, bands of two for times."""
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    colours: dict[str, str] = {}
    for curve in curves:
        topic = curve.label.split(", ", 1)[-1]
        colour = colours.setdefault(topic, f"C{len(colours)}")
        if not curve.errors:
            axes.plot(curve.x, curve.y, color=_black(topic, colour), label=curve.label)
        elif len(curve.x) > 10:
            y, errors = np.array(curve.y), np.array(curve.errors)
            axes.plot(curve.x, y, color=colour, label=curve.label)
            axes.fill_between(curve.x, y - 2 * errors, y + 2 * errors, color=colour, alpha=0.2, linewidth=0)
        else:
            axes.errorbar(curve.x, curve.y, curve.errors, fmt="o", capsize=3, color=colour, label=curve.label)
    axes.set(xlabel=curves[0].x_label, ylabel=curves[0].y_label, title=title, ylim=(-0.03, 1.03))
    axes.legend(fontsize="small", ncols=2 if len(curves) > 5 else 1)
    return figure


def write_picture(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write NAME.png and NAME.svg atomically."""
    paths = [folder / f"{name}.{kind}" for kind in KINDS]
    for path, kind in zip(paths, KINDS, strict=True):
        with atomic_write(path) as temporary:
            figure.savefig(temporary, dpi=DOTS_PER_INCH, format=kind)
    return paths


def _black(topic: str, colour: str) -> str:
    return "black" if topic in ("exact", "formula") else colour


def _curve(first: Curve, label: str, points: dict[float, tuple[float, float | None]]) -> Curve:
    xs = sorted(points)
    errors = [error for x in xs if (error := points[x][1]) is not None]
    return Curve(first.figure, first.x_label, first.y_label, label, xs, [points[x][0] for x in xs], errors)
