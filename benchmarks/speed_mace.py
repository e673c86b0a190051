"""Energy and forces of acetylacetone, one molecule and a batch: ours against MACE, alternating in one run.

    python -m benchmarks.speed_mace --mace-python .venv-mace/bin/python

One thread and float32 on both sides, equal settings of malloc, neighbour lists excluded, weights random. The reference
is the fastest mode of the peer that runs. Writes benchmarks/results/speed_mace.json.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks.results_file import FOLDER, write_results
from benchmarks.worker import MALLOC, THREADS, Worker, alternate

OURS = ("eager", "scripted", "compiled")
PEER = ("eager", "scripted", "scripted:plain", "compiled")
UNTRUNCATED = ["A", "(A, A)", "((A, A), A)"]


def main() -> None:
    arguments = _arguments()
    results = []
    with Worker(sys.executable, "benchmarks.speed_ours") as ours:
        with Worker(arguments.mace_python, "benchmarks.speed_peer") as peer:
            for n_channels in arguments.channels:
                for n_molecules in arguments.molecules:
                    result = compared(ours, peer, n_channels, n_molecules, arguments)
                    results.append(result)
                    print(line(result), flush=True)
    path = write_results("speed_mace", content(results, arguments), folder=arguments.output)
    print(f"wrote {path}")


def compared(ours: Worker, peer: Worker, n_channels: int, n_molecules: int, arguments: Any) -> dict[str, Any]:
    """All modes of both sides for one size, timed in turn."""
    size = {"n_channels": n_channels, "n_molecules": n_molecules}
    cases = {f"ours {mode}": (ours, {**size, "product": None, "mode": mode, "call": "pass"}) for mode in OURS}
    whole = {**size, "product": None, "mode": "compiled", "call": "evaluate"}
    cases["ours compiled, Potential.evaluate"] = (ours, whole)
    cases |= {
        f"ours {mode}, untruncated": (ours, {**size, "product": UNTRUNCATED, "mode": mode, "call": "pass"})
        for mode in (OURS[1:] if arguments.untruncated else ())
    }
    cases |= {f"peer {mode}": (peer, {**size, "mode": mode}) for mode in (*PEER, *arguments.peer_modes)}
    answers = {label: side.ask("prepare", name=label, case=case) for label, (side, case) in cases.items()}
    ready = {label: (side, label) for label, (side, _) in cases.items() if "error" not in answers[label]}
    times = alternate(ready, rounds=arguments.rounds, seconds=arguments.seconds)
    for side, name in ready.values():
        side.ask("drop", name=name)
    merged = {label: {**answers[label], **times.get(label, {})} for label in cases}
    return {**size, "cases": merged, **ratios(merged)}


def ratios(cases: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Times of the peer's best mode over ours."""
    peer = {label: case["wall_s"] for label, case in cases.items() if label.startswith("peer") and "wall_s" in case}
    best = min(peer, key=lambda label: peer[label])
    ours = {label: case["wall_s"] for label, case in cases.items() if label.startswith("ours") and "wall_s" in case}
    cpu = {label: cases[best]["cpu_s"] / cases[label]["cpu_s"] for label in ours}
    return {"best_peer": best, "ratios": {k: peer[best] / ours[k] for k in ours}, "cpu_ratios": cpu}


def content(results: list[dict[str, Any]], arguments: Any) -> dict[str, Any]:
    """What goes into the file."""
    settings = {k: v for k, v in vars(arguments).items() if k not in ("mace_python", "output")}
    settings |= {"dtype": "float32", "malloc": MALLOC, "threads": THREADS, "neighbour_lists": "excluded"}
    return {"settings": settings, "results": results, "table": table(results)}


def table(results: list[dict[str, Any]]) -> dict[str, Any]:
    """One row for each size."""
    labels = [f"peer {mode}" for mode in PEER] + [f"ours {mode}" for mode in OURS]
    names = {"peer": "MACE", "ours": "fusionmd"}
    header = ["molecules", "channels", *(" ".join([names[x.split()[0]], x.split()[1]]) for x in labels)]
    note = (
        "Milliseconds; one thread, float32, weights random, neighbour lists excluded, C x 0e + C x 1o hidden features, "
        "l_max 3, correlation 3, 2 layers, cutoff 5, radial weights per path; the last columns are the time of MACE's "
        "fastest mode over ours."
    )
    rows = [
        [r["n_molecules"], r["n_channels"]]
        + [milliseconds(r["cases"][label]) for label in labels]
        + [f"{r['ratios'][f'ours {mode}']:.1f}" if f"ours {mode}" in r["ratios"] else "-" for mode in OURS[1:]]
        for r in results
    ]
    title = "Energy and forces of acetylacetone (15 atoms) on one CPU core"
    columns = [*header, "scripted: times faster", "compiled: times faster"]
    return {"title": title, "columns": columns, "rows": rows, "note": note, "in_readme": True}


def milliseconds(case: dict[str, Any]) -> str:
    """A time for the table."""
    return f"{1000 * case['wall_s']:.3g}" if "wall_s" in case else "fails"


def line(result: dict[str, Any]) -> str:
    """One size as text."""
    times = ", ".join(f"{label} {milliseconds(case)}" for label, case in result["cases"].items())
    found = ", ".join(f"{label} x{ratio:.1f}" for label, ratio in result["ratios"].items())
    return f"{result['n_channels']} channels, {result['n_molecules']} molecules: {times} ms; {found}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mace-python", type=Path, required=True, help="interpreter that has mace-torch")
    parser.add_argument("--channels", type=int, nargs="+", default=[32, 64, 128])
    parser.add_argument("--molecules", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--rounds", type=int, default=9, help="turns of each case")
    parser.add_argument("--seconds", type=float, default=0.3, help="length of a turn")
    parser.add_argument("--peer-modes", nargs="*", default=[], help="further modes, as compiled:max-autotune")
    parser.add_argument("--untruncated", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    return parser.parse_args()


if __name__ == "__main__":
    main()
