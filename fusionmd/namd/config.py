"""The protocol of a run, chosen in YAML: hopping, amplitudes, decoherence, rescaling, each apart from the others."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fusionmd.errors import ConfigError, MissingQuantityError
from fusionmd.namd import augmented, couplings, decoherence, electronic, rescaling
from fusionmd.namd.coherent_switching import coherent_switching_step
from fusionmd.namd.driver import (
    Advance,
    Parts,
    exact_landau_zener_step,
    fewest_switches_step,
    landau_zener_step,
    refined_step,
)
from fusionmd.namd.jumps import passing
from fusionmd.namd.protocol import BoolArray, Surfaces
from fusionmd.units import HARTREE_PER_EV

PROPAGATORS = {"diabatic": electronic.diabatic, "overlap": electronic.overlap}
TDCS = {
    "coupling": couplings.from_vectors,
    "curvature": couplings.from_gradients,
    "curvature_energies": couplings.from_energies,
}
DECOHERENCE = {
    "none": decoherence.no_decoherence,
    "edc": decoherence.energy_based,
    "edc_legacy": decoherence.energy_based_legacy,
    "afssh": augmented.augmented,
}
DIRECTIONS = {
    "velocity": rescaling.along_velocity,
    "coupling": rescaling.along_coupling,
    "gradient_difference": rescaling.along_gradient_difference,
}
CAUTION = (
    "couplings from the curvature of gaps are exact on a straight crossing and wrong by factors on others, such as "
    "Tully I and III; compare with hopping: lzsh"
)
FRUSTRATED = {"keep": rescaling.keep, "reverse": rescaling.reverse, "delta_v": rescaling.delta_v}


class Method(BaseModel):
    """How trajectories hop; every combination that the surfaces allow is valid.

    With `hopping: lzsh` amplitudes and decoherence play no role. `kcsdm` moves by the mean force.
    It and `curvature` take couplings from the curvature of gaps: see CAUTION.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hopping: Literal["fssh", "lzsh", "kcsdm"] = "lzsh"
    amplitudes: Literal["diabatic", "overlap", "coupling", "curvature", "curvature_energies"] = "diabatic"
    substeps: int = Field(default=20, ge=1, description="electronic steps per nuclear step")
    decoherence: Literal["none", "edc", "edc_legacy", "afssh"] = "edc"
    rescaling: Literal["velocity", "coupling", "gradient_difference"] = "velocity"
    project: bool = Field(default=False, description="rescale without translation and rotation; atoms only")
    frustrated: Literal["keep", "reverse", "delta_v"] = "keep"
    gap_curvature: Literal["difference", "exact"] = Field(default="difference", description="lzsh")
    halvings: int = Field(default=0, ge=0, le=10, description="how often a step may be halved near small gaps")
    pairs: list[tuple[int, int]] | None = Field(default=None, description="hop between these states only, both ways")
    jumps_eV: float | None = Field(
        default=None, gt=0, description="state 0: where the total energy jumps by more in a step, velocities pay"
    )
    seed: int = Field(default=0, ge=0, lt=2**64)

    @property
    def is_fssh(self) -> bool:
        """Whether amplitudes decide when to hop."""
        return self.hopping == "fssh"

    @property
    def is_mean_field(self) -> bool:
        """Whether all states drive."""
        return self.hopping == "kcsdm"

    @property
    def is_exact(self) -> bool:
        """Whether Landau-Zener hops take their curvature from Hessians."""
        return self.hopping == "lzsh" and self.gap_curvature == "exact"

    @property
    def caution(self) -> str | None:
        """What a user of this method should know."""
        by_curvature = self.is_fssh and self.amplitudes.startswith("curvature")
        return CAUTION if by_curvature or self.is_mean_field else None


def method_of(**values: Any) -> Method:
    """Validated method; ConfigError names what is wrong."""
    try:
        return Method(**values)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']} (got {e['input']!r})" for e in error.errors())
        raise ConfigError(f"{wrong}; known settings: {', '.join(Method.model_fields)}") from None


def parts_of(method: Method, surfaces: Surfaces, dt: float) -> Parts:
    """The functions of a step of `dt` atomic time; MissingQuantityError where the surfaces lack what they need."""
    if not dt > 0:
        raise ConfigError(f"the time step is {dt}; it must be positive")
    _check(method, surfaces)
    is_fssh, is_rescaled = method.is_fssh, not method.is_mean_field
    direction = DIRECTIONS[method.rescaling]
    has_moments = is_fssh and method.decoherence == "afssh"
    by_all = has_moments or method.is_exact or method.is_mean_field or method.halvings > 0
    by_vectors = is_fssh and method.amplitudes == "coupling"
    by_targets = method.frustrated == "delta_v" or method.rescaling == "gradient_difference"
    return Parts(
        surfaces=surfaces,
        dt=dt,
        seed=method.seed,
        advance=_advance(method),
        n_halvings=method.halvings,
        whole_step=_whole_step(method),
        propagator=PROPAGATORS.get(method.amplitudes, electronic.coupled),
        n_substeps=method.substeps,
        tdc=TDCS.get(method.amplitudes, couplings.no_couplings) if is_fssh else couplings.no_couplings,
        decoherence=DECOHERENCE[method.decoherence],
        direction=rescaling.projected(direction) if method.project else direction,
        frustrated=FRUSTRATED[method.frustrated],
        all_gradients=by_all or (is_fssh and method.amplitudes == "curvature"),
        couplings=(is_rescaled and method.rescaling == "coupling")
        or by_vectors
        or (has_moments and surfaces.has_couplings),
        target_gradients=is_rescaled and by_targets,
        has_moments=has_moments,
        is_mean_field=method.is_mean_field,
        allowed=None if method.pairs is None else _allowed(method.pairs, surfaces.n_states),
        tdc_follows_velocity=by_vectors,
    )


def _allowed(pairs: list[tuple[int, int]], n_states: int) -> BoolArray:
    """Which state may be left for which [n_states, n_states]."""
    if wrong := [pair for pair in pairs if pair[0] == pair[1] or not all(0 <= state < n_states for state in pair)]:
        raise ConfigError(f"pairs has {list(wrong[0])}; give two different states of 0..{n_states - 1}")
    allowed = np.zeros((n_states, n_states), dtype=bool)
    for one, other in pairs:
        allowed[one, other] = allowed[other, one] = True
    return allowed


def _advance(method: Method) -> Advance:
    step = refined_step if method.halvings else _whole_step(method)
    passes = method.jumps_eV is not None and not method.is_mean_field  # the mean force has no ground state of its own
    return passing(step, (method.jumps_eV or 0.0) * HARTREE_PER_EV) if passes else step


def _whole_step(method: Method) -> Advance:
    if method.is_mean_field:
        return coherent_switching_step
    return fewest_switches_step if method.is_fssh else exact_landau_zener_step if method.is_exact else landau_zener_step


def _check(method: Method, surfaces: Surfaces) -> None:
    is_fssh = method.is_fssh
    if surfaces.n_states < 2:
        raise MissingQuantityError(
            f"{surfaces.name} has {surfaces.n_states} state; hopping needs two or more, so give a potential of several"
        )
    lacking = []
    if is_fssh and method.amplitudes in PROPAGATORS and not surfaces.has_diabatic:
        lacking.append(f"amplitudes: {method.amplitudes} needs a diabatic matrix")
    if is_fssh and method.amplitudes == "coupling" and not surfaces.has_couplings:
        lacking.append("amplitudes: coupling needs coupling vectors")
    if not method.is_mean_field and method.rescaling == "coupling" and not surfaces.has_couplings:
        lacking.append("rescaling: coupling needs coupling vectors")
    if lacking:
        raise MissingQuantityError(
            f"{'; '.join(lacking)}, which {surfaces.name} does not have; with energies and gradients alone, "
            f"hopping: lzsh works, or hopping: fssh with amplitudes: curvature, and rescaling: velocity or "
            f"gradient_difference"
        )
    if method.pairs is not None and method.is_mean_field:
        raise ConfigError("pairs is for hops; kcsdm moves on the mean of all states: take fssh or lzsh, or leave pairs")
    if method.halvings and method.hopping == "lzsh" and not method.is_exact:
        raise ConfigError("halvings with lzsh needs gap_curvature: exact; differences need equal steps")
    if method.halvings and is_fssh and method.amplitudes == "curvature_energies":
        raise ConfigError("halvings needs amplitudes that look at no earlier energies; take curvature")
    if method.project and (surfaces.n_dof % 3 or surfaces.n_dof < 6 or method.rescaling == "velocity"):
        raise ConfigError(
            "project: true removes translation and rotation of atoms from a coupling or gradient difference; "
            f"it got {surfaces.n_dof} degrees of freedom and rescaling: {method.rescaling}"
        )
