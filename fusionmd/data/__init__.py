"""Data: frames with labels, files they are read from, splits, statistics, audit.

Public names are resolved on first use, so that reading files does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fusionmd.data.dataset import Dataset as Dataset
    from fusionmd.data.dataset import graphs as graphs
    from fusionmd.data.extxyz import write_extxyz as write_extxyz
    from fusionmd.data.frame import Frame as Frame
    from fusionmd.data.read import read_frames as read_frames
    from fusionmd.data.units import Units as Units

_HOMES = {
    "Dataset": "dataset",
    "Frame": "frame",
    "Units": "units",
    "graphs": "dataset",
    "read_frames": "read",
    "write_extxyz": "extxyz",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Import the module that defines `name` and return the object."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
