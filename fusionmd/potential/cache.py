"""Where compiled forms of potentials live: the user's cache, under a hash of all they depend on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from fusionmd.files import user_cache
from fusionmd.native.compiler import cpu_features
from fusionmd.potential.inductor import INDUCTOR_SETTINGS
from fusionmd.potential.potential import Potential

# Raise when what is compiled changes, so that old files are not found any more.
FORM = 1


def compiled_files(potential: Potential) -> list[Path]:
    """Where the compiled form is, or would be: one file a member."""
    folder = cache_folder() / cache_key(potential)
    return [folder / f"member_{member}.pt2" for member in range(potential.metadata.n_members)]


def cache_folder() -> Path:
    """Where compiled forms live in the user's cache."""
    return user_cache("compiled")


def cache_key(potential: Potential) -> str:
    """Hash of everything the compiled form depends on: file, torch and its settings, processor, dtype, device."""
    form = f"{FORM} {sorted(INDUCTOR_SETTINGS.items())}"
    parts = (form, potential.sha256, torch.__version__, _processor(potential.device), potential.dtype)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _processor(device: torch.device) -> str:
    """What native code depends on: the instruction sets of the CPU, or the GPU's architecture."""
    if device.type == "cuda":
        return f"cuda {torch.cuda.get_device_capability(device)} {torch.version.cuda}"
    return f"cpu {torch.backends.cpu.get_cpu_capability()} {cpu_features()}"
