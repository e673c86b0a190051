"""The numpy oracle beside a plan: which labelling a path stands for, and leaf values in either basis."""

import numpy as np

from fusionmd.fusion.enumerate import Labelling
from fusionmd.fusion.evaluate import evaluate, evaluate_cartesian
from fusionmd.fusion.plan import Plan
from fusionmd.fusion.steps import Step
from fusionmd.o3.cartesian import cartesian_basis
from fusionmd.o3.irreps import Irrep

Values = dict[str, dict[Irrep, np.ndarray]]
ORACLES = {"spherical": evaluate, "cartesian": evaluate_cartesian}


def in_basis(values: Values, basis: str) -> Values:
    """Leaf values [n, 2l+1, C], or [n, 3^l, C] in the Cartesian basis."""
    if basis == "spherical":
        return values
    return {
        name: {irrep: np.einsum("tm,nmc->ntc", cartesian_basis(irrep.l), x) for irrep, x in irreps.items()}
        for name, irreps in values.items()
    }


def couplings(plan: Plan, step: Step, target: Irrep) -> list[tuple[Irrep, Irrep, Irrep]]:
    left, right = plan.lines[step.left].irreps, plan.lines[step.right].irreps
    return [(left[path.left], right[path.right], target) for path in step.paths_to(target)]


def full_labelling(plan: Plan, line: int, k: int) -> Labelling:
    """The labelling that the k-th irrep of a line of a resolved plan stands for."""
    if line < len(plan.leaves):
        return Labelling(plan.lines[line].irreps[k])
    step = next(step for step in plan.steps if step.out == line)
    path = step.paths[k]
    legs = (full_labelling(plan, step.left, path.left), full_labelling(plan, step.right, path.right))
    return Labelling(path.out, legs)
