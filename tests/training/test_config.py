from pathlib import Path

import pytest
import yaml

from fusionmd.errors import ConfigError
from fusionmd.training.config_file import config_yaml, load_config, parse_config

TEXT = """\
data:
  train: train.xyz
model: {name: toy, cutoff: 4e0}
optimizer:
  learning_rate: 1e-3
  weight_decya: 0.1
"""
GOOD = TEXT.replace("weight_decya", "weight_decay")


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return path


def test_an_unknown_key_is_named_with_file_line_and_nearest_key(tmp_path):
    with pytest.raises(ConfigError, match=r"c\.yaml, line 6: `optimizer\.weight_decya` .*did you mean `weight_decay`"):
        load_config(written(tmp_path, TEXT))


def test_an_unknown_section_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"line 7: `optimiser` .*did you mean `optimizer`"):
        load_config(written(tmp_path, GOOD + "optimiser: {}\n"))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epochs=0", r"`training\.epochs`.*greater than or equal to 1, got 0"),
        ("training.epochs", "not of the form"),
        ("training.batchsize=3", "did you mean `batch_size`"),
        ("schedule.stage_two.strat=0.5", "did you mean `start`"),
        ("model.name.x=1", "is a value, not a section"),
        ("optimizer.name=sgd", "adamw"),
    ],
)
def test_bad_overrides(tmp_path, override, message):
    with pytest.raises(ConfigError, match=message):
        load_config(written(tmp_path, GOOD), [override])


def test_overrides_and_exponents(tmp_path):
    config = load_config(written(tmp_path, GOOD), ["optimizer.learning_rate=2e-4", "loss.energy=3", "model.width=1e1"])
    assert config.optimizer.learning_rate == 2e-4 and config.loss.energy == 3
    assert config.model == {"name": "toy", "cutoff": 4.0, "width": 10.0}


def test_paths_are_relative_to_the_file(tmp_path):
    assert load_config(written(tmp_path, GOOD)).data.train == (tmp_path / "train.xyz",)


def test_the_resolved_configuration_reads_back_to_the_same(tmp_path):
    config = load_config(written(tmp_path, GOOD + "schedule: {stage_two: {start: 0.5, energy: 10}}\n"))
    assert load_config(written(tmp_path, config_yaml(config))) == config
    assert parse_config(yaml.safe_load(config_yaml(config))) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [", "not valid YAML"), ("- 1", "holds no sections"), ("model: {name: x}", "`data` is missing")],
)
def test_files_that_are_no_configuration(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load_config(written(tmp_path, text))


def test_a_missing_file(tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(tmp_path / "none.yaml")


def test_given_references_need_values():
    with pytest.raises(ConfigError, match="needs `values`"):
        parse_config({"data": {"train": "a.xyz"}, "model": {}, "e0": {"kind": "given"}})
