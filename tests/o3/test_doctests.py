import doctest
from importlib import import_module

import pytest

MODULES = ["irreps", "clebsch_gordan", "wigner", "sixj", "cartesian", "spherical_harmonics", "laws"]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    results = doctest.testmod(import_module(f"fusionmd.o3.{name}"), optionflags=doctest.ELLIPSIS)
    assert results.attempted > 0
    assert results.failed == 0
