"""A frame: a structure with the labels that are known for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fusionmd.errors import DataError
from fusionmd.structure import Structure

ISOLATED_ATOM_NAMES = {"isolated_atom", "isolatedatom", "isolated atom"}
DEFAULT_CONFIG_TYPE = "Default"
STRENGTHS_KEY = "oscillator_strengths"
ACTIVE_WEIGHT_KEY = "active_weight"


@dataclass(frozen=True, eq=False)
class Frame:
    """A structure and its labels; a missing label is None, labels are validated and read-only.

    energy: Total energy, eV: a float64 scalar [] or one per state [n_states].
    forces: [n_atoms, 3] or [n_states, n_atoms, 3], eV/angstrom.
    stress: dE/dstrain / volume [3, 3] or [n_states, 3, 3], eV/angstrom^3 (the sign of ASE).
    couplings: Non-adiabatic couplings <a|grad b> of the pairs (0, 1), (0, 2), ..., (1, 2), ... [n_pairs, n_atoms, 3],
        1/angstrom; their signs are arbitrary.
    Forces of some states, and couplings of some pairs, may be unknown: NaN throughout.
    config_type: The group this frame belongs to, for weights and splits.
    weights: Factors for the loss: 'all', 'energy', 'forces', 'stress'; absent means 1.
    info: Whatever else the file said about the frame; 'oscillator_strengths' [n_states - 1] and 'active_weight' are
        written again.
    source: Where the frame comes from, for messages: 'train.xyz, frame 3'.
    """

    structure: Structure
    energy: NDArray[np.float64] | None = None
    forces: NDArray[np.float64] | None = None
    stress: NDArray[np.float64] | None = None
    couplings: NDArray[np.float64] | None = None
    config_type: str = DEFAULT_CONFIG_TYPE
    weights: Mapping[str, float] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    source: str = "frame"

    def __post_init__(self) -> None:
        n_atoms = self.structure.n_atoms
        tails = {"energy": (), "forces": (n_atoms, 3), "stress": (3, 3), "couplings": (n_atoms, 3)}
        for name, tail in tails.items():
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _label(value, name, tail, self.source))
        _check_states(self)
        if self.stress is not None and not self.structure.is_periodic:
            raise DataError(f"{self.source}: a stress is given but nothing is periodic; set pbc or drop the stress")

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return self.structure.n_atoms

    @property
    def n_states(self) -> int:
        """Number of electronic states with an energy; 1 for a plain ground-state frame or one without energy."""
        return 1 if self.energy is None or self.energy.ndim == 0 else len(self.energy)

    @property
    def ground_energy(self) -> float:
        """Energy of the lowest state, eV."""
        if self.energy is None:
            raise DataError(f"{self.source}: no energy label; name the key that holds it, or drop the frame")
        return float(self.energy if self.energy.ndim == 0 else self.energy[0])

    @property
    def is_isolated_atom(self) -> bool:
        """One atom, and either called an isolated atom or without periodic images."""
        named = self.config_type.lower() in ISOLATED_ATOM_NAMES
        return self.n_atoms == 1 and (named or not self.structure.is_periodic)

    def has(self, label: str) -> bool:
        """Whether 'energy', 'forces', 'stress' or 'couplings' is known."""
        return getattr(self, label) is not None


def require_labels(frame: Frame, *labels: str) -> Frame:
    """The frame itself, if it has all these labels."""
    missing = [label for label in labels if not frame.has(label)]
    if missing:
        raise DataError(
            f"{frame.source}: no {' and no '.join(missing)} label; name the key that holds it "
            f"({missing[0]}_key=...), or drop the frame. Its other keys: {sorted(frame.info) or 'none'}"
        )
    return frame


def _label(value: ArrayLike, name: str, tail: tuple[int, ...], source: str) -> NDArray[np.float64]:
    label = np.array(value, dtype=np.float64)
    fits = label.shape[label.ndim - len(tail) :] == tail and label.ndim - len(tail) in (0, 1)
    if not fits:
        wanted = ", ".join(str(size) for size in tail)
        raise DataError(f"{source}: {name} has shape {label.shape}; wanted [{wanted}] or [n_states, {wanted}]")
    if not np.isfinite(label[~_unknown(label, name, tail)]).all():
        where = sorted(set(np.argwhere(~np.isfinite(np.atleast_1d(label)))[:8, 0].tolist()))
        raise DataError(f"{source}: {name} is NaN or infinite (rows {where}); drop the label or the frame")
    label.setflags(write=False)
    return label


def _unknown(label: NDArray[np.float64], name: str, tail: tuple[int, ...]) -> NDArray[np.bool_]:
    """States, or pairs of them, of which nothing is known [n_states]; never all of them."""
    if name not in ("forces", "couplings") or label.ndim == len(tail):
        return np.zeros(label.shape[:1], dtype=np.bool_)
    unknown = np.isnan(label).reshape(len(label), -1).all(1)
    return np.asarray(unknown & ~unknown.all())


def _check_states(frame: Frame) -> None:
    counts = {
        name: value.shape[0]
        for name, value, n_axes in (
            ("energy", frame.energy, 1),
            ("forces", frame.forces, 3),
            ("stress", frame.stress, 3),
        )
        if value is not None and value.ndim == n_axes
    }
    if len(set(counts.values())) > 1:
        raise DataError(f"{frame.source}: numbers of states differ: {counts}; give every label for the same states")
    n_pairs = frame.n_states * (frame.n_states - 1) // 2
    if frame.couplings is not None and (frame.couplings.ndim != 3 or len(frame.couplings) != n_pairs):
        raise DataError(
            f"{frame.source}: couplings have shape {frame.couplings.shape}; {frame.n_states} states have {n_pairs} "
            f"pairs, so give [{n_pairs}, {frame.n_atoms}, 3]"
        )
