"""The entry point of openmm-ml: `MLPotential('fusionmd', modelPath='potential.pt')`.

openmm-ml imports every entry point when it is imported itself, so torch must not be imported here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from openmmml.mlpotential import MLPotentialImpl, MLPotentialImplFactory

import fusionmd_openmm
from fusionmd.errors import ConfigError

# Arguments of createMixedSystem that are meant for the embedding and reach every potential.
OF_EMBEDDINGS = {"linkAtomDistances", "mlLongRange"}
DTYPE_OF_PRECISION = {"single": "float32", "double": "float64", None: None}


class FusionMDPotentialImplFactory(MLPotentialImplFactory):
    """Makes `FusionMDPotentialImpl`s."""

    def createImpl(self, name: str, modelPath: str | os.PathLike[str] | None = None, **args: Any) -> MLPotentialImpl:
        """modelPath: Of a potential file, or the name of a shipped one; args are defaults for `addForces`."""
        if modelPath is None:
            raise ConfigError(
                f"MLPotential({name!r}) needs modelPath: a potential file, or a shipped one like 'acac-300K'"
            )
        return FusionMDPotentialImpl(modelPath, args)


class FusionMDPotentialImpl(MLPotentialImpl):
    """A potential file as openmm-ml wants it."""

    def __init__(self, model_path: str | os.PathLike[str], defaults: dict[str, Any]) -> None:
        self.model_path = model_path
        self.defaults = defaults

    def addForces(self, topology: Any, system: Any, atoms: Iterable[int] | None, forceGroup: int, **args: Any) -> None:
        """Add the potential to a System; args: the options of `fusionmd_openmm.add_potential`, `precision`."""
        options = {**self.defaults, **{name: value for name, value in args.items() if name not in OF_EMBEDDINGS}}
        if "precision" in options:
            options["dtype"] = _dtype_of(options.pop("precision"))
        fusionmd_openmm.add_potential(system, self.model_path, topology, atoms=atoms, force_group=forceGroup, **options)

    def getMLLongRange(self) -> bool:
        """Whether the energy has a part beyond every cutoff: never."""
        return False


def _dtype_of(precision: str | None) -> str | None:
    if precision not in DTYPE_OF_PRECISION:
        raise ConfigError(f"unknown precision {precision!r}; give 'single', 'double' or None for that of the file")
    return DTYPE_OF_PRECISION[precision]
