"""One layer of `fusion_net`: its plans from the diagrams of the configuration, and what cannot be built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import List

from fusionmd.errors import ConfigError
from fusionmd.fusion.plan import Plan, plan_of
from fusionmd.models.fusion_net_config import FusionNetConfig
from fusionmd.nn.layer import Layer
from fusionmd.nn.message_sum import message_sum
from fusionmd.nn.radial import RadialNetwork
from fusionmd.o3.irreps import Irrep


def fusion_layer(
    config: FusionNetConfig,
    irreps_in: Sequence[Irrep],
    target: Sequence[Irrep],
    n_species: int,
    mean_degree: float,
    *,
    has_skip: bool,
) -> Layer:
    """Layer of `config` from features of `irreps_in` to those of `target`; ConfigError where no diagram leads there."""
    carried = {"Y": _harmonics(config.l_max), "h_j": irreps_in, "h_i": irreps_in}
    c, mixing = config.n_channels, config.internal_mixing
    message = plan_of(config.message, carried, resolved=not mixing, basis=config.basis)
    _demand_all_read(config, message)
    product = _product_plan(config, message, irreps_in, target)
    summed = message_sum(
        message, carried, c, mean_degree=mean_degree, reduced=not config.radial_per_path, mixing=mixing
    )
    radial = RadialNetwork(
        config.n_basis, config.radial_widths, summed.n_weights * c, n_species=n_species if config.radial_species else 0
    )
    return Layer(
        message,
        product,
        irreps_in,
        target,
        n_channels=c,
        n_species=n_species,
        radial=radial,
        message_sum=summed,
        mixing=mixing,
        has_skip=has_skip,
    )


def _demand_all_read(config: FusionNetConfig, message: Plan) -> None:
    """Every irrep of a neighbour's features must reach some message."""
    for step in message.steps:
        for leg, side in ((step.left, "left"), (step.right, "right")):
            line = message.lines[leg]
            read = {getattr(path, side) for path in step.paths}
            idle = [str(irrep) for k, irrep in enumerate(line.irreps) if k not in read and line.name.startswith("h_j")]
            if idle:
                raise ConfigError(
                    f"model.hidden_irreps has {', '.join(idle)}, which the message {config.message} cannot read; "
                    "take it out, or widen the truncation (without '+' it admits unnatural parity)"
                )


def _product_plan(config: FusionNetConfig, message: Plan, irreps_in: Sequence[Irrep], target: Sequence[Irrep]) -> Plan:
    carried = {"A": message.lines[message.outputs[0]].distinct, "h_i": irreps_in}
    plan = plan_of(config.product, carried, target, resolved=not config.internal_mixing, basis=config.basis)
    missing = [str(irrep) for irrep in target if not any(irrep in plan.lines[k].irreps for k in plan.outputs)]
    if missing:
        raise ConfigError(
            f"model.product: no diagram of {list(config.product)} ends in {', '.join(missing)} of hidden_irreps "
            f"(A carries {', '.join(map(str, carried['A']))}); take it out, or widen the truncations '@n'"
        )
    return plan


def _harmonics(l_max: int) -> List[Irrep]:
    return [Irrep(l, (-1) ** l) for l in range(l_max + 1)]
