"""Models of many harmonic modes: linear vibronic coupling and spin-boson. Atomic units, unit masses.

W(q) = sum_m w_m^2 q_m^2 / 2 + W0 + sum_m W1_m q_m, all of them; only the matrices differ.
Two-dimensional parameters: Ibele, Curchod, J. Chem. Phys. 155, 174119 (2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusionmd.errors import ConfigError
from fusionmd.namd.protocol import Array
from fusionmd.units import HARTREE_PER_EV


@dataclass(frozen=True, eq=False)
class LinearVibronicCoupling:
    """Harmonic modes with a matrix linear in the coordinates, mass-weighted.

    title: With the parameters.  frequencies: [n_modes], Hartree.  constant: W0 [n_states, n_states], Hartree.
    linear: W1 [n_modes, n_states, n_states], Hartree per mass-weighted bohr.
    centre: Where the packet starts [n_modes].  start_state: On which diabatic state.
    """

    title: str
    frequencies: Array
    constant: Array
    linear: Array
    centre: Array
    start_state: int

    @property
    def n_states(self) -> int:
        """Number of electronic states."""
        return len(self.constant)

    @property
    def masses(self) -> Array:
        """Ones: the coordinates are mass-weighted."""
        return np.ones(len(self.frequencies))

    @property
    def name(self) -> str:
        """The model with its parameters."""
        return self.title

    def matrix(self, positions: Array) -> Array:
        """W [n, n_states, n_states]."""
        potential = ((self.frequencies * positions) ** 2).sum(axis=1) / 2
        result = potential[:, None, None] * np.eye(self.n_states) + self.constant
        for mode, matrix in enumerate(self.linear):
            result = result + positions[:, mode, None, None] * matrix
        return result

    def derivative(self, positions: Array) -> Array:
        """dW/dq [n, n_states, n_states, n_modes]."""
        harmonic = (self.frequencies**2 * positions)[:, None, None, :] * np.eye(self.n_states)[:, :, None]
        return harmonic + np.moveaxis(self.linear, 0, -1)


def conical_2d(title: str, w1: float, w2: float, a: float, c: float, gap: float) -> LinearVibronicCoupling:
    """Two parabolas shifted by a along x, coupled by c y:

    W11 = w1^2 (x + a/2)^2/2 + w2^2 y^2/2 + D/2, W22 = w1^2 (x - a/2)^2/2 + w2^2 y^2/2 - D/2, W12 = c y.
    The packet starts at x = a/2, y = 0 on diabatic state 0.
    """
    shift = w1**2 * a / 2
    constant = np.diag([gap / 2, -gap / 2]) + np.eye(2) * w1**2 * a**2 / 8
    linear = np.array([np.diag([shift, -shift]), [[0.0, c], [c, 0.0]]])
    named = f"{title}(w1={w1!r}, w2={w2!r}, a={a!r}, c={c!r}, D={gap!r})"
    return LinearVibronicCoupling(named, np.array([w1, w2]), constant, linear, np.array([a / 2, 0.0]), 0)


def bma() -> LinearVibronicCoupling:
    """Bis(methylene) adamantyl cation in two dimensions."""
    return conical_2d("BMA", 7.743e-3, 6.680e-3, 31.05, 8.092e-5, 0.0)


def butatriene() -> LinearVibronicCoupling:
    """Butatriene cation in two dimensions."""
    return conical_2d("butatriene", 9.557e-3, 3.3515e-3, 20.07, 6.127e-4, 0.020)


def pyrazine() -> LinearVibronicCoupling:
    """Pyrazine in two dimensions."""
    return conical_2d("pyrazine", 3.650e-3, 4.186e-3, 48.45, 4.946e-4, 0.028)


def linear_vibronic() -> LinearVibronicCoupling:
    """A tuning and a coupling mode: eV, in dimensionless coordinates w_x 0.2578, w_y 0.0912, k1 -0.212, k2 0.254,
    l 0.318, E2 0.39. The packet starts at q = 0 on diabatic state 1."""
    frequencies = np.array([0.2578, 0.0912]) * HARTREE_PER_EV
    per_mass_weighted = np.sqrt(frequencies)[:, None, None]  # q = sqrt(w) Q
    linear = np.array([np.diag([-0.212, 0.254]), [[0.0, 0.318], [0.318, 0.0]]]) * HARTREE_PER_EV * per_mass_weighted
    constant = np.diag([0.0, 0.39]) * HARTREE_PER_EV
    return LinearVibronicCoupling("linear_vibronic", frequencies, constant, linear, np.zeros(2), 1)


def spin_boson(
    bias: float, coupling: float, reorganisation: float, cutoff: float, n_modes: int
) -> LinearVibronicCoupling:
    """W = bias sigma_z + coupling sigma_x + sigma_z sum_j c_j q_j, a Debye bath in n_modes modes; all in Hartree.

    w_j = cutoff tan(pi/2 (1 - j/(n + 1))), c_j = w_j sqrt(2 reorganisation/(n + 1)), j = 1..n;
    Wang, Song, Chandler, Miller, J. Chem. Phys. 110, 4828 (1999) and Craig, Thoss, Wang, J. Chem. Phys. 127, 144503
    (2007).  sum_j c_j^2/(2 w_j^2) -> reorganisation: the energy released when the bath follows the state from q = 0.
    The packet starts at q = 0 on diabatic state 0.
    """
    if n_modes < 1 or cutoff <= 0 or reorganisation < 0:
        raise ConfigError(
            f"a bath needs n_modes >= 1, cutoff > 0 and reorganisation >= 0; got {n_modes}, {cutoff}, {reorganisation}"
        )
    frequencies = cutoff * np.tan(np.pi / 2 * (1 - np.arange(1, n_modes + 1) / (n_modes + 1)))
    strengths = frequencies * np.sqrt(2 * reorganisation / (n_modes + 1))
    sigma_z = np.diag([1.0, -1.0])
    constant = bias * sigma_z + coupling * np.array([[0.0, 1.0], [1.0, 0.0]])
    named = f"spin_boson({bias!r}, {coupling!r}, {reorganisation!r}, {cutoff!r}, {n_modes})"
    linear = strengths[:, None, None] * sigma_z
    return LinearVibronicCoupling(named, frequencies, constant, linear, np.zeros(n_modes), 0)
