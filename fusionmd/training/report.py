"""`report.html`: one self-contained page about a run: result, learning curves, parity plots, resolved configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import Any

from fusionmd.files import write_text_atomic
from fusionmd.training.config import Config
from fusionmd.training.config_file import config_yaml
from fusionmd.training.metrics import Comparison
from fusionmd.training.plots import learning_curves, parity_plots, svg

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1150px; margin: 2em auto; padding: 0 1em; color: #222 }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em; border-bottom: 1px solid #ddd }
table { border-collapse: collapse } td, th { padding: .2em 1.2em .2em 0; text-align: left; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums }
svg { max-width: 100%; height: auto } pre { background: #f6f6f6; padding: 1em; overflow-x: auto; font-size: 13px }
"""
UNITS = {"meV_A": "meV/Å", "meV_per_atom": "meV/atom", "meV": "meV", "GPa": "GPa"}


def write_report(
    path: Path, config: Config, records: Sequence[Mapping[str, Any]], comparison: Comparison, summary: Mapping[str, Any]
) -> None:
    """Write the page; `records` are those of `log.jsonl`, `comparison` is of the best model, validation frames."""
    epochs = [dict(record) for record in records if record.get("event") == "epoch"]
    sections = [
        ("Result", _table(_summary_rows(summary, epochs))),
        ("Errors of the best model on the validation frames", _table(_metric_rows(summary["valid"]))),
        ("Learning curves", svg(learning_curves(epochs))),
        ("Parity on the validation frames", svg(parity_plots(comparison))),
        ("Configuration", f"<pre>{escape(config_yaml(config))}</pre>"),
    ]
    body = "\n".join(f"<section><h2>{title}</h2>\n{content}</section>" for title, content in sections)
    write_text_atomic(path, _page(f"Training: {path.resolve().parent.name}", body))


def _page(title: str, body: str) -> str:
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    content = f"<h1>{escape(title)}</h1>\n{body}"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{content}\n</body></html>\n'


def _table(rows: Sequence[tuple[str, Any]]) -> str:
    return "<table>" + "".join(f"<tr><th>{escape(name)}</th>{_cell(value)}</tr>" for name, value in rows) + "</table>"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f'<td class="number">{value:.4g}</td>'
    return f'<td class="number">{value}</td>' if isinstance(value, int) else f"<td>{escape(str(value))}</td>"


def _summary_rows(summary: Mapping[str, Any], epochs: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    spent = timedelta(seconds=round(epochs[-1]["elapsed_s"])) if epochs else timedelta()
    return [
        ("stopped by", summary["stopped_by"]),
        ("epochs", str(summary["n_epochs"])),
        ("best epoch", str(summary["best_epoch"])),
        ("time of training, h:min:s", str(spent)),
        ("potential", summary["potential"] or f"none: {summary['export_failure']}"),
    ]


def _metric_rows(metrics: Mapping[str, Any]) -> list[tuple[str, Any]]:
    rows = [(_spelled(name), value) for name, value in metrics.items() if name != "states"]
    for index, errors in enumerate(metrics.get("states", [])):
        rows += [(f"state {index}: {_spelled(name)}", value) for name, value in errors.items()]
    return rows


def _spelled(name: str) -> str:
    """`forces_rmse_meV_A` -> `forces RMSE, meV/Å`."""
    for suffix, unit in UNITS.items():
        if name.endswith(f"_{suffix}"):
            quantity = name.removesuffix(f"_{suffix}").replace("_", " ")
            return f"{quantity.replace('rmse', 'RMSE').replace('mae', 'MAE')}, {unit}"
    return name.removeprefix("n_").replace("_", " ")
