"""`fusionmd export`: one potential file out of training runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fusionmd.cli.options import Json, Threads, use_threads
from fusionmd.cli.output import show_table, waiting, write_json

if TYPE_CHECKING:
    from fusionmd.potential import Metadata

Sources = Annotated[
    list[Path], typer.Argument(metavar="RUN|CHECKPOINT...", help="Run folders, checkpoints or potential files.")
]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="The potential file to write.")]
Committee = Annotated[bool, typer.Option("--committee", help="Several models in one file: mean and spread.")]
Name = Annotated[str, typer.Option("--name", help="Name of the potential (default: that of the file).")]
Citation = Annotated[list[str], typer.Option("--citation", help="What to cite; may be repeated.")]
Licence = Annotated[str, typer.Option("--licence", help="Licence of the weights, like CC-BY-4.0.")]
OpenMMTorch = Annotated[
    Path | None, typer.Option("--openmm-torch", metavar="FILE", help="Also a module for openmm-torch; needs --atoms.")
]
Atoms = Annotated[
    Path | None,
    typer.Option("--atoms", metavar="FILE", help="Structure for --openmm-torch: elements, order, periodic or not."),
]
State = Annotated[int, typer.Option("--state", min=0, help="Electronic state of --openmm-torch, 0 = ground.")]


def command(
    sources: Sources,
    output: Output = None,
    committee: Committee = False,
    name: Name = "",
    licence: Licence = "",
    citation: Citation = [],  # noqa: B006  Typer wants a list
    openmm_torch: OpenMMTorch = None,
    atoms: Atoms = None,
    state: State = 0,
    json: Json = None,
    threads: Threads = None,
) -> None:
    """Check a trained model and write it as one potential file; if a check fails nothing is written.

    Example: fusionmd export runs/a runs/b runs/c --committee -o potential.pt
    """
    from fusionmd.errors import ConfigError
    from fusionmd.workflows.export import export

    use_threads(threads)
    if output is None and openmm_torch is None:
        raise ConfigError("nothing to write; give -o potential.pt, --openmm-torch module.pt, or both")
    result: dict[str, Any] = {}
    if output is not None:
        with waiting("checking and writing"):
            metadata = export(
                sources, output, is_committee=committee, name=name, licence_weights=licence, citations=citation
            )
        _report(metadata, output)
        result |= {"path": str(output), "metadata": metadata.to_dict()}
    if openmm_torch is not None:
        result |= {"openmm_torch": _write_module(sources if output is None else [output], openmm_torch, atoms, state)}
    write_json(json, result)


def _report(metadata: "Metadata", output: Path) -> None:
    checks = metadata.report["checks"]
    show_table(
        ["checked", "error below", "allowed"],
        [(c["name"], f"{c['error']:.0g}", f"{c['tolerance']:.0g}") for c in checks],
    )
    print(f"{metadata.n_members} model(s), {output.stat().st_size} bytes: {output}")


def _write_module(sources: list[Path], path: Path, structure: Path | None, state: int) -> dict[str, Any]:
    """Write the module for openmm-torch, and say for what it is."""
    import fusionmd_openmm
    from fusionmd.errors import ConfigError
    from fusionmd.potential import load_potential
    from fusionmd.structure import Structure
    from fusionmd.workflows.md import read_start

    if structure is None:
        raise ConfigError("--openmm-torch needs --atoms FILE: the elements and their order are part of the module")
    if len(sources) != 1 or sources[0].is_dir():
        raise ConfigError("--openmm-torch without -o takes one potential file or name; give -o for training runs")
    potential = load_potential(str(sources[0]))
    atoms = Structure.from_ase(read_start(structure))
    if any(atoms.pbc) != all(atoms.pbc):
        raise ConfigError(f"{structure} is periodic along {sum(atoms.pbc)} axes; OpenMM knows all three or none")
    module = fusionmd_openmm.torch_module(potential, atoms.numbers.tolist(), is_periodic=atoms.is_periodic, state=state)
    fusionmd_openmm.write_torch_module(path, module)
    kind = "periodic" if atoms.is_periodic else "not periodic"
    print(f"module for openmm-torch, {atoms.n_atoms} atoms, {kind}, state {state}: {path}")
    return {"path": str(path), "n_atoms": atoms.n_atoms, "is_periodic": atoms.is_periodic, "state": state}
