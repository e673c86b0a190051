"""Errors of a potential on the test frames of a data set, beside the published ones.

    FUSIONMD_DATA=DIR python -m benchmarks.accuracy acac-300K --set acac

Total energies, all force components. Test frames are used for nothing but this.
Writes benchmarks/results/accuracy_SET.json.
"""

import argparse
from pathlib import Path
from typing import Any

from benchmarks.accuracy_published import PUBLISHED
from benchmarks.architectures_sets import SETS
from benchmarks.results_file import FOLDER, write_results
from fusionmd.data.catalogue import find_file
from fusionmd.data.read import read_frames
from fusionmd.files import sha256_of_file
from fusionmd.potential import load_potential
from fusionmd.training.metrics import metrics_of
from fusionmd.workflows.evaluate import compare


def main() -> None:
    arguments = _arguments()
    potential = load_potential(arguments.potential, compiled=arguments.compiled)
    data = SETS[arguments.set]
    paths = {test: find_file(data.folder, file, folder=arguments.data) for test, file in data.tests.items()}
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
    content = {"settings": settings, "results": results}
    content["table"] = table(arguments.set, results, settings["n_parameters"])
    print(write_results(f"accuracy_{arguments.set}", content, folder=arguments.output))


def table(name: str, results: dict[str, dict[str, Any]], n_parameters: int) -> dict[str, Any]:
    """Ours below the published ones."""
    data, published = SETS[name], PUBLISHED[name]
    columns = ["", *(f"{quantity}, {test}" for test in data.tests for quantity in ("energy, meV", "forces, meV/A"))]
    rows: list[list[Any]] = [
        [k, *(x for test in data.tests for x in found[test])] for k, found in published.models.items()
    ]
    keys = [f"energy_{data.measure}_meV", f"forces_{data.measure}_meV_A"]
    ours = [results[test][key] for test in data.tests for key in keys]
    rows.append([f"fusionmd ({n_parameters / 1e6:.2g}M parameters)", *ours])
    return {
        "title": f"{published.title}: {data.measure.upper()} on the test sets",
        "columns": columns,
        "rows": rows,
        "note": f"Total energies over frames, all force components. {published.source}.",
        "in_readme": True,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("potential", help="file, or name of a shipped one")
    parser.add_argument("--set", choices=sorted(PUBLISHED), default="acac")
    parser.add_argument("--data", type=Path, help="folder of the data sets; default FUSIONMD_DATA")
    parser.add_argument("--compiled", default="auto", choices=["auto", "yes", "no"])
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    return parser.parse_args()


if __name__ == "__main__":
    main()
