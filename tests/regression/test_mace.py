"""The product basis of our untruncated diagrams spans the same space as mace-torch's symmetric contraction.

Features in, basis functions out, in float64 on both sides; MACE's are stored (`make_mace_reference.py`). The linear map
between the two bases is fitted on one half of the samples and must hold on the other half, in both directions.
Batatia et al., NeurIPS 2022, eqs. 10 and 11.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from fusionmd.fusion.contraction import Contraction
from fusionmd.fusion.plan import plan_of
from fusionmd.o3.irreps import Irrep

FOLDER = Path(__file__).resolve().parent
TOLERANCE = 1e-10
# Inner legs of every order, as MACE has them in the contraction of each correlation: it filters them at order 4 alone.
DIAGRAMS = {1: "A", 2: "(A, A)", 3: "((A, A), A)", 4: "(((A, A)@4+, A)@6+, A)"}
CASES = [(2, 1), (2, 2), (3, 1), (3, 2), (3, 3), (4, 1), (4, 2), (4, 3), (4, 4)]
TARGETS = ["0e", "1o"]
# Dimensions of the spaces: rank of MACE's own coupling tensors, made symmetric in the legs.
RANKS = {(2, "0e"): 4, (2, "1o"): 3, (3, "0e"): 8, (3, "1o"): 12}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("correlation", "order"), CASES)
def test_the_spaces_are_equal(correlation, order, target):
    ours, theirs = both(correlation, order, target)
    assert rank(ours) == rank(theirs) == rank(np.hstack([ours, theirs]))
    assert residual(ours, theirs) < TOLERANCE
    assert residual(theirs, ours) < TOLERANCE


@pytest.mark.parametrize(("order", "target"), RANKS)
def test_the_dimension_at_l_max_3(order, target):
    ours, theirs = both(3, order, target)
    assert rank(ours) == rank(theirs) == RANKS[order, target]


@pytest.mark.parametrize("target", TARGETS)
def test_a_truncated_inner_leg_can_be_a_smaller_space(target):
    """MACE's inner l reaches 6 and has both parities."""
    truncated, theirs = both(3, 3, target, diagram="((A, A)@1+, A)")
    assert residual(theirs, truncated) < TOLERANCE
    assert rank(truncated) < rank(theirs)
    assert residual(truncated, theirs) > 0.01


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("truncation", ["@2+", "@3+"])
def test_redundant_labellings_leave_room_to_truncate(truncation, target):
    """With three equal legs most labellings depend on each other: those of small inner l span the whole space."""
    truncated, theirs = both(3, 3, target, diagram=f"((A, A){truncation}, A)")
    assert residual(theirs, truncated) < TOLERANCE
    assert residual(truncated, theirs) < TOLERANCE


def both(correlation: int, order: int, target: str, diagram: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Our and MACE's basis functions as matrices [samples, functions]; the samples are atoms, channels, components."""
    with np.load(FOLDER / f"mace_correlation{correlation}.npz") as file:
        features, theirs = file["A"], file[f"order{order}_{target}"]
    ours = basis_functions(diagram or DIAGRAMS[order], features, Irrep.parse(target))
    return as_matrix(ours), as_matrix(theirs)


def basis_functions(diagram: str, features: np.ndarray, target: Irrep) -> np.ndarray:
    """All labellings of a diagram, without channel matrices [n, 2l+1, n_paths, channels]."""
    l_max = round(features.shape[1] ** 0.5) - 1
    carried = [Irrep(l, (-1) ** l) for l in range(l_max + 1)]
    plan = plan_of(diagram, {"A": carried}, [target], resolved=True)
    contraction = Contraction(plan, features.shape[2], [target], mixing=False).double()
    leaf = [features[:, irrep.l**2 : (irrep.l + 1) ** 2] for irrep in plan.lines[0].irreps]
    with torch.no_grad():
        return contraction([torch.from_numpy(np.concatenate(leaf, axis=1))])[0].numpy()


def as_matrix(functions: np.ndarray) -> np.ndarray:
    """[n, 2l+1, n_paths, channels] -> [samples, n_paths], columns of norm 1; functions that vanish are left out."""
    columns = functions.transpose(0, 3, 1, 2).reshape(-1, functions.shape[2])
    norms = np.linalg.norm(columns, axis=0)
    return columns[:, norms > 1e-12] / norms[norms > 1e-12]


def rank(functions: np.ndarray) -> int:
    """Dimension of the space that the columns span."""
    return int(np.linalg.matrix_rank(functions, tol=1e-8))


def residual(source: np.ndarray, wanted: np.ndarray) -> float:
    """Largest error of `wanted` written in the functions of `source`: fitted on the first half, tested on the other."""
    half = len(source) // 2
    matrix = np.linalg.lstsq(source[:half], wanted[:half], rcond=1e-10)[0]
    assert half > rank(source), "too few samples: any function would fit"
    return float(np.abs(source[half:] @ matrix - wanted[half:]).max() / np.abs(wanted).max())
