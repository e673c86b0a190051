import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionmd.errors import IrrepsError
from fusionmd.o3 import Irrep, Irreps

irrep_values = st.builds(Irrep, st.integers(0, 12), st.sampled_from([-1, 1]))
irreps_values = st.lists(st.tuples(st.integers(0, 40), irrep_values), max_size=5).map(Irreps)


@given(irrep_values)
def test_irrep_prints_and_parses_to_itself(irrep):
    assert Irrep.parse(str(irrep)) == irrep
    assert Irrep.parse(irrep) is irrep


@given(irreps_values)
def test_irreps_print_and_parse_to_themselves(irreps):
    assert Irreps(str(irreps)) == irreps
    assert Irreps.parse(irreps) is irreps


@given(irrep_values, irrep_values)
def test_product_has_the_dimension_of_the_pair(left, right):
    product = left.product(right)
    assert sum(irrep.dim for irrep in product) == left.dim * right.dim
    assert {irrep.p for irrep in product} == {left.p * right.p}


@given(irreps_values)
def test_slices_tile_the_vector(irreps):
    slices = irreps.slices()
    covered = [i for where in slices for i in range(where.start, where.stop)]
    assert covered == list(range(irreps.dim))
    assert [s.stop - s.start for s in slices] == [mul * irrep.dim for mul, irrep in irreps]


@given(irreps_values, irreps_values)
def test_merging_keeps_the_content(left, right):
    total = (left + right).merged()
    assert isinstance(left + right, Irreps)
    assert (total.dim, total.n_irreps) == (left.dim + right.dim, left.n_irreps + right.n_irreps)
    assert list(total) == sorted(total, key=lambda block: block[1])
    assert len({irrep for _, irrep in total}) == len(total)


def test_known_values():
    irreps = Irreps("32x0e + 1o+2x 3e")
    assert tuple(irreps) == ((32, Irrep(0, 1)), (1, Irrep(1, -1)), (2, Irrep(3, 1)))
    assert (irreps.dim, irreps.n_irreps, irreps.l_max) == (32 + 3 + 14, 35, 3)
    assert Irreps.spherical_harmonics(3) == Irreps("0e + 1o + 2e + 3o")
    assert all(irrep.is_natural for _, irrep in Irreps.spherical_harmonics(3))
    assert not Irrep.parse("1e").is_natural
    assert (Irreps("").dim, Irreps().l_max) == (0, -1)
    assert Irreps(Irrep(1, 1)) == Irreps("1x1e")


@pytest.mark.parametrize("text", ["1", "o", "1x", "-1o", "1o1e", "2x1o", "1.0e"])
def test_an_unreadable_irrep_is_named(text):
    with pytest.raises(IrrepsError, match="cannot read"):
        Irrep.parse(text)


@pytest.mark.parametrize("text", ["1o +", "3*1o", "x1o", "-2x1o", "1o 1e", "1o, 2e"])
def test_unreadable_irreps_are_named(text):
    with pytest.raises(IrrepsError, match="cannot read"):
        Irreps(text)


def test_impossible_values_cannot_exist():
    for l, p in [(-1, 1), (1, 0), (1, 2), (0.5, 1)]:
        with pytest.raises(IrrepsError):
            Irrep(l, p)
    with pytest.raises(IrrepsError, match="multiplicity"):
        Irreps([(-1, "0e")])
