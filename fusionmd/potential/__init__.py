"""The hinge: a trained model becomes one Potential file, and everything that runs knows only that file."""

from fusionmd.potential.evaluation import Evaluation
from fusionmd.potential.export import export_potential
from fusionmd.potential.file import load_exchange_core, load_potential, read_metadata
from fusionmd.potential.metadata import Metadata
from fusionmd.potential.potential import Potential

__all__ = [
    "Evaluation",
    "Metadata",
    "Potential",
    "export_potential",
    "load_exchange_core",
    "load_potential",
    "read_metadata",
]
