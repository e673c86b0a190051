"""What has been labelled so far, a line a frame: a run that is killed continues where it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fusionmd.errors import LabelError
from fusionmd.labels.protocol import Labels
from fusionmd.structure import Structure


class Journal:
    """Lines of JSON beside the output; the first one says for which frames, method and roots they are.

    entries: By frame, `Labels`, or the message of the failure.
    """

    def __init__(self, path: Path, heading: Mapping[str, Any]) -> None:
        self.path = path
        self.entries: dict[int, Labels | str] = {}
        if path.exists():
            self._read(heading)
        else:
            self._append(dict(heading))

    def add(self, frame: int, result: Labels | str) -> None:
        """Remember one frame."""
        self.entries[frame] = result
        if isinstance(result, str):
            self._append({"frame": frame, "failure": result})
        else:
            self._append({"frame": frame, **_values(result)})

    def _append(self, content: Mapping[str, Any]) -> None:
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(content, allow_nan=False) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _read(self, heading: Mapping[str, Any]) -> None:
        """Whole lines; one that was being written when the run was killed is cut off."""
        text = self.path.read_text()
        lines = text.split("\n")[:-1]
        if not lines or json.loads(lines[0]) != dict(heading):
            raise LabelError(
                f"{self.path} is of other frames, another method or other roots; remove it to start anew, or choose "
                "another output"
            )
        whole = len("\n".join(lines).encode()) + 1
        if whole < self.path.stat().st_size:
            os.truncate(self.path, whole)
        for line in lines[1:]:
            entry = json.loads(line)
            self.entries[entry["frame"]] = entry["failure"] if "failure" in entry else _labels(entry)


def fingerprint(structures: Sequence[Structure]) -> str:
    """SHA-256 of the atoms and their places."""
    digest = hashlib.sha256()
    for structure in structures:
        digest.update(np.ascontiguousarray(structure.numbers).tobytes())
        digest.update(np.ascontiguousarray(structure.positions).tobytes())
    return digest.hexdigest()


def _values(labels: Labels) -> dict[str, Any]:
    values = {"energies_eV": labels.energies.tolist(), "forces_eV_A": _plain(labels.forces)}
    others = {"couplings_1_A": labels.couplings, "oscillator_strengths": labels.strengths}
    weight = {} if labels.active_weight is None else {"active_weight": labels.active_weight}
    return {**values, **weight, **{name: other.tolist() for name, other in others.items() if other is not None}}


def _plain(forces: np.ndarray) -> list[Any]:
    """Forces by state; null where they were not computed."""
    return [None if np.isnan(state).any() else state.tolist() for state in forces]


def _labels(entry: Mapping[str, Any]) -> Labels:
    known = next(state for state in entry["forces_eV_A"] if state is not None)
    unknown = np.full(np.shape(known), np.nan)
    forces = [unknown if state is None else np.array(state) for state in entry["forces_eV_A"]]
    couplings, strengths = (
        np.array(entry[name]) if name in entry else None for name in ("couplings_1_A", "oscillator_strengths")
    )
    return Labels(np.array(entry["energies_eV"]), np.stack(forces), couplings, strengths, entry.get("active_weight"))
