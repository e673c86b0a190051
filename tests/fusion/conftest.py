"""Random leaf values and weights."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from fusionmd.o3.irreps import Irrep

Values = dict[str, dict[Irrep, np.ndarray]]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240207)


@pytest.fixture
def random_values(rng: np.random.Generator) -> Callable[..., Values]:
    """values(leaf_irreps, n, C) -> {name: {irrep: [n, 2l+1, C]}}."""

    def values(leaf_irreps: Mapping[str, Sequence[Irrep]], n: int = 4, n_channels: int = 3) -> Values:
        return {
            name: {irrep: rng.standard_normal((n, irrep.dim, n_channels)) for irrep in irreps}
            for name, irreps in leaf_irreps.items()
        }

    return values
