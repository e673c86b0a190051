"""The examples in docstrings and in the theory page are true."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


MODULES = ["diagram", "enumerate", "evaluate", "character", "recoupling", "pruning", "basis", "plan"]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str) -> None:
    result = doctest.testmod(import_module(f"fusionmd.fusion.{name}"))
    assert result.attempted > 0 and result.failed == 0


def test_theory_page() -> None:
    result = doctest.testfile(str(ROOT / "docs" / "theory.md"), module_relative=False, encoding="utf-8")
    assert result.attempted > 0 and result.failed == 0
