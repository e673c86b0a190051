"""Where a run starts: from nothing, from a checkpoint, or from the weights of a potential."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load as tensors_of_safetensors
from torch import Tensor

from fusionmd.errors import ConfigError, PotentialFormatError
from fusionmd.potential.archive import METADATA, WEIGHTS, unpack
from fusionmd.potential.file import read_bytes
from fusionmd.potential.metadata import Metadata, check_convention

MEMBER = "members.0."
MAY_GROW = "readout_width"
NOT_SET = "not set"


@dataclass(frozen=True)
class Start:
    """What is fixed before the data are looked at; None or empty: decided by configuration and data.

    elements: Atomic numbers.  e0: eV by atomic number.  statistics: As `build_model` takes them.
    model: The section `model` of the configuration.
    head: How its outputs become energies.  weights: By name, for exactly these elements (fine-tuning).
    """

    elements: tuple[int, ...] | None = None
    e0: Mapping[int, float] | None = None
    statistics: Mapping[str, Any] | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    head: str | None = None
    weights: Mapping[str, Tensor] | None = None

    @property
    def is_fine_tuning(self) -> bool:
        return self.weights is not None

    def model_section(self, configured: Mapping[str, Any]) -> Mapping[str, Any]:
        """The model to build: that of the start if there is one; `configured` may be empty or must agree.

        Its readout may be wider than that of the start.
        """
        if not self.model:
            return configured
        grown = {MAY_GROW: configured[MAY_GROW]} if self.is_fine_tuning and MAY_GROW in configured else {}
        differing = [key for key in configured if configured[key] != {**self.model, **grown}.get(key, NOT_SET)]
        if differing:
            raise ConfigError(
                f"the potential was trained with other values of model.{', model.'.join(differing)} "
                f"({ {key: self.model.get(key, NOT_SET) for key in differing} }); leave the section `model` out"
            )
        return {**self.model, **grown}


def start_of_checkpoint(checkpoint: Mapping[str, Any]) -> Start:
    """Everything but the weights, which are part of the state of the run."""
    return Start(**_description(checkpoint))


def start_of_potential(source: str | Path) -> Start:
    """Weights and description out of a potential file (path, or name of a shipped one)."""
    content, name = read_bytes(source)
    files = unpack(content, source=name)
    metadata = Metadata.from_json(files[METADATA], source=name)
    check_convention(metadata, source=name)
    if metadata.n_members > 1:
        raise ConfigError(f"{name} is a committee of {metadata.n_members}; fine-tune its members one by one")
    if not metadata.config or "statistics" not in metadata.config[0] or WEIGHTS not in files:
        raise PotentialFormatError(f"{name} does not say how it was built, so it cannot be trained further; retrain it")
    tensors = tensors_of_safetensors(files[WEIGHTS])
    weights = {key.removeprefix(MEMBER): tensor for key, tensor in tensors.items() if key.startswith(MEMBER)}
    return Start(**_description(metadata.config[0]), weights=weights)


def _description(content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "elements": tuple(int(number) for number in content["elements"]),
        "e0": {int(number): float(energy) for number, energy in content["e0"].items()},
        "statistics": content["statistics"],
        "model": content["model"],
        "head": content.get("head"),
    }
