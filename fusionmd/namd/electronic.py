"""Electronic amplitudes over one nuclear step, and the probabilities to leave the active state in it.

Each propagator takes the states at both ends of the step and gives amplitudes [n, n_states] at its end and
probabilities [n, n_states], 0 for the active state. All are unitary: the norm is kept to rounding.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fusionmd.namd.hermitian import product, propagator, transposed
from fusionmd.namd.nuclear import overlaps
from fusionmd.namd.protocol import Array, ComplexArray, IntArray
from fusionmd.namd.state import State, active_rows, populations

SMALLEST_POPULATION = 1e-12
Propagator = Callable[[State, State, float, int], tuple[ComplexArray, Array]]


def diabatic(old: State, new: State, dt: float, n_substeps: int) -> tuple[ComplexArray, Array]:
    """Local diabatisation without overlaps: c_dia' = -i W c_dia, c = U^T c_dia, W linear in the step."""
    before, after = old.electronic, new.electronic
    assert before.diabatic is not None and after.diabatic is not None
    assert before.vectors is not None and after.vectors is not None
    inner = _interpolated_propagator(before.diabatic, after.diabatic, dt, n_substeps)
    rotation = product(transposed(after.vectors), product(inner, before.vectors))
    return _with_probabilities(rotation, old)


def overlap(old: State, new: State, dt: float, n_substeps: int) -> tuple[ComplexArray, Array]:
    """Local diabatisation, Granucci, Persico, Toniolo, J. Chem. Phys. 114, 10608 (2001): H' = S E(t+dt) S^T,

    R = S^T prod_l exp[-i (E(t) + (l/n) (H' - E(t))) dt/n].
    """
    s = overlaps(old.electronic, new.electronic)
    start = _diagonal(old.electronic.energies)
    end = product(s * new.electronic.energies[:, None, :], transposed(s))
    inner = _interpolated_propagator(start, end, dt, n_substeps)
    return _with_probabilities(product(transposed(s), inner), old)


def coupled(old: State, new: State, dt: float, n_substeps: int) -> tuple[ComplexArray, Array]:
    """c_a' = -i E_a c_a - sum_b T_ab c_b, E and T linear in the step; fewest switches by the flux over substeps,

    P(a->b) = sum dt 2 Re[c_a* c_b T_ab]/|c_a|^2; Tully, J. Chem. Phys. 93, 1061 (1990), Eqs. 11-19.
    """
    start = _diagonal(old.electronic.energies) - 1j * old.tdc
    end = _diagonal(new.electronic.energies) - 1j * new.tdc
    amplitudes, small = old.amplitudes, dt / n_substeps
    total = np.zeros(amplitudes.shape)
    flux = _flux(amplitudes, old.tdc, old.active)
    for substep in range(n_substeps):
        middle, ahead = (substep + 0.5) / n_substeps, (substep + 1) / n_substeps
        amplitudes = product(propagator((1 - middle) * start + middle * end, small), amplitudes)
        next_flux = _flux(amplitudes, (1 - ahead) * old.tdc + ahead * new.tdc, old.active)
        total += small * (flux + next_flux) / 2
        flux = next_flux
    return amplitudes, _as_probabilities(total, old.active)


def _interpolated_propagator(start: Array, end: Array, dt: float, n_substeps: int) -> ComplexArray:
    """prod_l exp(-i H((l - 1/2)/n) dt/n); later factors to the left."""
    middles = ((substep + 0.5) / n_substeps for substep in range(n_substeps))
    result = np.broadcast_to(np.eye(start.shape[1], dtype=np.complex128), start.shape)
    for middle in middles:
        result = product(propagator((1 - middle) * start + middle * end, dt / n_substeps), result)
    return result


def _with_probabilities(rotation: ComplexArray, old: State) -> tuple[ComplexArray, Array]:
    """Amplitudes R c, and the probabilities that R implies; Mai, Marquetand, Gonzalez, WIREs 8, e1370 (2018), Eq. 23:

    P(a->b) = (1 - |c_a'|^2/|c_a|^2) Re[c_b' R_ba* c_a*] / (|c_a|^2 - Re[c_a' R_aa* c_a*]).
    """
    amplitudes = product(rotation, old.amplitudes)
    rows = np.arange(old.n_trajectories)
    before = active_rows(populations(old.amplitudes), old.active)
    after = active_rows(populations(amplitudes), old.active)
    ours = old.amplitudes[rows, old.active].conj()
    shares = (amplitudes * rotation[rows, :, old.active].conj() * ours[:, None]).real
    whole = before - active_rows(shares, old.active)
    safe = np.maximum(before, SMALLEST_POPULATION)
    prefactor = (1 - after / safe) / np.where(np.abs(whole) > SMALLEST_POPULATION, whole, np.inf)
    return amplitudes, _as_probabilities(prefactor[:, None] * shares, old.active)


def _flux(amplitudes: ComplexArray, tdc: Array, active: IntArray) -> Array:
    """2 Re[c_a* c_b T_ab]/|c_a|^2 for the active state a [n, n_states]."""
    rows = np.arange(len(active))
    ours = amplitudes[rows, active].conj()
    population = np.maximum(active_rows(populations(amplitudes), active), SMALLEST_POPULATION)
    return 2 * (ours[:, None] * amplitudes * tdc[rows, active]).real / population[:, None]


def _as_probabilities(values: Array, active: IntArray) -> Array:
    """Negative ones and that of the active state become 0; a sum beyond 1 is scaled to 1."""
    values = np.maximum(values, 0.0)
    values[np.arange(len(active)), active] = 0.0
    total = _sum_over_states(values)
    return values / np.maximum(total, 1.0)[:, None]


def _sum_over_states(values: Array) -> Array:
    return np.ascontiguousarray(values).sum(axis=1)


def _diagonal(values: Array) -> Array:
    return values[:, :, None] * np.eye(values.shape[1])
