"""Which states' forces are wanted, and which orbitals, as text."""

from __future__ import annotations

from fusionmd.errors import LabelError


def roots_of(text: str, n_states: int) -> list[int]:
    """`all`, or numbers from 0 separated by commas; LabelError for anything else."""
    if text.strip().lower() == "all":
        return list(range(n_states))
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdigit() and int(word) < n_states for word in words):
        raise LabelError(f"roots are {text!r}; give 'all', or numbers from 0 to {n_states - 1} as in '0,1'")
    return sorted({int(word) for word in words})


def orbitals_of(text: str) -> list[int]:
    """Numbers from 1 separated by commas, or nothing; LabelError for anything else."""
    words = [word.strip() for word in text.split(",")] if text.strip() else []
    if not all(word.isdigit() and int(word) > 0 for word in words):
        raise LabelError(f"active orbitals are {text!r}; give numbers from 1 as in '8,9'")
    return [int(word) for word in words]
