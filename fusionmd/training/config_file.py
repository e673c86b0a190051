"""Reading and writing the configuration file: YAML, overrides, and errors that name file, line and nearest key."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from fusionmd.errors import ConfigError
from fusionmd.training.config import Config

Key = tuple[str, ...]
EXPONENT = re.compile(r"[-+]?\d+\.?\d*[eE][-+]?\d+")
PATH_KEYS: tuple[Key, ...] = (("data", "train"), ("data", "valid"), ("data", "split"), ("data", "isolated_atoms"))


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """The validated configuration of a YAML file, with `a.b=c` overrides applied.

    Relative paths in the section `data` are looked up from the folder of the file; ${NAME} is an environment
    variable.
    """
    path = Path(path)
    tree, lines = _read_yaml(path)
    for override in overrides:
        _apply_override(tree, override)
    _anchor_paths(tree, path.parent)
    return parse_config(tree, source=str(path), lines=lines)


def parse_config(
    tree: Mapping[str, Any], *, source: str = "configuration", lines: Mapping[Key, int] | None = None
) -> Config:
    """The validated configuration of a nested mapping; errors name the place in `source`."""
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise ConfigError("; ".join(_messages(error, source, lines or {}))) from None


def config_yaml(config: Config) -> str:
    """The resolved configuration as YAML text; `load_config` reads it back to the same object."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def _read_yaml(path: Path) -> tuple[dict[str, Any], dict[Key, int]]:
    try:
        text = path.read_text()
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        tree = _with_exponents(yaml.safe_load(text))
    except OSError as error:
        raise ConfigError(f"cannot read {path} ({error.strerror}); give the path of a YAML file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(tree, dict):
        raise ConfigError(f"{path} holds no sections; wanted at least `data:` and `model:`")
    return tree, dict(_lines(node, ()))


def _lines(node: yaml.Node | None, prefix: Key) -> Iterator[tuple[Key, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = (*prefix, str(key.value))
            yield name, key.start_mark.line + 1
            yield from _lines(value, name)


def _apply_override(tree: dict[str, Any], override: str) -> None:
    name, equals, text = override.partition("=")
    keys = name.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError(f"--set {override!r} is not of the form section.key=value")
    for key in keys[:-1]:
        inner = tree.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"--set {override!r}: {key} is a value, not a section")
        tree = inner
    tree[keys[-1]] = _scalar(override, text)


def _scalar(override: str, text: str) -> Any:
    try:
        return _with_exponents(yaml.safe_load(text))
    except yaml.YAMLError:
        raise ConfigError(f"--set {override!r}: the value is not valid YAML") from None


def _with_exponents(value: Any) -> Any:
    """YAML 1.1 reads 1e-3 as a string (it wants 1.0e-3); people mean the number."""
    if isinstance(value, dict):
        return {key: _with_exponents(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_exponents(item) for item in value]
    return float(value) if isinstance(value, str) and EXPONENT.fullmatch(value) else value


def _anchor_paths(tree: dict[str, Any], folder: Path) -> None:
    for section, key in PATH_KEYS:
        values = tree.get(section)
        if isinstance(values, dict) and values.get(key):
            values[key] = _anchored(values[key], folder)


def _anchored(value: Any, folder: Path) -> Any:
    if isinstance(value, list):
        return [_anchored(item, folder) for item in value]
    return str((folder / _with_environment(value)).resolve()) if isinstance(value, str) else value


def _with_environment(path: str) -> str:
    """`path` with ${NAME} replaced by environment variables, for example ${FUSIONMD_DATA}."""
    expanded = os.path.expandvars(path)
    unset = re.findall(r"\$\{?(\w+)", expanded)
    if unset:
        raise ConfigError(f"path {path} uses the environment variable {unset[0]}, which is not set; set it to a folder")
    return expanded


def _messages(error: ValidationError, source: str, lines: Mapping[Key, int]) -> Iterator[str]:
    for item in error.errors():
        key = tuple(str(part) for part in item["loc"])
        place = f"{source}{_line(key, lines)}: `{'.'.join(key)}`"
        if item["type"] == "extra_forbidden":
            yield f"{place} is not a known key{_nearest(key)}"
        elif item["type"] == "missing":
            yield f"{place} is missing; add it"
        else:
            yield f"{place}: {item['msg']}, got {item['input']!r}"


def _line(key: Key, lines: Mapping[Key, int]) -> str:
    for length in range(len(key), 0, -1):
        if key[:length] in lines:
            return f", line {lines[key[:length]]}"
    return ""


def _nearest(key: Key) -> str:
    known = _known_keys(key[:-1])
    near = difflib.get_close_matches(key[-1], known, n=1, cutoff=0.5)
    return f"; did you mean `{near[0]}`?" if near else f"; known keys are {', '.join(known)}"


def _known_keys(section: Key) -> list[str]:
    model: type[BaseModel] = Config
    for name in section:
        field = model.model_fields.get(name)
        choices = (field.annotation, *get_args(field.annotation)) if field else ()
        model = next((c for c in choices if isinstance(c, type) and issubclass(c, BaseModel)), model)
    return list(model.model_fields)
