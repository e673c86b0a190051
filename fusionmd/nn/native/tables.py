"""Coupling tables for the native operations: the non-zero terms, sorted by the row they add to."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fusionmd.fusion.constants import Constants

Terms = NDArray[np.int64]
"""Terms of a trilinear form [n_terms, 3]: out[r] += value * a[i] * b[j] as (r, i, j)."""


class CouplingTable(Constants):
    """out[row] = sum over its terms of value * a[first] * b[second].

    packed: int32 [n_rows, starts (n_rows + 1), firsts, seconds].  values: [n_terms], in the dtype of the model.
    """

    packed: Tensor

    def __init__(self, terms: Terms, values: NDArray[np.float64], n_rows: int) -> None:
        super().__init__()
        order = np.lexsort((terms[:, 2], terms[:, 1], terms[:, 0]))
        terms, values = terms[order], values[order]
        starts = np.searchsorted(terms[:, 0], np.arange(n_rows + 1))
        packed = np.concatenate([[n_rows], starts, terms[:, 1], terms[:, 2]]).astype(np.int32)
        self.register_buffer("packed", torch.from_numpy(packed), persistent=False)
        self.constant("values", values)


def trilinear(terms: Terms, values: NDArray[np.float64], sizes: Sequence[int], *, square: bool) -> list[CouplingTable]:
    """Tables of out(a, b), of the slope by a from (slope, b), and by b from (slope, a).

    square: a is b; then one table gives the whole slope from (slope, a).
    """
    by_a, by_b = terms[:, [1, 0, 2]], terms[:, [2, 0, 1]]
    out = CouplingTable(terms, values, sizes[0])
    if square:
        both = CouplingTable(np.concatenate([by_a, by_b]), np.concatenate([values, values]), sizes[1])
        return [out, both]
    return [out, CouplingTable(by_a, values, sizes[1]), CouplingTable(by_b, values, sizes[2])]


def linear(matrix: NDArray[np.float64]) -> list[CouplingTable]:
    """Tables of out = matrix @ a and of its transpose."""
    row, column = np.nonzero(matrix)
    value, unused = matrix[row, column], np.zeros_like(row)
    forth = CouplingTable(np.stack([row, column, unused], 1), value, matrix.shape[0])
    return [forth, CouplingTable(np.stack([column, row, unused], 1), value, matrix.shape[1])]
