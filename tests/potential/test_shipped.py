"""Shipped potentials are found by name, from a checkout and from an installed wheel."""

import json

import pytest

from fusionmd.errors import PotentialFormatError
from fusionmd.potential import load_potential
from fusionmd.potential.shipped import potential_path, shipped_folders
from fusionmd.training.config_file import load_config

NONE_YET = pytest.param("", marks=pytest.mark.skip(reason="no potential is shipped yet"))
MAX_BYTES = 5_000_000


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


@pytest.fixture(params=list(shipped_folders()) or [NONE_YET])
def shipped(request, monkeypatch, tmp_path):
    """Name and folder of each potential that travels with this checkout."""
    monkeypatch.setenv("FUSIONMD_DATA", str(tmp_path))
    return request.param, shipped_folders()[request.param]


def test_a_shipped_potential_is_complete_and_small(shipped):
    _, folder = shipped
    assert {"potential.pt", "config.yaml", "metrics.json", "model_card.md"} <= {path.name for path in folder.iterdir()}
    assert (folder / "potential.pt").stat().st_size <= MAX_BYTES


def test_a_shipped_potential_passes_its_self_test_and_says_where_it_comes_from(shipped):
    name, folder = shipped
    metadata = load_potential(name).metadata
    assert metadata.name == name and metadata.licence_weights and metadata.citations
    assert metadata.data_sha256 and metadata.commit and metadata.metrics
    assert json.loads((folder / "metrics.json").read_text())


def test_a_shipped_potential_was_made_by_the_configuration_beside_it(shipped):
    name, folder = shipped
    (description,) = load_potential(name).metadata.config
    config = load_config(folder / "config.yaml")
    assert config.model_dump(mode="json")["model"] == description["model"]
    for name in ("training", "e0", "loss", "optimizer", "schedule"):
        section = getattr(config, name)
        # Options that came later have their defaults.
        assert section == type(section).model_validate(description["training"][name]), name
