"""Settings from a YAML file; what is wrong in it is said with file, line and the nearest known key."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from fusionmd.errors import ConfigError

Settings = TypeVar("Settings", bound=BaseModel)
Key = tuple[str, ...]


def read_settings(path: str | Path, kind: type[Settings]) -> Settings:
    """The validated settings of a file; ConfigError names what is wrong and where."""
    try:
        text = Path(path).read_text()
        tree, node = yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        raise ConfigError(f"cannot read {path} ({error.strerror}); give the path of a YAML file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    try:
        return kind.model_validate(tree)
    except ValidationError as error:
        lines, known = dict(_lines(node, ())), _names(kind.model_json_schema())
        raise ConfigError("; ".join(_message(str(path), wrong, lines, known) for wrong in error.errors())) from None


def _message(path: str, wrong: Any, lines: dict[Key, int], known: set[str]) -> str:
    """One mistake; tags of alternatives, in angle brackets, belong to no place."""
    place = tuple(str(part) for part in wrong["loc"] if not str(part).startswith("<"))
    there = next((place[:length] for length in range(len(place), 0, -1) if place[:length] in lines), ())
    where = f"{path}:{lines[there]}" if there else path
    name = ".".join(place) or "the file"
    if wrong["type"] == "extra_forbidden":
        near = difflib.get_close_matches(place[-1], sorted(known), n=1)
        hint = f"did you mean {near[0]}?" if near else f"known settings: {', '.join(sorted(known))}"
        return f"{where}: unknown key {name}; {hint}"
    return f"{where}: {name}: {wrong['msg']} (got {wrong['input']!r})"


def _lines(node: yaml.Node | None, prefix: Key) -> Iterator[tuple[Key, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = (*prefix, str(key.value))
            yield name, key.start_mark.line + 1
            yield from _lines(value, name)


def _names(schema: Any) -> set[str]:
    """Every key that the settings and their sections know."""
    found: set[str] = set()
    if isinstance(schema, dict):
        found |= set(schema.get("properties", ()))
        for value in schema.values():
            found |= _names(value)
    elif isinstance(schema, list):
        for value in schema:
            found |= _names(value)
    return found
