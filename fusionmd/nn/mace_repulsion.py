"""The pair repulsion of `mace-torch`: Ziegler-Biersack-Littmark with its constants, scaled as the network is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fusionmd.nn.repulsion import ZBLRepulsion

# a = 0.4543 * 0.529 / (Z1^0.3 + Z2^0.3), e^2 / (4 pi eps0) in eV angstrom, and phi as that package has them.
_LENGTH, _EXPONENT, _CHARGE = 0.4543 * 0.529, 0.300, 14.3996
_COEFFICIENTS, _DECAYS = np.array([0.1818, 0.5099, 0.2802, 0.02817]), np.array([3.2, 0.9423, 0.4028, 0.2016])


class MaceRepulsion(ZBLRepulsion):
    """scale * ZBL; `power` is that of the polynomial that ends it at the sum of covalent radii."""

    def __init__(self, elements: Sequence[int], *, power: int, scale: float) -> None:
        super().__init__(elements)
        z = np.asarray(elements, dtype=np.float64)
        self.power = power
        self.constant("charge", (0.5 * scale * _CHARGE * z[:, None] * z[None]).ravel())
        self.constant("length", (_LENGTH / (z[:, None] ** _EXPONENT + z[None] ** _EXPONENT)).ravel())
        self.constant("coefficients", _COEFFICIENTS)
        self.constant("decays", _DECAYS)
