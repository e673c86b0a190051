"""Law 1 on the torch contraction: fusion blocks keep rotations and inversion, in both bases."""

from functools import reduce

import numpy as np
import pytest
import torch

from fusionmd.fusion.contraction import Contraction
from fusionmd.fusion.plan import plan_of
from fusionmd.o3.cartesian import cartesian_basis
from fusionmd.o3.irreps import Irrep
from fusionmd.o3.laws import assert_close
from fusionmd.o3.wigner import random_rotation, representation

LEAVES = {
    "A": [Irrep(l, (-1) ** l) for l in range(3)],
    "h": [Irrep(0, 1), Irrep(1, -1), Irrep(1, 1), Irrep(0, -1)],
}
N, C = 4, 3


def action(irrep: Irrep, basis: str, matrix: np.ndarray) -> np.ndarray:
    """D(R), or R (x) ... (x) R times det R for a pseudo-tensor: no Wigner matrix enters the Cartesian law."""
    if basis == "spherical":
        return representation(irrep, matrix)
    sign = 1.0 if irrep.is_natural else np.linalg.det(matrix)
    return sign * reduce(np.kron, [matrix] * irrep.l, np.eye(1))


def traceless(rng: np.random.Generator, irrep: Irrep, basis: str) -> np.ndarray:
    x = rng.standard_normal((N, irrep.dim, C))
    return x if basis == "spherical" else np.einsum("tm,nmc->ntc", cartesian_basis(irrep.l), x)


@pytest.mark.parametrize("basis", ["spherical", "cartesian"])
@pytest.mark.parametrize("resolved", [False, True])
@pytest.mark.parametrize("text", ["(A, h)@2", "((A, A)@2, A)@2", "((A, h)@1, (h, A)@1)@1", "(h, (A, A)@2+)@2"])
def test_blocks_are_equivariant(text: str, resolved: bool, basis: str) -> None:
    rng = np.random.default_rng(3)
    torch.manual_seed(0)
    plan = plan_of(text, LEAVES, resolved=resolved, basis=basis)
    targets = plan.lines[plan.outputs[0]].distinct
    module = Contraction(plan, C, targets, mixing=not resolved).double()
    leaves = [[traceless(rng, irrep, basis) for irrep in line.irreps] for line in plan.leaf_lines]

    def outputs(matrix: np.ndarray) -> list[np.ndarray]:
        tensors = []
        for line, parts in zip(plan.leaf_lines, leaves, strict=True):
            turned = [action(irrep, basis, matrix) @ x for irrep, x in zip(line.irreps, parts, strict=True)]
            tensors.append(torch.from_numpy(np.concatenate(turned, axis=1)))
        return [y.detach().numpy().reshape(N, y.shape[1], -1) for y in module(tensors)]

    expected = outputs(np.eye(3))
    for is_improper in (False, True):
        matrix = random_rotation(rng, is_improper=is_improper)
        turned = [action(irrep, basis, matrix) @ y for irrep, y in zip(targets, expected, strict=True)]
        got = np.concatenate(outputs(matrix), axis=None)
        assert_close(got, np.concatenate(turned, axis=None), 1e-10, f"{text}, improper {is_improper}")
