"""Cells as OpenMM wants them: a along x, b in the xy plane, and no vector skewed by more than half of another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def reduced_box(cell: Array) -> tuple[Array, Array]:
    """The same lattice in reduced form, and the rotation that leads there.

    cell: Rows [3, 3], spanning a volume -> box [3, 3], lower triangular; rotation [3, 3]: positions @ rotation.
    """
    right_handed = cell * np.where(np.linalg.det(cell) < 0, -1.0, 1.0)
    q, r = np.linalg.qr(right_handed.T)
    signs = np.sign(np.diag(r))
    box = np.tril((r * signs[:, None]).T)
    for row, along in ((1, 0), (2, 1), (2, 0)):
        box[row] -= box[along] * np.round(box[row, along] / box[along, along])
        # Exactly half is allowed, a rounding error more is not: hexagonal and fcc cells.
        half = box[along, along] / 2
        box[row, along] = np.clip(box[row, along], -half, half)
    return box, q * signs
