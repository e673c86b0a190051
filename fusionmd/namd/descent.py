"""Ways down: in delocalised internal coordinates of a molecule, with steps made by geomeTRIC. Atomic units.

geomeTRIC: Wang, Song, J. Chem. Phys. 144, 214108 (2016). It sees a function and its gradient, whatever they are of.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal, Protocol

import numpy as np

from fusionmd.elements import symbol
from fusionmd.errors import ConfigError, FusionMDError
from fusionmd.namd.geometry import angle, distance, signed_dihedral
from fusionmd.namd.protocol import Array, IntArray
from fusionmd.units import ANGSTROM_PER_BOHR

LOGGERS = ("geometric.nifty", "MoleculeLogger")
MEASURES: dict[str, Callable[[Array, Sequence[int]], Array]] = {
    "distance": distance,
    "angle": angle,
    "dihedral": signed_dihedral,
}
N_ATOMS = {"distance": 2, "angle": 3, "dihedral": 4}
ENFORCED = 0.1  # constraints violated by less, bohr or radians, are satisfied exactly after each step
NO_ENERGY = "there is no energy at a geometry on the way"
STEP = 1e-4  # bohr, for the slopes of held coordinates

Objective = Callable[[Array], tuple[float, Array]]


@dataclass(frozen=True)
class Hold:
    """An internal coordinate that stays.

    atoms: From 0.  value: angstrom or degrees, also of the wanted end where the start has another; None: as it starts.
    """

    kind: Literal["distance", "angle", "dihedral"]
    atoms: tuple[int, ...]
    value: float | None = None


@dataclass(frozen=True, eq=False)
class Ending:
    """Where a descent ended.

    place: [n_dof]; where it failed, the lowest point seen.  reason: Why it stopped early; '' where it did not.
    """

    place: Array
    reason: str


class Descent(Protocol):
    """A way to go down."""

    def __call__(self, objective: Objective, start: Array, *, gradient: float, max_evaluations: int) -> Ending:
        """To where all components of the gradient are at most `gradient`, from `start` [n_dof]."""

    def free(self, place: Array, gradient: Array) -> Array:
        """The part of a gradient [n_dof] that has to vanish."""


@dataclass(frozen=True, eq=False)
class InternalDescent:
    """By geomeTRIC. numbers: Atomic numbers [n_atoms].  holds: What stays.

    hessian: Of the start [n_dof, n_dof]; the way then leads to a saddle, up along one mode and down along the others
    (restricted-step partitioned rational functions, as geomeTRIC has them).
    """

    numbers: IntArray
    holds: tuple[Hold, ...] = ()
    hessian: Array | None = None

    def __call__(self, objective: Objective, start: Array, *, gradient: float, max_evaluations: int) -> Ending:
        """ConfigError where geomeTRIC is not installed; its failures are the reason of the ending."""
        package = _geometric()
        engine = _Engine(objective, max_evaluations)
        parameters = self._parameters(package, gradient)
        try:
            place = _optimised(package, self._molecule(package, start), self._given(start), engine, start, parameters)
        except FusionMDError:
            raise
        except _Stopped as stop:
            return Ending(engine.best(start, is_last=self._is_last_best), str(stop))
        except Exception as error:  # geomeTRIC and the linear algebra below it fail in many ways
            said = " ".join(str(error).split())[:100]
            return Ending(engine.best(start, is_last=self._is_last_best), f"geomeTRIC: {type(error).__name__}: {said}")
        return Ending(place, "")

    def free(self, place: Array, gradient: Array) -> Array:
        """Without its parts along the slopes of held coordinates."""
        if not self.holds:
            return gradient
        steps = STEP * np.eye(len(place))
        ahead, behind = ((place + sign * steps).reshape(len(place), -1, 3) for sign in (1, -1))
        slopes = np.stack([_difference(hold, ahead, behind) for hold in self.holds], axis=1)
        along, *_ = np.linalg.lstsq(slopes, gradient, rcond=None)
        return np.asarray(gradient - slopes @ along)

    @property
    def _is_last_best(self) -> bool:
        """Whether the lowest point seen says nothing."""
        return bool(self.holds) or self.hessian is not None

    def _parameters(self, package: ModuleType, gradient: float) -> Any:
        is_uphill = self.hessian is not None
        wanted = package.params.OptParams(
            convergence_gmax=gradient,
            convergence_grms=gradient,
            maxiter=10**6,
            enforce=ENFORCED if self.holds else 0.0,
            transition=is_uphill,
            hessian="first" if is_uphill else "never",
            frequency=False,
        )
        if is_uphill:
            wanted.hess_data = self.hessian
        return wanted

    def _molecule(self, package: ModuleType, start: Array) -> Any:
        molecule = package.molecule.Molecule()
        molecule.elem = [symbol(int(number)) for number in self.numbers]
        molecule.xyzs = [start.reshape(-1, 3) * ANGSTROM_PER_BOHR]
        molecule.build_topology()
        return molecule

    def _given(self, start: Array) -> str:
        """The held coordinates, as geomeTRIC reads them: atoms from 1."""
        points = start.reshape(-1, 3) * ANGSTROM_PER_BOHR
        lines = [
            f"{hold.kind} {' '.join(str(atom + 1) for atom in hold.atoms)} "
            f"{MEASURES[hold.kind](points, hold.atoms) if hold.value is None else hold.value:.8f}"
            for hold in self.holds
        ]
        return "\n".join(["$set", *lines, ""]) if lines else ""


class _Stopped(Exception):
    """The objective cannot, or may not, be evaluated once more."""


class _Engine:
    """What geomeTRIC asks for values: counts, and remembers the lowest and the last point."""

    def __init__(self, objective: Objective, max_evaluations: int) -> None:
        self._objective, self._left = objective, max_evaluations
        self._seen: list[tuple[float, Array]] = []
        self._results: dict[bytes, dict[str, Any]] = {}

    def best(self, start: Array, *, is_last: bool) -> Array:
        """The lowest point, or the last one."""
        if not self._seen:
            return start
        return self._seen[-1][1] if is_last else min(self._seen, key=lambda one: one[0])[1]

    def calc(self, place: Array, dirname: str, **_: Any) -> dict[str, Any]:
        """Value and gradient."""
        if place.tobytes() not in self._results:
            if self._left <= 0:
                raise _Stopped("too many evaluations")
            self._left -= 1
            value, slope = self._objective(place.copy())
            if not (np.isfinite(value) and np.isfinite(slope).all()):
                raise _Stopped(NO_ENERGY)
            self._seen.append((float(value), place.copy()))
            self._results = {place.tobytes(): {"energy": float(value), "gradient": slope.copy()}}
        return self._results[place.tobytes()]

    def clearCalcs(self) -> None:
        """Nothing is kept."""

    def save_guess_files(self, dirname: str) -> None:
        """There are none."""

    def load_guess_files(self, dirname: str) -> None:
        """There are none."""


def _optimised(package: ModuleType, molecule: Any, given: str, engine: _Engine, start: Array, wanted: Any) -> Array:
    constraints, values = package.prepare.parse_constraints(molecule, given) if given else (None, [None])
    coordinates = package.internal.DelocalizedInternalCoordinates(
        molecule, build=True, connect=False, addcart=False, constraints=constraints, cvals=values[0]
    )
    with tempfile.TemporaryDirectory(prefix="fusionmd-geometric-") as folder:
        run = package.optimize.Optimizer(start.copy(), molecule, coordinates, engine, folder, wanted, print_info=False)
        run.optimizeGeometry()
    return np.array(run.X)


def _difference(hold: Hold, ahead: Array, behind: Array) -> Array:
    """Change of a coordinate between two sets of geometries [n]; dihedrals the shorter way."""
    change = MEASURES[hold.kind](ahead, hold.atoms) - MEASURES[hold.kind](behind, hold.atoms)
    return (change + 180.0) % 360.0 - 180.0 if hold.kind == "dihedral" else change


def _geometric() -> ModuleType:
    """The package, silent."""
    try:
        import geometric
        import geometric.internal
        import geometric.optimize
        import geometric.params
        import geometric.prepare
    except ImportError:
        raise ConfigError("optimisations need geomeTRIC, which is not here; pip install 'fusionmd[namd]'") from None
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return geometric
