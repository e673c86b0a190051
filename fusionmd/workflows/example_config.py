"""A commented training configuration for an architecture: every key, its default and what it means."""

from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from fusionmd.errors import ConfigError
from fusionmd.models import architectures
from fusionmd.training.config import Config

REQUIRED = {"train": "train.xyz"}
COMMENT_COLUMN = 44


def example_yaml(name: str) -> str:
    """Text of a YAML file that trains the architecture `name`; only the path of the data needs to be changed.

    Keys that have no default value stand there as comments.
    """
    known = architectures()
    if name not in known:
        raise ConfigError(f"architecture {name!r} is not known; choose one of {', '.join(sorted(known))}")
    lines = ["# Every key with its default; change the path of the data and delete what you do not need.", ""]
    for section, field in Config.model_fields.items():
        if section == "model":
            lines += [*_title(known[name]), "model:", f"  name: {name}", *_keys(known[name], "  ")]
        elif (kind := _section_of(field)) is not None:
            lines += [*_title(kind), f"{section}:", *_keys(kind, "  ")]
        else:
            lines.append(_commented(f"{section}: {_flow(field.get_default())}", field.description))
        lines.append("")
    return "\n".join(lines)


def _title(kind: type[BaseModel]) -> list[str]:
    return [f"# {line}".rstrip() for line in (kind.__doc__ or "").strip().split("\n\n")[0].splitlines()]


def _keys(kind: type[BaseModel], indent: str) -> Iterator[str]:
    for name, field in kind.model_fields.items():
        value = REQUIRED[name] if field.is_required() else field.get_default(call_default_factory=True)
        if value is None:
            yield _commented(f"{indent}# {name}:", field.description)
        else:
            yield _commented(f"{indent}{name}: {_flow(value)}", field.description)


def _commented(line: str, description: str | None) -> str:
    return f"{line:<{COMMENT_COLUMN}}  # {description}" if description else line


def _flow(value: Any) -> str:
    """One-line YAML of a value."""
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(value, float):
        return f"{value:g}"
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("...\n").strip()


def _section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The settings of a section; None where the field is one setting."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
