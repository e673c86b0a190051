"""Plans whose diagrams reach every irrep that is wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fusionmd.errors import ConfigError
from fusionmd.fusion.basis import Basis
from fusionmd.fusion.plan import Plan, plan_of
from fusionmd.o3.irreps import Irrep


def reaching_plan(
    what: str,
    diagrams: Sequence[str],
    carried: Mapping[str, Sequence[Irrep]],
    target: Sequence[Irrep],
    *,
    resolved: bool = False,
    symmetric_leaves: bool = True,
    basis: Basis = "spherical",
) -> Plan:
    """`plan_of` these diagrams; ConfigError, beginning with `what`, if an irrep of `target` is the end of none."""
    plan = plan_of(list(diagrams), carried, target, resolved=resolved, symmetric_leaves=symmetric_leaves, basis=basis)
    ends = {irrep for k in plan.outputs for irrep in plan.lines[k].irreps}
    missing = [str(irrep) for irrep in target if irrep not in ends]
    if missing:
        leaves = "; ".join(f"{name} carries {', '.join(map(str, irreps))}" for name, irreps in carried.items())
        raise ConfigError(
            f"{what}: none of {', '.join(map(str, diagrams))} ends in {', '.join(missing)} ({leaves}); "
            "take it out of the irreps, raise l_max, or widen the truncations"
        )
    return plan
