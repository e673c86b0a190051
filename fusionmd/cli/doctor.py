"""`fusionmd doctor`: what is installed, what works, and what to do about the rest."""

from dataclasses import asdict

import typer

from fusionmd import __version__
from fusionmd.cli.options import Json
from fusionmd.cli.output import progress, show_table, write_json


def command(json: Json = None) -> None:
    """Try everything that fusionmd needs or can use; exit code 1 if something it cannot do without does not work.

    Example: fusionmd doctor --json doctor.json
    """
    from fusionmd.workflows.installation import PROBES, is_usable

    found = []
    with progress("trying", len(PROBES)) as advance:
        for probe in PROBES:
            found.append(probe.run())
            advance(len(found), probe.name)
    rows = [(f.name, f"{f.status} (optional)" if f.advice and f.is_optional else f.status, f.detail) for f in found]
    show_table(["what", "status", "seen"], rows, title=f"fusionmd {__version__}")
    for finding in found:
        if finding.advice:
            print(f"{finding.name}: {finding.advice}")
    usable = is_usable(found)
    write_json(json, {"version": __version__, "usable": usable, "findings": [asdict(finding) for finding in found]})
    print("ready" if usable else "not ready: something required does not work")
    raise typer.Exit(0 if usable else 1)
