"""Sphinx configuration; warnings are errors (`make docs`)."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from docutils.nodes import SkipNode, math_block
from docutils.utils.math.latex2mathml import tex2mathml

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from fusionmd import __version__  # noqa: E402
from fusionmd.cli.main import VERBS, load_verb  # noqa: E402

project = "fusionmd"
copyright = "2026, the fusionmd developers"
version = release = __version__
extensions = ["myst_parser"]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "_generated"]
html_theme = "furo"
html_math_renderer = "mathml"
html_title = f"fusionmd {__version__}"


def _write_command_reference() -> None:
    """Write what `--help` says of every verb to `_generated/verbs.md`: the reference cannot grow old."""
    parts = []
    for verb in VERBS:
        texts = {f"fusionmd {verb}": _help(verb)}
        texts |= {f"fusionmd {verb} {name}": _help(verb, name) for name in _subverbs(verb)}
        parts += [f"## {title}\n\n```text\n{text}\n```\n" for title, text in texts.items()]
    path = HERE / "_generated" / "verbs.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(parts))


def _subverbs(verb: str) -> list[str]:
    """`list`, `fetch`, `audit` of `data`; nothing for most."""
    return list(getattr(load_verb(verb), "commands", {}))


def _help(*verb: str) -> str:
    environment = os.environ | {"TYPER_USE_RICH": "0", "COLUMNS": "100", "PYTHONPATH": str(HERE.parent)}
    command = [sys.executable, "-m", "fusionmd.cli", *verb, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"fusionmd {' '.join(verb)} --help failed: {done.stderr}")
    return done.stdout.strip()


def _write_example_configuration() -> None:
    """Write the commented example of `fusionmd models --example` to `_generated/fusion_net.yaml`."""
    from fusionmd.workflows.example_config import example_yaml

    (HERE / "_generated" / "fusion_net.yaml").write_text(example_yaml("fusion_net"))


FORMULA_STYLE = "overflow-x: auto; overflow-y: hidden; padding: 0.4em 0"


def _formula(translator: Any, node: Any) -> None:
    """MathML, which browsers show by themselves: the pages need no script from elsewhere."""
    is_block = isinstance(node, math_block)
    markup = tex2mathml(node.astext().strip(), as_block=is_block)
    translator.body.append(f'<div style="{FORMULA_STYLE}">{markup}</div>' if is_block else markup)
    raise SkipNode


def setup(app: Any) -> None:
    """Sphinx's hook: runs before anything is read."""
    app.add_html_math_renderer("mathml", inline_renderers=(_formula, None), block_renderers=(_formula, None))
    _write_command_reference()
    _write_example_configuration()
