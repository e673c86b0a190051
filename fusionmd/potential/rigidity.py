"""Uncertainties of one model from how rigid its last layer is: calibrated, without a committee, at little cost.

    s^2 = x^T (X^T X / n + ridge)^-1 x        sigma_k = scale_k s

x: The descriptors of a structure, summed over its atoms, and its numbers of atoms by element; X: those of n training
structures. It is the variance of a linear last layer that was fitted to them (Bigi, Chong, Ceriotti, Grasselli, Mach.
Learn.: Sci. Technol. 5, 045018 (2024)); scale_k comes from errors of state k on held-out frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusionmd.errors import DataError

Array = NDArray[np.float64]

# Directions that vary less than the root of this, relative to their feature, are taken as not sampled.
RIDGE = 1e-6
ONE_SIGMA = 0.6826894921370859  # share of a normal distribution


@dataclass(frozen=True, eq=False)
class Rigidity:
    """root: |root x| is s [n_features + n_elements, the same].  scales: sigma_k / s, eV [n_states]."""

    root: Array
    scales: Array

    def spreads(self, features: Array, counts: Array) -> Array:
        """Standard deviations [n, n_states], eV; features: [n, n_features], counts: [n, n_elements]."""
        return distances(self.root, features, counts)[:, None] * self.scales


def calibrated(root: Array, features: Array, counts: Array, errors: Array) -> Rigidity:
    """With scales such that 68 % of the held-out `errors` [n, n_states] (eV; NaN: unknown) are within one sigma."""
    ratios = np.abs(errors) / distances(root, features, counts)[:, None]
    known = np.isfinite(ratios)
    if not known.any(axis=0).all():
        raise DataError("the held-out frames lack energies of some state; give frames that have all of them")
    scales = [np.quantile(column[has], ONE_SIGMA) for column, has in zip(ratios.T, known.T, strict=True)]
    return Rigidity(root, np.array(scales))


def distances(root: Array, features: Array, counts: Array) -> Array:
    """s of every structure [n]: about the root of the number of features where the training frames are."""
    return np.asarray(np.linalg.norm(np.concatenate([features, counts], axis=1) @ root.T, axis=1))


def root_of(features: Array, counts: Array) -> Array:
    """The root of the inverse in s^2, from training structures.

    Compositions are eliminated first: what is left of the features is their variation at given numbers of atoms.
    """
    slopes = np.linalg.lstsq(counts, features, rcond=None)[0]
    left = _whitening(features - counts @ slopes)
    n_features, n_elements = features.shape[1], counts.shape[1]
    root = np.zeros((n_features + n_elements,) * 2)
    root[:n_features, :n_features], root[:n_features, n_features:] = left, -left @ slopes.T
    root[n_features:, n_features:] = _whitening(counts)
    return root


def _whitening(rows: Array) -> Array:
    """W with W^T W = (rows^T rows / n + ridge)^-1 [k, k], the ridge relative to each column."""
    sizes = np.sqrt((rows**2).mean(axis=0))
    sizes = np.maximum(sizes, RIDGE * max(float(sizes.max(initial=0.0)), RIDGE))
    scaled = rows / sizes
    gram = scaled.T @ scaled / len(rows) + RIDGE * np.eye(rows.shape[1])
    return np.asarray(np.linalg.inv(np.linalg.cholesky(gram)) / sizes)
