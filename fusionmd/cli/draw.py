"""`fusionmd draw`: a diagram as a picture, its labellings counted, its plan and cost."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fusionmd.cli.options import Json
from fusionmd.cli.output import show_table, write_json

if TYPE_CHECKING:
    from fusionmd.fusion.diagram import Diagram
    from fusionmd.o3.irreps import Irrep

Text = Annotated[str, typer.Argument(metavar="DIAGRAM", help="Text form, such as '((A, A)@3, A)@1'.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Picture to write: .svg, .png or .pdf.")]
ShowPlan = Annotated[bool, typer.Option("--plan", help="Show the plan and its cost at 64 channels.")]
Leaves = Annotated[list[str], typer.Option("--leaf", metavar="NAME=IRREPS", help="Irreps of a leaf, such as A=0e+1o.")]
Target = Annotated[str | None, typer.Option("--target", metavar="IRREPS", help="Irreps wanted on the outgoing line.")]
Label = Annotated[str | None, typer.Option("--labelling", help="Show these irreps, such as '((1o, 1o)2e, 1o)1o'.")]
Matrices = Annotated[Literal["none", "inner", "all"], typer.Option("--matrices", help="Lines with a channel matrix.")]


def command(
    diagram: Text,
    output: Output = None,
    plan: ShowPlan = False,
    leaf: Leaves = [],  # noqa: B006  Typer wants a list
    target: Target = None,
    labelling: Label = None,
    matrices: Matrices = "none",
    json: Json = None,
) -> None:
    """Draw a fusion diagram, count its labellings, and show how it will be contracted.

    A leaf without --leaf carries natural parity up to its truncation, or up to l = 3.

    Example: fusionmd draw "((A, A)@3, A)@1" -o diagram.svg --plan
    """
    from fusionmd.fusion.diagram import Diagram
    from fusionmd.fusion.draw import draw
    from fusionmd.fusion.enumerate import Labelling, by_output, enumerate_labellings
    from fusionmd.fusion.plan import plan_of

    tree = Diagram.parse(diagram)
    leaves = {**_default_leaves(tree), **dict(_read_leaf(text, tree) for text in leaf)}
    wanted = None if target is None else _irreps(target)
    groups = by_output(enumerate_labellings(tree, leaves, wanted))
    counts = {str(irrep): len(group) for irrep, group in groups.items()}
    offered = {name: "+".join(map(str, irreps)) for name, irreps in leaves.items()}
    table = str(plan_of(tree, leaves, wanted)) if plan else None

    print(f"{tree}: {', '.join(f'{name} = {irreps}' for name, irreps in offered.items())}")
    show_table(["outgoing irrep", "labellings"], list(counts.items()))
    if table is not None:
        print(f"\n{table}")
    if output is not None:
        lines = {"none": (), "inner": tree.inner_lines, "all": tuple(path for path, _ in tree.lines())}[matrices]
        draw(tree, None if labelling is None else Labelling.parse(labelling), matrices=lines).write(output)
        print(f"written: {output}")
    write_json(
        json, {"diagram": str(tree), "leaves": offered, "n_labellings": counts, "plan": table, "picture": output}
    )


def _default_leaves(tree: "Diagram") -> "dict[str, list[Irrep]]":
    """Natural parity up to the largest truncation of each leaf name, or up to l = 3 where one is untruncated."""
    from fusionmd.o3.irreps import Irrep

    l_max: dict[str, int] = {}
    for leaf in tree.leaves:
        reach = 3 if leaf.truncation.l_max is None else leaf.truncation.l_max
        l_max[leaf.name] = max(reach, l_max.get(leaf.name, 0))
    return {name: [Irrep(l, (-1) ** l) for l in range(reach + 1)] for name, reach in l_max.items()}


def _read_leaf(text: str, tree: "Diagram") -> "tuple[str, list[Irrep]]":
    """`A=0e+1o` as a name and its irreps."""
    from fusionmd.errors import ConfigError

    name, equals, irreps = text.partition("=")
    if not equals or name.strip() not in tree.leaf_names:
        raise ConfigError(f"--leaf {text}: wanted NAME=IRREPS with a name among {', '.join(tree.leaf_names)}")
    return name.strip(), _irreps(irreps)


def _irreps(text: str) -> "list[Irrep]":
    from fusionmd.o3.irreps import Irreps

    return [irrep for _, irrep in Irreps(text)]
