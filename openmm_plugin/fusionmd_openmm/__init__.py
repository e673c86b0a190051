"""Potentials of fusionmd in OpenMM: forces on a System, whole Systems, and a module for openmm-torch.

>>> system = fusionmd_openmm.create_system(topology, "acac-300K")  # doctest: +SKIP

The public names below are resolved on first use (PEP 562): openmm and torch are imported when they are needed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fusionmd.errors import ConfigError

if TYPE_CHECKING:
    from fusionmd_openmm.dynamics import Dynamics as Dynamics
    from fusionmd_openmm.evaluator import Evaluator as Evaluator
    from fusionmd_openmm.force import add_potential as add_potential
    from fusionmd_openmm.integrators import langevin as langevin
    from fusionmd_openmm.integrators import velocity_verlet as velocity_verlet
    from fusionmd_openmm.minimization import minimize as minimize
    from fusionmd_openmm.system import create_system as create_system
    from fusionmd_openmm.torch_script import torch_module as torch_module
    from fusionmd_openmm.torch_script import write_torch_module as write_torch_module

_HOMES = {
    "Dynamics": "fusionmd_openmm.dynamics",
    "Evaluator": "fusionmd_openmm.evaluator",
    "add_potential": "fusionmd_openmm.force",
    "create_system": "fusionmd_openmm.system",
    "langevin": "fusionmd_openmm.integrators",
    "minimize": "fusionmd_openmm.minimization",
    "torch_module": "fusionmd_openmm.torch_script",
    "velocity_verlet": "fusionmd_openmm.integrators",
    "write_torch_module": "fusionmd_openmm.torch_script",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Import the module that defines the public name `name` and return the object."""
    if name not in _HOMES:
        raise AttributeError(f"module 'fusionmd_openmm' has no attribute {name!r}")
    try:
        value = getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("openmm", "openmmml"):
            raise
        raise ConfigError(f"{error.name} is not installed; pip install 'fusionmd[openmm]'") from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
