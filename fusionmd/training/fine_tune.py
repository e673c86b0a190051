"""Fine-tuning: weights carried over to a model of more elements, and E0 fitted anew to what the weights leave over."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fusionmd.errors import ConfigError
from fusionmd.potential.heads import AdiabaticHead, Head
from fusionmd.training.batches import collate, shapes_of
from fusionmd.training.prediction import predicted_energies
from fusionmd.training.samples import Sample

Array = NDArray[np.float64]
Elements = Sequence[int]
READOUTS = "readouts."
ENOUGH = 500  # samples for the energy of an element


@torch.no_grad()
def carry_over_(model: nn.Module, weights: Mapping[str, Tensor], old: Elements, new: Elements) -> nn.Module:
    """Copy `weights` of a model of the elements `old` into `model` of the elements `new`, which contain them.

    Along an axis of one entry per element, or per pair of elements, entries go to their new places; those of new
    elements keep their initial values. A wider readout says at first what the old one said.
    """
    for name, tensor in model.state_dict(keep_vars=True).items():
        if name not in weights:
            raise ConfigError(
                f"the potential has no weights for {name}; it was trained with another version of the model"
            )
        places = [_places(name, n_old, n_new, old, new) for n_old, n_new in _sizes(name, weights[name], tensor)]
        if places:
            if _is_last(name):
                tensor.zero_()
            tensor[torch.meshgrid(*places, indexing="ij")] = weights[name].to(tensor)
        else:
            tensor.copy_(weights[name])
    return model


def frozen_names(model: nn.Module, patterns: Sequence[str]) -> frozenset[str]:
    """Names of the parameters that match any of the shell patterns; each pattern must match one."""
    names = [name for name, _ in model.named_parameters()]
    idle = [pattern for pattern in patterns if not fnmatch.filter(names, pattern)]
    if idle:
        raise ConfigError(f"fine_tune.freeze: {idle[0]!r} matches no parameter; they are {', '.join(names)}")
    return frozenset(name for pattern in patterns for name in fnmatch.filter(names, pattern))


def left_over_energies(model: nn.Module, head: Head, samples: Sequence[Sample], counts: Array) -> Array:
    """Energies per element [n_elements] that the predictions of `model` lack, by least squares (smallest solution), eV.

    counts: How many atoms of each element each sample has [n_samples, n_elements].
    Of many samples ENOUGH of each element are predicted, evenly spaced.
    """
    parameters = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    dtype = next(model.parameters()).dtype
    is_known = np.array([bool(np.isfinite(sample.energies[0])) for sample in samples])
    chosen = evenly_chosen(counts * is_known[:, None], ENOUGH)
    if not len(chosen):
        return np.zeros(counts.shape[1])
    left = np.array([_error(model, head, parameters, samples[row], dtype) for row in chosen])
    sizes = counts[chosen].sum(axis=1)
    mean = float((left / sizes).mean())
    return mean + np.linalg.lstsq(counts[chosen], left - mean * sizes, rcond=1e-10)[0]


def evenly_chosen(counts: Array, most: int) -> NDArray[np.int64]:
    """Rows of `counts` [n_samples, n_elements], at most so many of those with an element, for every element."""
    with_element = [np.flatnonzero(column) for column in counts.T]
    spaced = [rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)] for rows in with_element]
    return np.unique(np.concatenate(spaced))


def _error(model: nn.Module, head: Head, parameters: Mapping[str, Tensor], sample: Sample, dtype: torch.dtype) -> float:
    """Label minus prediction of the ground state, eV."""
    batch = collate([sample], shapes_of([sample], 1), dtype=dtype).to(next(model.parameters()).device)
    closing = None if isinstance(head, AdiabaticHead) else head
    return float(sample.energies[0] - predicted_energies(model, parameters, batch, head=closing)[0, 0].item())


def _sizes(name: str, old: Tensor, new: Tensor) -> list[tuple[int, int]]:
    if old.ndim != new.ndim:
        raise ConfigError(f"weights of {name} have shape {list(old.shape)}, the model wants {list(new.shape)}")
    return list(zip(old.shape, new.shape, strict=True))


def _places(name: str, n_old: int, n_new: int, old: Elements, new: Elements) -> Tensor:
    """Where entries along an axis go."""
    element = torch.tensor([list(new).index(number) for number in old])
    if n_old == n_new or (name.startswith(READOUTS) and n_old < n_new):
        return torch.arange(n_old)
    if (n_old, n_new) == (len(old), len(new)):
        return element
    if (n_old, n_new) == (len(old) ** 2, len(new) ** 2):
        return (element[:, None] * len(new) + element[None, :]).reshape(-1)
    raise ConfigError(f"weights of {name} have an axis of {n_old}, the model wants {n_new}: not one entry per element")


def _is_last(name: str) -> bool:
    """Of a readout, behind its hidden units: new ones have no say until they are trained."""
    return name.startswith(READOUTS) and name.endswith(".last")
