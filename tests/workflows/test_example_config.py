"""The example configuration is valid, means the defaults, and names every key."""

import pytest
import yaml

from fusionmd.errors import ConfigError
from fusionmd.models import architectures, build_model
from fusionmd.training.config import Config
from fusionmd.training.config_file import load_config
from fusionmd.workflows.example_config import example_yaml


@pytest.mark.parametrize("name", sorted(architectures()))
def test_example_means_the_defaults(name, tmp_path):
    path = tmp_path / "train.yaml"
    path.write_text(example_yaml(name))
    config = load_config(path)
    assert config == Config(data={"train": tmp_path / "train.xyz"}, model=config.model)
    settings = {key: value for key, value in config.model.items() if key != "name"}
    assert architectures()[name](**settings) == architectures()[name]()
    assert build_model(config.model, elements=[1, 6]).elements == [1, 6]


@pytest.mark.parametrize("name", sorted(architectures()))
def test_example_names_every_key(name):
    text = example_yaml(name)
    keys = [*Config.model_fields, *architectures()[name].model_fields]
    assert [key for key in keys if f"{key}:" not in text] == []


def test_example_is_read_by_plain_yaml_as_text_lists():
    assert yaml.safe_load(example_yaml("fusion_net"))["model"]["product"] == ["A", "(A, A)@3+", "((A, A)@3+, A)"]


def test_unknown_architecture_lists_the_known():
    with pytest.raises(ConfigError, match="'fusion'.*fusion_net"):
        example_yaml("fusion")
