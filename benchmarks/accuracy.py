"""Errors of a potential on the acetylacetone test sets: total energies and all force components.

    FUSIONMD_DATA=DIR python -m benchmarks.accuracy acac-300K --name accuracy_acac

Test frames are used for nothing but this. Published figures are those of `PUBLISHED`. Writes
benchmarks/results/NAME.json.
"""

import argparse
from pathlib import Path
from typing import Any

from benchmarks.results_file import FOLDER, write_results
from fusionmd.data.catalogue import find_file
from fusionmd.data.read import read_frames
from fusionmd.files import sha256_of_file
from fusionmd.potential import load_potential
from fusionmd.training.metrics import metrics_of
from fusionmd.workflows.evaluate import compare

TESTS = {"300 K": "test_MD_300K.xyz", "600 K": "test_MD_600K.xyz"}
# RMSE in meV and meV/angstrom of models trained on the same 450 + 50 frames. Batatia et al., NeurIPS 2022, table 2.
PUBLISHED = {
    "BOTNet": {"300 K": (0.89, 6.3), "600 K": (6.2, 29.8)},
    "NequIP": {"300 K": (0.81, 5.90), "600 K": (6.04, 27.8)},
    "MACE": {"300 K": (0.9, 5.1), "600 K": (4.6, 22.4)},
}


def main() -> None:
    arguments = _arguments()
    potential = load_potential(arguments.potential, compiled=arguments.compiled)
    paths = {test: find_file("acac", file, folder=arguments.data) for test, file in TESTS.items()}
    results = {test: metrics_of(compare(potential, read_frames(path))) for test, path in paths.items()}
    for test, metrics in results.items():
        print(test, {key: round(value, 3) for key, value in metrics.items()})
    settings = {
        "potential": potential.metadata.name,
        "sha256": potential.sha256,
        "n_parameters": sum(parameter.numel() for parameter in potential.core.parameters()),
        "dtype": potential.metadata.dtype,
        "test_sets": {test: {"file": path.name, "sha256": sha256_of_file(path)} for test, path in paths.items()},
    }
    content = {"settings": settings, "results": results, "table": table(results, settings["n_parameters"])}
    print(write_results(arguments.name, content, folder=arguments.output))


def table(results: dict[str, dict[str, Any]], n_parameters: int) -> dict[str, Any]:
    """Ours below the published ones."""
    columns = ["", *(f"{quantity}, {test}" for test in TESTS for quantity in ("energy, meV", "forces, meV/A"))]
    rows: list[list[Any]] = [[k, *(x for test in TESTS for x in found[test])] for k, found in PUBLISHED.items()]
    ours = [results[test][key] for test in TESTS for key in ("energy_rmse_meV", "forces_rmse_meV_A")]
    rows.append([f"fusionmd ({n_parameters / 1e6:.2g}M parameters)", *ours])
    return {
        "title": "Acetylacetone, trained on 450 + 50 frames at 300 K: RMSE on the test sets",
        "columns": columns,
        "rows": rows,
        "note": "Total energies over frames, all force components. Others: Batatia et al., NeurIPS 2022.",
        "in_readme": True,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("potential", help="file, or name of a shipped one")
    parser.add_argument("--data", type=Path, help="folder with acac/; default FUSIONMD_DATA")
    parser.add_argument("--compiled", default="auto", choices=["auto", "yes", "no"])
    parser.add_argument("--name", default="accuracy_acac", help="of the result file")
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    return parser.parse_args()


if __name__ == "__main__":
    main()
