"""Law 1 on the oracle: blocks with all their weights keep rotations, inversion, translations and permutations."""

from collections.abc import Callable

import numpy as np
import pytest

from fusionmd.fusion.diagram import Diagram
from fusionmd.fusion.enumerate import enumerate_labellings
from fusionmd.fusion.evaluate import BlockWeights, evaluate_block
from fusionmd.o3.cartesian import to_spherical
from fusionmd.o3.irreps import Irrep, Irreps
from fusionmd.o3.laws import assert_equivariant, assert_permutation_equivariant, assert_translation_invariant

N_CHANNELS = 2
LEAVES = {
    "A": [Irrep(l, (-1) ** l) for l in range(3)],
    "h": [Irrep(0, 1), Irrep(1, -1), Irrep(1, 1), Irrep(0, -1)],
}
Block = Callable[..., tuple[np.ndarray, ...]]


def irreps_of(irreps: list[Irrep]) -> Irreps:
    return Irreps([(N_CHANNELS, irrep) for irrep in irreps])


def unpacked(flat: np.ndarray, irreps: list[Irrep]) -> dict[Irrep, np.ndarray]:
    """[n, dim] to {irrep: [n, 2l+1, C]}."""
    slices = irreps_of(irreps).slices()
    return {irrep: flat[:, s].reshape(-1, irrep.dim, N_CHANNELS) for irrep, s in zip(irreps, slices, strict=True)}


def random_block(text: str, rng: np.random.Generator) -> tuple[Block, list[Irrep]]:
    """The block of every labelling with random channel matrices on every leg, vertex and path weights."""
    diagram = Diagram.parse(text)
    labellings = enumerate_labellings(diagram, LEAVES)
    lines = {(path, irrep) for labelling in labellings for path, irrep in labelling.lines()}
    coupled = {((), labelling.vertices[-1]) for labelling in labellings}
    weights = BlockWeights(
        legs={line: rng.standard_normal((N_CHANNELS, N_CHANNELS)) for line in sorted(lines)},
        vertices={key: rng.standard_normal(N_CHANNELS) for key in sorted(coupled)},
        labellings={labelling: rng.standard_normal((2, N_CHANNELS)) for labelling in labellings},
    )

    def species(x: np.ndarray) -> np.ndarray:
        """Sign of the first invariant of a row, so that it follows every permutation and no rotation changes it."""
        return (x[:, 0] > 0).astype(int)

    out = sorted({labelling.irrep for labelling in labellings})

    def block(*flat: np.ndarray) -> tuple[np.ndarray, ...]:
        values = {name: unpacked(x, LEAVES[name]) for name, x in zip(diagram.leaf_names, flat, strict=True)}
        y = evaluate_block(diagram, labellings, values, weights, species=species(flat[0]))
        return tuple(y[irrep].reshape(len(flat[0]), -1) for irrep in out)

    return block, out


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.mark.parametrize("text", ["(A, h)@2", "((A, A)@2, A)@1", "(A@1, (h, A)@1+)@1", "((A, h)@1, (h, A)@1)@1"])
def test_blocks_are_equivariant(rng: np.random.Generator, text: str) -> None:
    block, out = random_block(text, rng)
    names = Diagram.parse(text).leaf_names
    assert_equivariant(
        block,
        [irreps_of(LEAVES[name]) for name in names],
        [irreps_of([irrep]) for irrep in out],
        tolerance=1e-10,
        n_rotations=2,
        convert=np.asarray,
    )


def test_rows_follow_a_permutation(rng: np.random.Generator) -> None:
    block, _ = random_block("((A, h)@1, A)@1", rng)
    inputs = [rng.standard_normal((6, irreps_of(LEAVES[name]).dim)) for name in ("A", "h")]
    assert_permutation_equivariant(block, inputs, convert=np.asarray)


def energies(positions: np.ndarray) -> np.ndarray:
    """A three-body model per atom [n, C]: A_i = sum_j Y(r_ij) exp(-k r_ij^2), E_i = sum of all ((A, A), A) scalars."""
    r = positions[:, None] - positions[None]
    others = ~np.eye(len(r), dtype=bool)
    radial = np.exp(-np.multiply.outer((r**2).sum(-1), [0.3, 0.7])) * others[..., None]
    powers = [np.ones((*r.shape[:2], 1)), r, np.einsum("ija,ijb->ijab", r, r).reshape(*r.shape[:2], 9)]
    leaves = {Irrep(l, (-1) ** l): np.einsum("ijm,ijc->imc", to_spherical(p), radial) for l, p in enumerate(powers)}
    diagram = Diagram.parse("((A, A), A)")
    labellings = enumerate_labellings(diagram, {"A": list(leaves)}, [Irrep(0, 1)])
    return evaluate_block(diagram, labellings, {"A": leaves})[Irrep(0, 1)][:, 0]


def test_a_density_model_keeps_every_symmetry_of_space(rng: np.random.Generator) -> None:
    positions = rng.standard_normal((5, 3))
    assert_translation_invariant(energies, positions, convert=np.asarray)
    assert_permutation_equivariant(energies, [positions], convert=np.asarray)
    assert_equivariant(energies, "xyz", "2x0e", inputs=[positions], convert=np.asarray)
    assert np.abs(energies(positions * [1, 1, 1.1]) - energies(positions)).max() > 1e-3
