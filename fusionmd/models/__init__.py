"""Architectures: one file each, composed of the blocks of `fusionmd.nn`."""

from fusionmd.models.registry import architectures, build_model

__all__ = ["architectures", "build_model"]
