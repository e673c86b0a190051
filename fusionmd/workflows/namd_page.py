"""One self-contained HTML page: text, tables, pictures inside it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from io import BytesIO
from typing import Any

from matplotlib.figure import Figure

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 900px; margin: 2em auto; padding: 0 1em; color: #222 }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em; border-bottom: 1px solid #ddd }
table { border-collapse: collapse } td, th { padding: .2em 1.2em .2em 0; text-align: left }
img { max-width: 100% } pre { background: #f6f6f6; padding: 1em; overflow-x: auto; font-size: 13px }
.headline { font-size: 1.15em; background: #f3f6fa; padding: .6em 1em; border-radius: 6px }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A page of parts that are HTML already."""
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    body = f"<h1>{escape(title)}</h1>{''.join(parts)}"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'


def heading(text: str) -> str:
    """Of a section."""
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str, *, is_headline: bool = False) -> str:
    """Text."""
    return f"<p{' class=headline' if is_headline else ''}>{escape(text)}</p>"


def preformatted(text: str) -> str:
    """Settings, as they are."""
    return f"<pre>{escape(text)}</pre>"


def table(rows: Iterable[Sequence[Any]], header: Sequence[str] = ()) -> str:
    """First cells of rows are headings."""
    first = f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in header)}</tr>" if header else ""
    return f"<table>{first}{''.join(_row(row) for row in rows)}</table>"


def png(figure: Figure) -> bytes:
    """A picture as bytes."""
    content = BytesIO()
    figure.savefig(content, dpi=110, format="png")
    return content.getvalue()


def picture(content: bytes) -> str:
    """A PNG inside the page."""
    return f'<img src="data:image/png;base64,{base64.b64encode(content).decode()}">'


def _row(row: Sequence[Any]) -> str:
    name, *cells = (escape(str(cell)) for cell in row)
    return f"<tr><th>{name}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
