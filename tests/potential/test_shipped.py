"""Shipped potentials are found by name, from a checkout and from an installed wheel."""

import pytest

from fusionmd.errors import PotentialFormatError
from fusionmd.potential.shipped import potential_path, shipped_folders


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "pyproject.toml").touch()
    folder = tmp_path / "models" / "water"
    folder.mkdir(parents=True)
    (folder / "potential.pt").touch()
    (tmp_path / "models" / "empty").mkdir()
    return tmp_path / "fusionmd"


@pytest.fixture
def wheel(tmp_path):
    package = tmp_path / "site-packages" / "fusionmd"
    folder = package / "_models" / "water"
    folder.mkdir(parents=True)
    (folder / "potential.pt").touch()
    return package


def test_found_in_a_checkout(checkout):
    assert list(shipped_folders(checkout)) == ["water"]
    assert potential_path("water", package=checkout) == checkout.parent / "models/water/potential.pt"


def test_found_in_a_wheel(wheel):
    assert potential_path("water", package=wheel) == wheel / "_models/water/potential.pt"


def test_a_models_folder_beside_an_installed_package_is_not_ours(wheel):
    stranger = wheel.parent / "models" / "other"
    stranger.mkdir(parents=True)
    (stranger / "potential.pt").touch()
    assert list(shipped_folders(wheel)) == ["water"]


def test_a_file_comes_before_a_name(checkout, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "water").touch()
    assert potential_path("water", package=checkout).resolve() == tmp_path / "water"


def test_unknown_name_lists_the_known(checkout):
    with pytest.raises(PotentialFormatError, match="'steam'.*shipped: water"):
        potential_path("steam", package=checkout)


def test_folder_says_which_file(checkout, tmp_path):
    with pytest.raises(PotentialFormatError, match="is a folder.*potential.pt"):
        potential_path(tmp_path, package=checkout)
