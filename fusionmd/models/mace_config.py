"""Which settings of `mace` a `mace-torch` model has, from its description; what is not supported is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from fusionmd.errors import ConfigError
from fusionmd.models.mace import MaceConfig
from fusionmd.o3.irreps import Irreps

FORMAT = 1
_INTERACTIONS = {
    "RealAgnosticInteractionBlock": "plain",
    "RealAgnosticResidualInteractionBlock": "residual",
    "RealAgnosticDensityInteractionBlock": "density",
    "RealAgnosticDensityResidualInteractionBlock": "density_residual",
}
_TRANSFORMS = {"NoneType": "none", "AgnesiTransform": "agnesi"}


def mace_config(told: Mapping[str, Any], *, inner_l_max: int | None) -> MaceConfig:
    """The configuration of the same sizes; ConfigError names what `mace` does not have."""
    try:
        _refuse(told)
        return _config(told, inner_l_max)
    except (KeyError, TypeError, ValidationError) as error:
        raise ConfigError(f"the description lacks or garbles something: {error}; write it again") from None


def _config(told: Mapping[str, Any], inner_l_max: int | None) -> MaceConfig:
    first, *later = (_INTERACTIONS[name] for name in told["interactions"])
    hidden = Irreps(told["hidden_irreps"][0])
    (n_channels,) = {count for count, _ in hidden}
    return MaceConfig(
        cutoff=told["r_max"],
        n_layers=len(told["interactions"]),
        n_channels=n_channels,
        n_basis=told["n_basis"],
        cutoff_power=told["cutoff_power"],
        radial_widths=tuple(told["radial_widths"][0]),
        readout_width=told["readout_width"],
        repulsion="mace" if told["pair_repulsion"] else False,
        l_max=max(irrep.l for _, irrep in Irreps(told["edge_irreps"][0])),
        hidden_irreps=" + ".join(str(irrep) for _, irrep in hidden),
        correlation=told["correlation"][0],
        inner_l_max=inner_l_max,
        first_interaction=first,  # type: ignore[arg-type]
        interaction=later[0],  # type: ignore[arg-type]
        distance_transform=_TRANSFORMS[told["transform"]],  # type: ignore[arg-type]
    )


def _refuse(told: Mapping[str, Any]) -> None:
    """ConfigError with everything that is not supported."""
    problems = [text for text, is_wrong in _problems(told) if is_wrong]
    if problems:
        raise ConfigError(
            f"this mace-torch model cannot be converted: {'; '.join(problems)}. Supported: MACE and ScaleShiftMACE of "
            "mace-torch 0.3 with RealAgnostic(Residual/Density) interactions, Bessel functions, polynomial cutoff"
        )


def _problems(told: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """(What is wrong, whether it is)."""
    names, n = told["interactions"], len(told["interactions"])
    hidden = [Irreps(text) for text in told["hidden_irreps"]]
    unknown = sorted({name for name in names if name not in _INTERACTIONS})
    counts = {count for irreps in hidden for count, _ in irreps}
    return [
        (f"description of format {told.get('format')}, wanted {FORMAT}", told.get("format") != FORMAT),
        (f"mace-torch {told['mace_torch']}", not str(told["mace_torch"]).startswith("0.3.")),
        (f"model class {told['model']}", told["model"] not in ("MACE", "ScaleShiftMACE")),
        (f"interaction {', '.join(unknown)}", bool(unknown)),
        ("interactions of several kinds after the first", len(set(names[1:])) > 1),
        (f"{n} interaction, at least 2 are needed", n < 2),
        ("several channel counts in hidden_irreps", len(counts) > 1),
        ("irreps of unnatural parity", any(i.p != (-1) ** i.l for irreps in hidden for _, i in irreps)),
        ("hidden irreps after the last layer", any(i.l for _, i in hidden[-1])),
        ("edge_irreps that differ from the node's", told["channel_irreps"] != told["node_irreps"]),
        (
            "radial networks of several sizes",
            len({tuple(told["radial_widths"][0]) for widths in told["radial_widths"]}) > 1,
        ),
        ("several correlations", len(set(told["correlation"])) > 1 or max(told["correlation"]) > 4),
        ("products without species", told["agnostic_product"]),
        (
            f"readouts {told['readouts']}",
            told["readouts"] != ["LinearReadoutBlock"] * (n - 1) + ["NonLinearReadoutBlock"],
        ),
        (f"readout gate {told['gates'][-1]}", told["gates"][-1] != "silu"),
        (f"radial basis {told['radial']}", told["radial"] != "BesselBasis"),
        (f"distance transform {told['transform']}", told["transform"] not in _TRANSFORMS),
        ("radial functions without cutoff", not told["apply_cutoff"]),
        ("embedded charges or other inputs", told["embeddings"]),
    ]
