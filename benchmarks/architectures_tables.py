"""The tables of `architectures`: all models, and fusion blocks on and off."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.architectures_models import MODELS, PAIRS
from benchmarks.architectures_run import RECIPE, TRAINING
from benchmarks.architectures_sets import SETS

Result = dict[str, Any]
Results = Sequence[Result]

MISSING = ""


def settings_of(results: Results) -> dict[str, Any]:
    """What all runs share, and the budgets that occur."""
    shared: dict[str, Any] = {"recipe": RECIPE, "training": TRAINING}
    return shared | {key: values_of(results, key) for key in ("minutes", "target", "is_compiled", "seed")}


def values_of(results: Results, key: str) -> list[Any]:
    """The values that a setting has in the runs."""
    return sorted({result["run"][key] for result in results})


def table(results: Results, speeds: Mapping[str, Any]) -> dict[str, Any]:
    """One row a model: mean errors over seeds, test sets side by side; times per atom and memory."""
    full = of_all_frames(results)
    names = [name for name in SETS if any(r["run"]["data_set"] == name for r in full)]
    columns = ["model", "parameters", *(f"epochs, {name}" for name in names)]
    columns += [f"{name}, {label}: E / F" for name in names for label in SETS[name].test_labels]
    columns += ["us/atom, scripted", "us/atom, native or compiled", "KB/atom"] if speeds else []
    rows = [_row(model, [r for r in full if r["run"]["model"] == model], names, speeds) for model in MODELS]
    minutes = ", ".join(f"{m:g}" for m in values_of(results, "minutes"))
    return {
        "title": f"Architectures after {minutes} CPU minutes of training each, errors of held-out frames",
        "columns": columns,
        "rows": [row for row in rows if row],
        "note": note(results, has_speeds=bool(speeds)),
        "in_readme": False,
    }


def of_all_frames(results: Results) -> list[Result]:
    """Those that learnt from as many frames as in the papers."""
    return [r for r in results if r["run"]["n_train"] is None]


def _row(model: str, found: Results, names: Sequence[str], speeds: Mapping[str, Any]) -> list[Any]:
    if not found:
        return []
    by_set = {name: [r for r in found if r["run"]["data_set"] == name] for name in names}
    row = [model, parameters(found)]
    row += [mean([r["epochs"] for r in by_set[name]]) for name in names]
    row += [errors(by_set[name], label) for name in names for label in SETS[name].test_labels]
    if speeds:
        first = speeds[next(name for name in SETS if name in speeds)]["models"].get(model, {})
        row += [first.get(key, MISSING) for key in ("scripted_us_per_atom", "fast_us_per_atom", "memory_KB_per_atom")]
    return row


def parameters(found: Results) -> str:
    """Their number, with a star where it is not as wanted."""
    counts = dict.fromkeys(f"{r['n_parameters']:,}{'' if r['is_within'] else ' *'}" for r in found)
    return ", ".join(counts)


def mean(values: Sequence[float]) -> Any:
    """Rounded; nothing where there is none."""
    return round(float(np.mean(values))) if values else MISSING


def errors(found: Results, label: str) -> str:
    """Energy / forces, mean over seeds with the standard deviation where there are several."""
    pairs = np.array([of_test(r, label) for r in found if "errors" in r])
    if not len(pairs):
        return "failed" if found else MISSING
    spread = pairs.std(axis=0, ddof=1) if len(pairs) > 1 else None
    texts = [f"{m:.3g}" + (MISSING if spread is None else f" ± {spread[k]:.2g}") for k, m in enumerate(pairs.mean(0))]
    failed = len(found) - len(pairs)
    return " / ".join(texts) + (f" ({failed} failed)" if failed else "")


def of_test(result: Result, label: str) -> tuple[float, float]:
    """Energy (meV) and forces (meV/angstrom) in the measure of the data set."""
    measure, errors = SETS[result["run"]["data_set"]].measure, result["errors"][label]
    return errors[f"energy_{measure}_meV"], errors[f"forces_{measure}_meV_A"]


def pairs_table(results: Results) -> dict[str, Any]:
    """Fusion blocks off and on, for data sets on which both members were trained, with the same seeds."""
    rows = [
        [f"{model}, {'on' if is_on else 'off'}", name, len(found), parameters(found), errors_by_test(found, name)]
        for pair in PAIRS
        for name in SETS
        for is_on, (model, found) in enumerate(_of_same_seeds(pair, name, results))
    ]
    return {
        "title": "Fusion blocks off and on: errors of held-out frames, mean ± standard deviation over seeds",
        "columns": ["model, fusion block", "data", "seeds", "parameters", "E / F"],
        "rows": rows,
        "note": note(results),
        "in_readme": False,
    }


def errors_by_test(found: Results, name: str) -> str:
    """Of all test sets of a data set, in one text."""
    return "; ".join(f"{label}: {errors(found, label)}" for label in SETS[name].test_labels)


def _of_same_seeds(pair: tuple[str, str], name: str, results: Results) -> list[tuple[str, list[Result]]]:
    chosen = [r for r in of_all_frames(results) if r["run"]["data_set"] == name]
    members = {model: {r["run"]["seed"]: r for r in chosen if r["run"]["model"] == model} for model in pair}
    seeds = sorted(set(members[pair[0]]) & set(members[pair[1]]))
    return [(model, [members[model][seed] for seed in seeds]) for model in pair] if seeds else []


def note(results: Results, *, has_speeds: bool = False) -> str:
    """What the runs share, and what failed."""
    eager = sorted({r["run"]["model"] for r in results if r.get("eager_because")})
    refused = sorted({f"{r['run']['model']} ({r['export_failure']})" for r in results if r.get("export_failure")})
    failed = sorted({f"{r['run']['model']} ({r['failure']})" for r in results if "failure" in r})
    parts = [
        "E in meV, F in meV/angstrom; RMSE for acac and 3bpa, MAE else.",
        f"One thread, float32, training steps compiled: {', '.join(map(str, values_of(results, 'is_compiled')))}; "
        f"compilation is not in the budget. Seeds {', '.join(map(str, values_of(results, 'seed')))}.",
        f"Wanted number of parameters {', '.join(f'{n:,}' for n in values_of(results, 'target'))}; a star: not "
        "within 10 %.",
        "Times of energy and forces with neighbour lists, medians in turn; memory as measured at export."
        if has_speeds
        else "",
        f"Not compiled because that failed: {', '.join(eager)}." if eager else "",
        f"Not exported, hence no times: {'; '.join(refused)}." if refused else "",
        f"Failed: {'; '.join(failed)}." if failed else "",
    ]
    return " ".join(part for part in parts if part)
