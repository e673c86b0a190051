"""From training runs, checkpoints or potential files to one potential file: a single model or a committee."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_safetensors
from torch import nn

from fusionmd.errors import ConfigError, PotentialFormatError
from fusionmd.potential import Metadata, export_potential
from fusionmd.potential.archive import METADATA, SELF_TEST, WEIGHTS, unpack
from fusionmd.potential.heads import AdiabaticHead
from fusionmd.potential.metadata import check_convention
from fusionmd.potential.rigidity import Rigidity
from fusionmd.potential.selftest import SelfTest
from fusionmd.structure import Structure
from fusionmd.training.checkpoint import FILE_NAME
from fusionmd.training.trained import load_trained, rebuilt

N_FRAMES = 3


@dataclass(frozen=True)
class Ingredients:
    """What one file or run contributes.

    models, config: Of each member.  atomic_energies: E0 by atomic number, eV.  head: How outputs become energies.
    frames: For the self-test.  rigidity: Of one model, its calibrated uncertainties.
    """

    models: tuple[nn.Module, ...]
    config: tuple[Mapping[str, Any], ...]
    atomic_energies: Mapping[int, Any]
    head: str
    frames: tuple[Structure, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    rigidity: Rigidity | None = None


def export(
    sources: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    is_committee: bool = False,
    name: str = "",
    licence_weights: str = "",
    citations: Sequence[str] = (),
) -> Metadata:
    """Write `output` from run folders, checkpoints or potential files; more than one need `is_committee`."""
    if len(sources) > 1 and not is_committee:
        raise ConfigError(f"{len(sources)} models were given; give one, or make a committee of them with --committee")
    parts = [ingredients(source) for source in sources]
    _check_same_references(sources, parts)
    provenance = dict(parts[0].provenance) if len(parts) == 1 else {}
    stated = {"licence_weights": licence_weights, "citations": list(citations)}
    return export_potential(
        [model for part in parts for model in part.models],
        output,
        name=name,
        atomic_energies=parts[0].atomic_energies,
        head=parts[0].head,
        config=[config for part in parts for config in part.config],
        frames=[frame for part in parts for frame in part.frames][:N_FRAMES],
        rigidity=parts[0].rigidity if len(parts) == 1 else None,
        **(provenance | {key: value for key, value in stated.items() if value}),
    )


def ingredients(source: str | os.PathLike[str]) -> Ingredients:
    """Models of a run folder, a checkpoint or a potential file."""
    path = Path(source)
    is_run = path.is_dir() or path.name == FILE_NAME or not path.exists()
    return _of_run(path) if is_run or not _is_potential(path) else _of_potential(path)


def _is_potential(path: Path) -> bool:
    try:
        unpack(path.read_bytes())
    except PotentialFormatError:
        return False
    return True


def _of_run(path: Path) -> Ingredients:
    """The best model of a run; with its provenance, if that is what the run wrote itself at its end."""
    trained = load_trained(path)
    beside = (path if path.is_dir() else path.parent) / "potential.pt"
    if beside.is_file() and _is_potential(beside):
        written = _of_potential(beside)
        if _are_equal(written.models[0], trained.model):
            return written
        frames = written.frames
    else:
        frames = ()
    config = {**trained.description, "training": trained.config}
    head = trained.description.get("head", AdiabaticHead.kind)
    return Ingredients((trained.model,), (config,), trained.e0, head, frames)


def _are_equal(one: nn.Module, other: nn.Module) -> bool:
    theirs = other.state_dict()
    return all(name in theirs and torch.equal(tensor, theirs[name]) for name, tensor in one.state_dict().items())


def _of_potential(path: Path) -> Ingredients:
    extra_files = unpack(path.read_bytes(), source=str(path))
    metadata = Metadata.from_json(extra_files[METADATA], source=str(path))
    check_convention(metadata, source=str(path))
    if len(metadata.config) != metadata.n_members:
        raise PotentialFormatError(
            f"{path} does not say how its models are built; export from the training run instead"
        )
    weights = load_safetensors(extra_files[WEIGHTS])
    dtype = getattr(torch, metadata.dtype)
    models = [_filled(config, weights, f"members.{k}.", dtype) for k, config in enumerate(metadata.config)]
    references = dict(zip(metadata.elements, metadata.atomic_energies, strict=True))
    frames = SelfTest.from_npz(extra_files[SELF_TEST], source=str(path)).frames[:N_FRAMES]
    kept = ("data_sha256", "commit", "metrics", "calibration", "licence_code", "licence_weights", "citations")
    provenance = {key: getattr(metadata, key) for key in kept}
    rigidity = _rigidity_of(weights) if metadata.calibration else None
    return Ingredients(tuple(models), metadata.config, references, metadata.head, frames, provenance, rigidity)


def _rigidity_of(weights: Mapping[str, torch.Tensor]) -> Rigidity:
    return Rigidity(weights["rigidity_root"].double().numpy(), weights["rigidity_scales"].double().numpy())


def _filled(
    config: Mapping[str, Any], weights: Mapping[str, torch.Tensor], prefix: str, dtype: torch.dtype
) -> nn.Module:
    own = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
    model = rebuilt(config).to(dtype)
    model.load_state_dict(own)
    return model


def _check_same_references(sources: Sequence[str | os.PathLike[str]], parts: Sequence[Ingredients]) -> None:
    first = {z: torch.as_tensor(e, dtype=torch.float64) for z, e in parts[0].atomic_energies.items()}
    for source, part in zip(sources, parts, strict=True):
        if part.head != parts[0].head:
            raise ConfigError(f"{source} has a {part.head} head, {sources[0]} a {parts[0].head} one; give equal ones")
        same = part.atomic_energies.keys() == first.keys() and all(
            bool((torch.as_tensor(e, dtype=torch.float64) - first[z]).abs().max() < 1e-6)
            for z, e in part.atomic_energies.items()
        )
        if not same:
            raise ConfigError(
                f"{source} has other elements or reference energies than {sources[0]}; train the members on the "
                f"same data with given E0"
            )
