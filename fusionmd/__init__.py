"""fusionmd: interatomic potentials made of fusion diagrams, from data to molecular dynamics.

The public names below are resolved on first use (PEP 562), so that `import fusionmd` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fusionmd.fusion.diagram import Diagram as Diagram
    from fusionmd.models import build_model as build_model
    from fusionmd.o3 import Irreps as Irreps
    from fusionmd.potential import export_potential as export_potential
    from fusionmd.potential import load_potential as load_potential
    from fusionmd.structure import Structure as Structure
    from fusionmd.training import train as train

_HOMES = {
    "Diagram": "fusionmd.fusion.diagram",
    "Irreps": "fusionmd.o3",
    "Structure": "fusionmd.structure",
    "build_model": "fusionmd.models",
    "export_potential": "fusionmd.potential",
    "load_potential": "fusionmd.potential",
    "train": "fusionmd.training",
}

__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    """Import the module that defines the public name `name` and return the object."""
    if name not in _HOMES:
        raise AttributeError(f"module 'fusionmd' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
