"""Landmarks of the learned surfaces beside those of the reference level, as one result file.

    fusionmd namd minimum stilbene-am1ci s0.xyz --state 0 --fmax 0.02 -o s0       # cis, trans of the reference below
    fusionmd namd minimum stilbene-am1ci s1.xyz --state 1 --fmax 0.02 -o s1       # S1 twisted
    fusionmd namd crossing stilbene-am1ci ci.xyz --fmax 0.05 --gap 0.01 -o ci     # crossing 95+, crossing 95-
    fusionmd namd landmarks learned.xyz benchmarks/stilbene/reference/landmarks.xyz --json landmarks.json
    python -m benchmarks.stilbene.landmarks_table landmarks.json

learned.xyz: The three landmarks.xyz, one after the other. Writes benchmarks/results/stilbene_landmarks.json.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.results_file import write_results

LARGEST_EV = 0.05


def main() -> None:
    """One file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("compared", type=Path)
    found = json.loads(parser.parse_args().compared.read_text())["landmarks"]
    print(write_results("stilbene_landmarks", {"results": found, "table": table(found)}))


def table(found: list[dict[str, Any]]) -> dict[str, Any]:
    """A row a landmark; (!) beyond what was wanted."""
    rows = [
        [
            one["name"],
            f"{one['rmsd_angstrom']:.3f}",
            *map(_text, one["difference_eV"]),
            _text(one["gap_difference_eV"][0]),
        ]
        for one in found
    ]
    return {
        "title": "Stilbene: landmarks of the learned surfaces less those of the reference",
        "columns": ["landmark", "RMSD, A", "S0, eV", "S1, eV", "S2, eV", "gap S0-S1, eV"],
        "rows": rows,
        "note": f"Energies above S0 of cis, each at its own geometry; (!) beyond {LARGEST_EV} eV.",
        "in_readme": False,
    }


def _text(difference: float) -> str:
    return f"{difference:+.3f}" + (" (!)" if abs(difference) > LARGEST_EV else "")


if __name__ == "__main__":
    main()
