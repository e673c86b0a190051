"""`fusionmd models`: the architectures, their diagrams, how far they see, and an example configuration."""

from typing import Annotated, Any

import typer

from fusionmd.cli.options import Json
from fusionmd.cli.output import show_table, write_json

Example = Annotated[str | None, typer.Option("--example", metavar="NAME", help="Print a commented YAML file for NAME.")]


def command(example: Example = None, json: Json = None) -> None:
    """Show the architectures and the shipped potentials, or print a commented configuration to train with.

    Example: fusionmd models --example fusion_net > train.yaml
    """
    from fusionmd.models import architectures
    from fusionmd.potential.shipped import shipped_folders
    from fusionmd.workflows.example_config import example_yaml

    if example is not None:
        text = example_yaml(example)
        print(text)
        write_json(json, {"name": example, "yaml": text})
        return
    found = [describe(name, kind) for name, kind in architectures().items()]
    for architecture in found:
        print(f"{architecture['name']}: {architecture['summary']}")
        show_table(["setting", "default"], list(architecture["settings"].items()))
        print(f"interaction range with these: {architecture['interaction_range_A']:g} angstrom\n")
    shipped = list(shipped_folders())
    print(f"shipped potentials: {', '.join(shipped) or 'none'}")
    print("an example configuration: fusionmd models --example NAME")
    write_json(json, {"architectures": found, "shipped": shipped})


def describe(name: str, kind: Any) -> dict[str, Any]:
    """Name, first sentence, default settings and interaction range (angstrom) of an architecture."""
    from fusionmd.models import build_model

    settings = kind().model_dump(mode="json")
    model = build_model({"name": name}, elements=[1])
    summary = " ".join((kind.__doc__ or "").strip().split("\n\n")[0].split())
    shown = {key: ", ".join(map(str, value)) if isinstance(value, list) else value for key, value in settings.items()}
    reach = float(model.n_hops * model.cutoff)  # type: ignore[operator]
    return {"name": name, "summary": summary, "settings": shown, "interaction_range_A": reach}
