"""Which architectures exist, and how a configuration becomes a module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from torch import nn

from fusionmd.errors import ConfigError
from fusionmd.models.allegro import AllegroConfig, allegro
from fusionmd.models.cormorant import CormorantConfig, CormorantFusionConfig, cormorant
from fusionmd.models.eninet import EninetConfig, eninet
from fusionmd.models.fusion_net import fusion_net
from fusionmd.models.fusion_net_config import FusionNetConfig
from fusionmd.models.ictp import IctpConfig, ictp
from fusionmd.models.mace import MaceConfig, mace
from fusionmd.models.mace_fusion import MaceFusionConfig, mace_fusion
from fusionmd.models.nequip import NequipConfig, nequip
from fusionmd.models.tensor_frames import TensorFramesConfig, tensor_frames

Builder = Callable[..., nn.Module]

_ARCHITECTURES: dict[str, tuple[type[Any], Builder]] = {
    "allegro": (AllegroConfig, allegro),
    "cormorant": (CormorantConfig, cormorant),
    "cormorant_fusion": (CormorantFusionConfig, cormorant),
    "eninet": (EninetConfig, eninet),
    "fusion_net": (FusionNetConfig, fusion_net),
    "ictp": (IctpConfig, ictp),
    "mace": (MaceConfig, mace),
    "mace_fusion": (MaceFusionConfig, mace_fusion),
    "nequip": (NequipConfig, nequip),
    "tensor_frames": (TensorFramesConfig, tensor_frames),
}


def architectures() -> dict[str, type[Any]]:
    """Name -> class of its configuration (pydantic; its docstring and fields describe the architecture)."""
    return {name: config for name, (config, _) in _ARCHITECTURES.items()}


def build_model(
    config: Mapping[str, Any], *, elements: Sequence[int], statistics: Mapping[str, Any] | None = None
) -> nn.Module:
    """The module that the section `model` of a configuration describes, with random weights.

    elements: Atomic numbers, any order.
    statistics: `mean_degree` (neighbours per atom), `rms_force` (eV/angstrom), `shift` (eV an element); else 1, 1, 0.
    Raises ConfigError for an unknown name, unknown keys or bad values.
    """
    settings = dict(config)
    name = settings.pop("name", None)
    if name not in _ARCHITECTURES:
        raise ConfigError(f"model name {name!r} is not known; choose one of {sorted(_ARCHITECTURES)}")
    config_type, builder = _ARCHITECTURES[name]
    try:
        validated = config_type(**settings)
    except ValidationError as error:
        raise ConfigError(_explain(error, config_type)) from None
    return builder(validated, elements=sorted(elements), statistics=dict(statistics or {}))


def _explain(error: ValidationError, config_type: type[Any]) -> str:
    lines = [f"model.{'.'.join(map(str, e['loc']))}: {e['msg']} (got {e['input']!r})" for e in error.errors()]
    return "; ".join(lines) + f"; known keys: {', '.join(config_type.model_fields)}"
