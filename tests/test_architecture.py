"""The floors, walls and sizes of the project hold; and the scanner that says so can see them broken."""

from pathlib import Path

import pytest

from tests import architecture
from tests.architecture import source_of

ROOT = Path(__file__).resolve().parent.parent
RULES = [
    architecture.broken_floors,
    architecture.torch_where_it_may_not_be,
    architecture.lazy_imports,
    architecture.too_long,
    architecture.forbidden_calls,
    architecture.pickles,
    architecture.bare_conversions,
]


@pytest.fixture(scope="module")
def package():
    found = architecture.sources(ROOT)
    assert len(found) > 5
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_package_keeps(rule, package):
    broken = [message for source in package for message in rule(source)]
    assert not broken, "\n" + "\n".join(broken)


def test_every_module_stands_on_a_floor(package):
    homes = {source.home for source in package} - {""}
    assert homes <= set(architecture.FLOORS), f"no floor for {homes - set(architecture.FLOORS)}"


def test_verbs_are_short():
    long = {path.name: n for path in (ROOT / "fusionmd/cli").glob("*.py") if (n := path.read_text().count("\n")) > 160}
    assert not long, f"a verb parses, calls and reports: {long}"


LONG_FUNCTION = "def f():\n" + "    x = 1\n" * 61
BROKEN = {
    "upwards": ("fusionmd/o3/a.py", "from fusionmd.nn import x", "broken_floors"),
    "upwards inside a function": ("fusionmd/nn/a.py", "def f():\n    import fusionmd.models", "broken_floors"),
    "package root": ("fusionmd/o3/a.py", "from fusionmd import models", "broken_floors"),
    "relative": ("fusionmd/o3/a.py", "from ..nn import x", "broken_floors"),
    "relative in a package": ("fusionmd/o3/__init__.py", "from ..nn import x", "broken_floors"),
    "by name": ("fusionmd/o3/a.py", "import_module('fusionmd.nn')", "broken_floors"),
    "sibling": ("fusionmd/training/a.py", "from fusionmd.engines.ase import x", "broken_floors"),
    "sibling on floor 1": ("fusionmd/o3/a.py", "from fusionmd.structure import x", "broken_floors"),
    "wall": ("fusionmd/engines/a.py", "from fusionmd.data import x", "broken_floors"),
    "wall of a plugin": ("openmm_plugin/fusionmd_openmm/a.py", "from fusionmd.nn import x", "broken_floors"),
    "plugin from below": ("fusionmd/potential/a.py", "import fusionmd_lammps.build", "broken_floors"),
    "sibling plugin": ("openmm_plugin/fusionmd_openmm/a.py", "from fusionmd_lammps import x", "broken_floors"),
    "cli": ("fusionmd/workflows/a.py", "import fusionmd.cli.main", "broken_floors"),
    "torch in a table": ("fusionmd/o3/irreps.py", "import torch", "torch_where_it_may_not_be"),
    "torch in a plan": ("fusionmd/fusion/plan.py", "from torch import nn", "torch_where_it_may_not_be"),
    "lazy": ("fusionmd/nn/a.py", "def f():\n    import torch", "lazy_imports"),
    "long file": ("fusionmd/nn/a.py", "x = 1\n" * 321, "too_long"),
    "long function": ("fusionmd/nn/a.py", LONG_FUNCTION, "too_long"),
    "print": ("fusionmd/nn/a.py", "print(1)", "forbidden_calls"),
    "torch.load": ("fusionmd/nn/a.py", "torch.load(p)", "forbidden_calls"),
    "torch.load false": ("fusionmd/nn/a.py", "torch.load(p, weights_only=False)", "forbidden_calls"),
    "shell": ("fusionmd/nn/a.py", "subprocess.run(c, shell=True)", "forbidden_calls"),
    "default dtype": ("fusionmd/nn/a.py", "torch.set_default_dtype(d)", "forbidden_calls"),
    "pickle": ("fusionmd/nn/a.py", "import pickle", "pickles"),
    "conversion": ("fusionmd/data/a.py", "x = 27.211386", "bare_conversions"),
}


@pytest.mark.parametrize("path, text, rule", BROKEN.values(), ids=BROKEN)
def test_scanner_sees(path, text, rule):
    assert list(getattr(architecture, rule)(source_of(path, text + "\n")))


FINE = {
    "downwards": ("fusionmd/models/a.py", "from fusionmd.nn import x\nfrom fusionmd.errors import FusionMDError"),
    "own package": ("fusionmd/o3/a.py", "from fusionmd.o3.irreps import Irrep\nfrom . import wigner"),
    "same family": ("fusionmd/graph.py", "from fusionmd.neighbors import Edges\nimport fusionmd.structure"),
    "types only": ("fusionmd/o3/a.py", "if TYPE_CHECKING:\n    import torch"),
    "loading": ("fusionmd/nn/a.py", "torch.load(p, weights_only=True)"),
    "optional package": ("fusionmd/data/a.py", "def f():\n    import ase"),
    "plain numbers": ("fusionmd/nn/a.py", "x = [0.5, 27.0, 1e-3, 5.0]"),
}


@pytest.mark.parametrize("path, text", FINE.values(), ids=FINE)
def test_scanner_lets_pass(path, text):
    assert not [message for rule in RULES for message in rule(source_of(path, text + "\n"))]
