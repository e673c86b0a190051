"""Cartesian (3^l components) against spherical basis (2l+1): time and memory of many-body products.

    python -m benchmarks.bases            l up to 3, 2 to 4 factors, 8 to 128 channels
    python -m benchmarks.bases --quick    a few small cases: does it run?

The left trees (A, A), ((A, A), A), ... of A with l up to `l_max` and natural parity, internal legs too, to 0e + 1o,
with channel matrices inside: the products of `fusion_net` and `ictp`. Time of forward and backward passes, in turn, CPU
seconds; largest memory of one such pass above the module, each in a process of its own. Exponents: of the growth with
the number of channels. Finished cases are kept in --work. Writes benchmarks/results/bases.json.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.architectures_speed import in_turn
from benchmarks.machine import ROOT
from benchmarks.memory import peak_bytes
from benchmarks.results_file import FOLDER, write_results
from benchmarks.worker import MALLOC, THREADS
from fusionmd.files import write_text_atomic
from fusionmd.fusion.basis import Basis, n_components
from fusionmd.fusion.contraction import Contraction
from fusionmd.fusion.plan import plan_of
from fusionmd.models.mace import left_trees
from fusionmd.models.network_config import natural
from fusionmd.o3.irreps import Irrep

BASES: tuple[Basis, Basis] = ("spherical", "cartesian")
TARGET = [Irrep(0, 1), Irrep(1, -1)]
N_TIMED, N_MEMORY, ROUNDS, LIMIT_S = 64, 1024, 7, 3600.0  # nodes, nodes, turns
HIDDEN = "-"  # a peak that does not show above that of making the module
FULL = {"l_max": (1, 2, 3), "correlation": (2, 3, 4), "n_channels": (8, 16, 32, 64, 128)}
QUICK = {"l_max": (1, 2), "correlation": (2,), "n_channels": (4, 8)}


class Product:
    """A product and its leaf with random numbers; a call is a forward and a backward pass."""

    def __init__(self, basis: Basis, l_max: int, correlation: int, n_channels: int, n_nodes: int) -> None:
        torch.manual_seed(0)
        diagrams = left_trees(correlation, f"@{l_max}+")
        plan = plan_of(list(diagrams), {"A": natural(l_max)}, TARGET, basis=basis)
        self.module = Contraction(plan, n_channels, TARGET)
        n = sum(n_components(irrep, basis) for irrep in plan.lines[0].irreps)
        self.leaf = torch.randn(n_nodes, n, n_channels, requires_grad=True)
        self.wanted = [self.leaf, *self.module.parameters()]

    def __call__(self) -> None:
        total = torch.stack([out.square().sum() for out in self.module([self.leaf])]).sum()
        torch.autograd.grad(total, self.wanted)


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    if arguments.child:
        basis, *sizes = arguments.child
        print(json.dumps(memory(basis, *map(int, sizes))))
        return
    results = [
        kept(arguments.work, *case) for case in itertools.product(*(QUICK if arguments.quick else FULL).values())
    ]
    settings = {"n_timed": N_TIMED, "n_memory": N_MEMORY, "rounds": ROUNDS, "dtype": "float32", **THREADS}
    found = {"settings": settings, "results": results, "exponents": exponents(results), "table": table(results)}
    print(write_results("bases", found, folder=arguments.output))


def kept(work: Path, l_max: int, correlation: int, n_channels: int) -> dict[str, Any]:
    """The case, measured unless it was."""
    file = work / f"l{l_max}_n{correlation}_c{n_channels}.json"
    if not file.exists():
        work.mkdir(parents=True, exist_ok=True)
        write_text_atomic(file, json.dumps(measured(l_max, correlation, n_channels)))
        print(file.read_text(), flush=True)
    return dict(json.loads(file.read_text()))


def measured(l_max: int, correlation: int, n_channels: int) -> dict[str, Any]:
    """Time and memory in both bases."""
    sizes = (l_max, correlation, n_channels)
    seconds = in_turn({basis: Product(basis, *sizes, N_TIMED) for basis in BASES}, ROUNDS)
    case: dict[str, Any] = {"l_max": l_max, "correlation": correlation, "n_channels": n_channels}
    for basis in BASES:
        case[basis] = {"us_per_node": 1e6 * seconds[basis] / N_TIMED, **memory_in_child(basis, *sizes)}
    return case


def memory_in_child(basis: str, *sizes: int) -> dict[str, float]:
    """`memory` in a process of its own, with malloc as it comes."""
    command = [sys.executable, "-m", "benchmarks.bases", "--child", basis, *map(str, sizes)]
    environment = {key: value for key, value in {**os.environ, **THREADS}.items() if key not in MALLOC}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=LIMIT_S
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def memory(basis: Basis, l_max: int, correlation: int, n_channels: int) -> dict[str, float]:
    """Peak of a pass over many nodes above that of one over a single node."""
    Product(basis, l_max, correlation, n_channels, 1)()
    before = peak_bytes()
    Product(basis, l_max, correlation, n_channels, N_MEMORY)()
    return {"KB_per_node": (peak_bytes() - before) / 1e3 / N_MEMORY}


def exponents(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """For each l_max and number of factors: slopes of log(time) and log(memory) over log(channels)."""
    found = []
    for l_max, correlation in sorted({(r["l_max"], r["correlation"]) for r in results}):
        chosen = [r for r in results if (r["l_max"], r["correlation"]) == (l_max, correlation)]
        slopes = {b: {key: slope(chosen, b, key) for key in ("us_per_node", "KB_per_node")} for b in BASES}
        found.append({"l_max": l_max, "correlation": correlation, **slopes})
    return found


def slope(results: list[dict[str, Any]], basis: Basis, key: str) -> float | None:
    """Of a least-squares line through the logarithms; None where a value is not above zero."""
    x, y = [r["n_channels"] for r in results], [r[basis][key] for r in results]
    return float(np.polyfit(np.log(x), np.log(y), 1)[0]) if len(x) > 1 and min(y) > 0 else None


def table(results: list[dict[str, Any]]) -> dict[str, Any]:
    """One row a case."""
    rows = []
    for r in results:
        a, b = r["spherical"], r["cartesian"]
        sizes = [r[key] for key in ("l_max", "correlation", "n_channels")]
        ratio = b["us_per_node"] / a["us_per_node"]
        rows.append(
            [*sizes, a["us_per_node"], b["us_per_node"], ratio, *(one["KB_per_node"] or HIDDEN for one in (a, b))]
        )
    return {
        "title": "Many-body products in spherical and in Cartesian components, forward and backward",
        "columns": [
            "l_max",
            "factors",
            "channels",
            "spherical, us/node",
            "Cartesian, us/node",
            "ratio",
            "spherical, KB/node",
            "Cartesian, KB/node",
        ],
        "rows": rows,
        "note": f"One thread, float32, eager; medians of {ROUNDS} turns; {HIDDEN}: less than making the module took. "
        f"Exponents of the times in channels: {_told(results)}.",
        "in_readme": False,
    }


def _told(results: list[dict[str, Any]]) -> str:
    """Exponents of the times as text."""
    texts = []
    for e in exponents(results):
        slopes = [e[basis]["us_per_node"] for basis in BASES]
        if None not in slopes:
            texts.append(f"l {e['l_max']}, {e['correlation']} factors {slopes[0]:.2f} and {slopes[1]:.2f}")
    return "; ".join(texts)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few small cases")
    parser.add_argument("--work", type=Path, default=Path("bases-runs"), help="where finished cases are kept")
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
