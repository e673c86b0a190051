"""Peak memory of energy and forces of a dense random gas; large systems by chunking, with what is computed twice.

    python -m benchmarks.memory                       1,000 atoms, in one piece and in blocks
    python -m benchmarks.memory --atoms 100000 --memory-GB 8 --append

0.1 atoms per cubic angstrom, cutoff 5 (52 neighbours), two layers, l_max 3, 64 channels, float32, random weights. Each
measurement has a process of its own: the largest resident set at the end, less that after the imports. With --append
the rows of the present result file stay. Writes benchmarks/results/memory.json.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import ROOT
from benchmarks.our_models import ELEMENTS, potential_of
from benchmarks.results_file import FOLDER, write_results
from benchmarks.worker import MALLOC, THREADS
from fusionmd.graph import Graph
from fusionmd.potential import Potential
from fusionmd.potential.blocks import blocks_within
from fusionmd.potential.fast import use_fast
from fusionmd.potential.memory import max_edges
from fusionmd.structure import Structure

DENSITY = 0.1  # atoms per cubic angstrom
JITTER = 0.25  # angstrom; no two atoms closer than 1.65
N_CHANNELS = 64
ONE_PIECE_GB = 1000.0
KB = 1024


def main() -> None:
    arguments = _arguments()
    if arguments.child:
        print(json.dumps(measured(*arguments.child)))
        return
    old = arguments.output / "memory.json"
    results = json.loads(old.read_text())["results"] if arguments.append and old.exists() else []
    for limit in arguments.memory_GB:
        results.append(in_child(arguments, limit))
        print(results[-1], flush=True)
    settings = {"density_per_A3": DENSITY, "cutoff_A": 5.0, "n_channels": N_CHANNELS, "dtype": "float32", **THREADS}
    content = {"settings": settings, "results": results, "table": table(results)}
    print(write_results("memory", content, folder=arguments.output))


def in_child(arguments: Any, memory_GB: float) -> dict[str, Any]:
    """`measured` in a process of its own."""
    child = ["--child", str(arguments.atoms), str(memory_GB), str(int(arguments.compiled))]
    environment = {**os.environ, **THREADS, **(MALLOC if arguments.keep_large_blocks else {})}
    command = [sys.executable, "-m", "benchmarks.memory", *child]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{arguments.atoms} atoms in {memory_GB:g} GB: the process ended with code {done.returncode}")
    return {**json.loads(done.stdout.splitlines()[-1]), "keeps_large_blocks": arguments.keep_large_blocks}


def measured(n_atoms: str, memory_GB: str, compiled: str) -> dict[str, Any]:
    """Evaluate once; memory, time, and how much was computed more than once because blocks overlap."""
    import torch

    torch.set_num_threads(1)
    imports = peak_bytes()
    potential, structure = potential_of(N_CHANNELS, ()), gas(int(n_atoms))
    if int(compiled):
        use_fast(potential, build=True)
    ready, began, cpu_began = peak_bytes(), time.perf_counter(), time.process_time()
    result = potential.evaluate([structure], memory_GB=float(memory_GB))[0]
    seconds, cpu, peak = time.perf_counter() - began, time.process_time() - cpu_began, peak_bytes()
    assert np.isfinite(result.forces).all()
    return {
        "n_atoms": structure.n_atoms,
        "memory_GB": float(memory_GB),
        "is_compiled": bool(int(compiled)),
        "imports_GB": imports / 1e9,
        "model_GB": (ready - imports) / 1e9,
        "peak_above_imports_GB": (peak - imports) / 1e9,
        "seconds": seconds,
        "cpu_s": cpu,
        **overlap(potential, structure, float(memory_GB)),
    }


def overlap(potential: Potential, structure: Structure, memory_GB: float) -> dict[str, Any]:
    """Nodes and edges of all blocks over those of the whole, as `Potential.evaluate` cuts them."""
    graph: Graph = potential.graph(structure)
    limit = max_edges(potential.metadata.bytes_per_edge, memory_GB, potential.device)
    shared = {"n_edges": graph.n_edges, "bytes_per_edge": potential.metadata.bytes_per_edge}
    if graph.n_edges <= limit:
        return {**shared, "n_blocks": 1, "node_factor": 1.0, "edge_factor": 1.0}
    blocks = blocks_within(structure, graph, potential.metadata.n_hops, limit)
    return {
        **shared,
        "n_blocks": len(blocks),
        "node_factor": sum(len(block.nodes) for block in blocks) / graph.n_nodes,
        "edge_factor": sum(len(block.edges) for block in blocks) / graph.n_edges,
    }


def gas(n_atoms: int) -> Structure:
    """A periodic simple cubic lattice of random elements with random displacements."""
    generator, spacing = np.random.default_rng(0), DENSITY ** (-1 / 3)
    sides = np.array(box(n_atoms))
    sites = np.stack(np.meshgrid(*[np.arange(n) for n in sides], indexing="ij"), axis=-1).reshape(-1, 3)
    positions = spacing * sites + generator.uniform(-JITTER, JITTER, sites.shape)
    return Structure(generator.choice(ELEMENTS, n_atoms), positions, np.diag(spacing * sides), True)


def box(n: int) -> tuple[int, int, int]:
    """Three factors of n, as equal as can be."""
    pairs = [(a, b) for a in range(1, round(n ** (1 / 3)) + 1) if n % a == 0 for b in range(a, n // a + 1)]
    found = [(a, b, n // (a * b)) for a, b in pairs if n % (a * b) == 0]
    return min(found, key=sum)


def peak_bytes() -> int:
    """Largest resident set of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KB


def table(results: list[dict[str, Any]]) -> dict[str, Any]:
    """One row a measurement."""
    rows = [
        [
            f"{r['n_atoms']:,}",
            "compiled" if r["is_compiled"] else "scripted",
            r["n_blocks"],
            r["peak_above_imports_GB"],
            r["cpu_s"],
            r["node_factor"],
            r["edge_factor"],
        ]
        for r in results
    ]
    return {
        "title": "Memory of energy and forces, 0.1 atoms per cubic angstrom, 64 channels, float32",
        "columns": ["atoms", "mode", "blocks", "peak, GB", "CPU seconds", "nodes computed / atoms", "edges"],
        "rows": rows,
        "note": "Peaks above the imports; one thread. The last columns: what is computed again because blocks overlap.",
        "in_readme": True,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--atoms", type=int, default=1000)
    parser.add_argument("--memory-GB", type=float, nargs="+", default=[ONE_PIECE_GB, 1.0], help="bounds to work in")
    parser.add_argument("--compiled", action="store_true", help="the compiled form instead of TorchScript")
    parser.add_argument("--keep-large-blocks", action="store_true", help="the settings of malloc that training uses")
    parser.add_argument("--append", action="store_true", help="keep the rows of the present result file")
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
