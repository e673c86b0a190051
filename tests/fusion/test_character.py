"""Multiplicities from characters: known decompositions, and completeness of the labellings (law 2)."""

from collections import Counter

import pytest

from fusionmd.fusion.character import multiplicity, symmetric_multiplicity
from fusionmd.fusion.diagram import Diagram
from fusionmd.fusion.enumerate import enumerate_labellings
from fusionmd.o3.irreps import Irrep

LEAVES = {
    "A": [Irrep(l, (-1) ** l) for l in range(3)],
    "h": [Irrep(0, 1), Irrep(1, -1), Irrep(1, 1)],
    "s": [Irrep(0, -1), Irrep(3, 1)],
}


def test_isotropic_cartesian_tensors() -> None:
    """Scalars in the product of k vectors: the Riordan numbers 0, 1, 1, 3, 6, 15 (OEIS A005043), parity (-1)^k."""
    v = Irrep(1, -1)
    found = [multiplicity([[v]] * k, Irrep(0, (-1) ** k)) for k in range(1, 7)]
    assert found == [0, 1, 1, 3, 6, 15]
    assert multiplicity([[v]] * 3, Irrep(0, 1)) == 0


def test_symmetric_powers_of_a_vector() -> None:
    """Sym^k(1o) = k + (k-2) + ... with parity (-1)^k: the degree-k polynomials in x, y, z."""
    for k in range(6):
        found = {l for l in range(k + 1) if symmetric_multiplicity([Irrep(1, -1)], k, Irrep(l, (-1) ** k))}
        assert found == set(range(k % 2, k + 1, 2))


@pytest.mark.parametrize(
    "text", ["A", "(A, h)", "((A, A), A)", "(A, (h, s))", "((A, h), s)", "((A, A), (h, A))", "(((A, h), A), h)"]
)
def test_completeness(text: str) -> None:
    """Law 2: as many admissible labellings as the character formula says, for every outgoing irrep."""
    diagram = Diagram.parse(text)
    count = Counter(labelling.irrep for labelling in enumerate_labellings(diagram, LEAVES))
    leaves = [LEAVES[leaf.name] for leaf in diagram.leaves]
    for target in (Irrep(l, p) for l in range(10) for p in (1, -1)):
        assert count[target] == multiplicity(leaves, target)


def test_truncated_inner_lines_are_a_smaller_space() -> None:
    full, cut = (
        enumerate_labellings(Diagram.parse(t), LEAVES, [Irrep(0, 1)]) for t in ("((A, A), A)", "((A, A)@1, A)")
    )
    assert len(cut) < len(full) == multiplicity([LEAVES["A"]] * 3, Irrep(0, 1))
