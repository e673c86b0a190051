"""`fusionmd inspect`: what is inside a potential file, and whether it still answers as it did."""

from typing import TYPE_CHECKING

import typer

from fusionmd.cli.options import Json, PotentialName, Threads, use_threads
from fusionmd.cli.output import show_table, waiting, write_json
from fusionmd.elements import symbols

if TYPE_CHECKING:
    from fusionmd.potential import Metadata
    from fusionmd.potential.inspect import Inspection


def command(potential: PotentialName, json: Json = None, threads: Threads = None) -> None:
    """Show metadata, provenance, errors and licence, and run the self-test; exit code 1 if it fails.

    Example: fusionmd inspect acac-300K
    """
    from fusionmd.potential.inspect import inspect_potential

    use_threads(threads)
    with waiting("running the self-test"):
        found = inspect_potential(potential)
    show_table(["what", "value"], _rows(found), title=found.metadata.name)
    checks = found.metadata.report.get("checks", [])
    rows = [(c["name"], f"{c['error']:.0g}", f"{c['tolerance']:.0g}", "yes" if c["passed"] else "NO") for c in checks]
    show_table(["checked at export", "error below", "allowed", "passed"], rows)
    print(
        f"self-test, {found.n_frames} frames: "
        f"energies {found.energy_error:.1e} eV/atom (allowed {found.energy_tolerance:.0e}), "
        f"forces {found.force_error:.1e} eV/angstrom (allowed {found.force_tolerance:.0e}): "
        f"{'passed' if found.passed else 'FAILED; export it again, or use the torch version it names'}"
    )
    write_json(json, found.to_dict())
    raise typer.Exit(0 if found.passed else 1)


def _rows(found: "Inspection") -> list[tuple[str, str]]:
    data = found.metadata
    rows = [
        ("elements", symbols(data.elements)),
        ("cutoff", f"{data.cutoff:g} angstrom, {data.n_hops} hop(s): range {data.interaction_range:g} angstrom"),
        ("states", f"{data.n_states} ({data.head})"),
        ("members", str(data.n_members)),
        ("precision", data.dtype),
        ("working memory", f"{data.bytes_per_edge} bytes per edge"),
        ("exchange entry", "yes" if data.supports_exchange else "no"),
        ("descriptors", "yes" if data.has_descriptors else "no"),
        ("uncertainties", _uncertainties(data)),
        ("compiled here", "yes" if found.is_compiled else "no (fusionmd compile)"),
        ("licence", f"code {data.licence_code}, weights {data.licence_weights or 'not stated'}"),
        (
            "made with",
            f"fusionmd {data.fusionmd_version}, torch {data.torch_version}, commit {data.commit or 'unknown'}",
        ),
        ("data sha256", data.data_sha256 or "unknown"),
        ("file", f"{found.n_bytes} bytes, sha256 {found.sha256}"),
    ]
    rows += [row for key, value in data.metrics.items() for row in _metrics_rows(f"metrics, {key}", value)]
    return rows + [("citation", citation) for citation in data.citations]


def _metrics_rows(name: str, value: object) -> list[tuple[str, str]]:
    """A group of metrics, and one row a state if it holds several."""
    if not isinstance(value, dict):
        return [(name, _shown(value))]
    states = value.get("states", [])
    whole = {key: item for key, item in value.items() if key != "states"}
    return [(name, _shown(whole)), *((f"{name}, state {k}", _shown(one)) for k, one in enumerate(states))]


def _uncertainties(data: "Metadata") -> str:
    if data.n_members > 1:
        return "spread of the committee"
    if not data.calibration:
        return "no (fusionmd calibrate)"
    return f"calibrated on {data.calibration.get('n_held_out', 'unknown')} frames"


def _shown(value: object) -> str:
    """A metric, or a group of them, with four digits."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(item)}" for key, item in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)
