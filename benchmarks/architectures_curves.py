"""Learning curves: errors of the architectures after the same CPU time of training on fewer frames."""

from typing import Any

from benchmarks.architectures_models import MODELS
from benchmarks.architectures_sets import SETS
from benchmarks.architectures_tables import MISSING, Result, Results, errors_by_test, mean, note, parameters


def curves_table(results: Results) -> dict[str, Any]:
    """One row a model and data set, one pair of columns a number of frames; those with a single one are left out."""
    found = [one for one in results if one["run"]["data_set"] in _with_fewer_frames(results)]
    sizes = sorted({n_frames(one) for one in found})
    columns = ["model", "data", "parameters", *(text for n in sizes for text in (f"epochs, {n} frames", f"E / F, {n}"))]
    rows = [_row(model, name, found, sizes) for name in SETS for model in MODELS if _is_curve(found, model, name)]
    title = "Learning curves: errors of held-out frames against frames learnt from, the same CPU time for each"
    return {"title": title, "columns": columns, "rows": rows, "note": note(found), "in_readme": False}


def n_frames(result: Result) -> int:
    """That were learnt from."""
    run = result["run"]
    return int(run["n_train"] or SETS[run["data_set"]].n_train)


def _with_fewer_frames(results: Results) -> set[str]:
    return {one["run"]["data_set"] for one in results if one["run"]["n_train"] is not None}


def _of(found: Results, model: str, name: str) -> list[Result]:
    return [one for one in found if one["run"]["model"] == model and one["run"]["data_set"] == name]


def _is_curve(found: Results, model: str, name: str) -> bool:
    return len({n_frames(one) for one in _of(found, model, name)}) > 1


def _row(model: str, name: str, found: Results, sizes: list[int]) -> list[Any]:
    runs = _of(found, model, name)
    row: list[Any] = [model, name, parameters(runs)]
    for n in sizes:
        these = [one for one in runs if n_frames(one) == n]
        row += [mean([one["epochs"] for one in these]), errors_by_test(these, name) if these else MISSING]
    return row
