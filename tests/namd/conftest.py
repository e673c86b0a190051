"""What several tests of trajectories start from."""

import pytest
import yaml

from fusionmd.potential import export_potential
from tests.namd.springs import MorsePairs
from tests.namd.water import WATER


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A potential of two states, and a study of it."""
    folder = tmp_path_factory.mktemp("study")
    export_potential(MorsePairs().double(), folder / "two.pt", atomic_energies={1: -13.6, 8: (-2040.0, -2039.85)})
    (folder / "water.yaml").write_text(yaml.safe_dump(WATER))
    return folder
