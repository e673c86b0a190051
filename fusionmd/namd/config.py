"""The protocol of a run, chosen in YAML: hopping, amplitudes, decoherence, rescaling, each apart from the others."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fusionmd.errors import ConfigError, MissingQuantityError
from fusionmd.namd import augmented, couplings, decoherence, electronic, rescaling
from fusionmd.namd.driver import (
    Parts,
    exact_landau_zener_step,
    fewest_switches_step,
    landau_zener_step,
    refined_step,
)
from fusionmd.namd.protocol import Surfaces

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
FRUSTRATED = {"keep": rescaling.keep, "reverse": rescaling.reverse, "delta_v": rescaling.delta_v}


class Method(BaseModel):
    """How trajectories hop; every combination that the surfaces allow is valid.

    With `hopping: lzsh` amplitudes and decoherence play no role. `curvature` is the curvature-driven TSH: exact on a
    straight crossing, and wrong by factors elsewhere (Tully I and III).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hopping: Literal["fssh", "lzsh"] = "lzsh"
    amplitudes: Literal["diabatic", "overlap", "coupling", "curvature", "curvature_energies"] = "diabatic"
    substeps: int = Field(default=20, ge=1, description="electronic steps per nuclear step")
    decoherence: Literal["none", "edc", "edc_legacy", "afssh"] = "edc"
    rescaling: Literal["velocity", "coupling", "gradient_difference"] = "velocity"
    project: bool = Field(default=False, description="rescale without translation and rotation; atoms only")
    frustrated: Literal["keep", "reverse", "delta_v"] = "keep"
    gap_curvature: Literal["difference", "exact"] = Field(default="difference", description="lzsh")
    halvings: int = Field(default=0, ge=0, le=10, description="how often a step may be halved near small gaps")
    seed: int = Field(default=0, ge=0, lt=2**64)


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
    is_fssh = method.hopping == "fssh"
    _check(method, surfaces, is_fssh)
    direction = DIRECTIONS[method.rescaling]
    has_moments = is_fssh and method.decoherence == "afssh"
    by_gradients = method.frustrated == "delta_v" or method.rescaling == "gradient_difference"
    is_exact = not is_fssh and method.gap_curvature == "exact"
    whole_step = fewest_switches_step if is_fssh else exact_landau_zener_step if is_exact else landau_zener_step
    return Parts(
        surfaces=surfaces,
        dt=dt,
        seed=method.seed,
        advance=refined_step if method.halvings else whole_step,
        n_halvings=method.halvings,
        whole_step=whole_step,
        propagator=PROPAGATORS.get(method.amplitudes, electronic.coupled),
        n_substeps=method.substeps,
        tdc=TDCS.get(method.amplitudes, couplings.no_couplings) if is_fssh else couplings.no_couplings,
        decoherence=DECOHERENCE[method.decoherence],
        direction=rescaling.projected(direction) if method.project else direction,
        frustrated=FRUSTRATED[method.frustrated],
        all_gradients=has_moments or is_exact or method.halvings > 0 or (is_fssh and method.amplitudes == "curvature"),
        couplings=method.rescaling == "coupling"
        or (is_fssh and method.amplitudes == "coupling")
        or (has_moments and surfaces.has_couplings),
        target_gradients=by_gradients,
        has_moments=has_moments,
        tdc_follows_velocity=is_fssh and method.amplitudes == "coupling",
    )


def _check(method: Method, surfaces: Surfaces, is_fssh: bool) -> None:
    if surfaces.n_states < 2:
        raise MissingQuantityError(
            f"{surfaces.name} has {surfaces.n_states} state; hopping needs two or more, so give a potential of several"
        )
    lacking = []
    if is_fssh and method.amplitudes in PROPAGATORS and not surfaces.has_diabatic:
        lacking.append(f"amplitudes: {method.amplitudes} needs a diabatic matrix")
    if is_fssh and method.amplitudes == "coupling" and not surfaces.has_couplings:
        lacking.append("amplitudes: coupling needs coupling vectors")
    if method.rescaling == "coupling" and not surfaces.has_couplings:
        lacking.append("rescaling: coupling needs coupling vectors")
    if lacking:
        raise MissingQuantityError(
            f"{'; '.join(lacking)}, which {surfaces.name} does not have; with energies and gradients alone, "
            f"hopping: lzsh works, or hopping: fssh with amplitudes: curvature, and rescaling: velocity or "
            f"gradient_difference"
        )
    if method.halvings and not (is_fssh or method.gap_curvature == "exact"):
        raise ConfigError("halvings with lzsh needs gap_curvature: exact; differences need equal steps")
    if method.halvings and is_fssh and method.amplitudes == "curvature_energies":
        raise ConfigError("halvings needs amplitudes that look at no earlier energies; take curvature")
    if method.project and (surfaces.n_dof % 3 or surfaces.n_dof < 6 or method.rescaling == "velocity"):
        raise ConfigError(
            "project: true removes translation and rotation of atoms from a coupling or gradient difference; "
            f"it got {surfaces.n_dof} degrees of freedom and rescaling: {method.rescaling}"
        )
