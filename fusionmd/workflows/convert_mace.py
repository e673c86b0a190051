"""From a `mace-torch` model, written down by `mace_dump`, to a potential file.

A `.model` file is a pickle and runs code when it is opened: that happens in a process of its own, with the Python where
mace-torch is installed, and only if the user says that the file is to be trusted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from errno import ENOENT
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from fusionmd.errors import ConfigError
from fusionmd.models.mace import MaceConfig, mace
from fusionmd.models.mace_config import mace_config
from fusionmd.models.mace_weights import NamedArrays, mace_state
from fusionmd.nn.atomic_network import AtomicNetwork
from fusionmd.o3.irreps import Irreps
from fusionmd.potential import Metadata, export_potential

SCRIPT = Path(__file__).with_name("mace_dump.py")
TIME_LIMIT = 600.0  # seconds
CITATION = "I. Batatia, D. P. Kovacs, G. N. C. Simm, C. Ortner, G. Csanyi, NeurIPS 2022 (MACE)"


@dataclass(frozen=True)
class MaceDump:
    """arrays: Parameters and tables by their names in mace-torch.  told: What kind of model it is."""

    arrays: Mapping[str, NDArray[np.floating[Any]]]
    told: Mapping[str, Any]


def convert(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    head: str | None = None,
    licence: str = "",
    citations: Sequence[str] = (),
    trust_pickle: bool = False,
    python: str = sys.executable,
) -> Metadata:
    """Write `output` from OUT.json, beside which OUT.safetensors lies, or from a `.model` file that is trusted.

    head: Which of several.  licence: Of the weights; else what the description says.
    python: The interpreter where mace-torch is installed, for a `.model` file.
    """
    if Path(source).suffix == ".json":
        dump = read_dump(Path(source))
    else:
        dump = dump_of_pickle(Path(source), python=python, trust_pickle=trust_pickle)
    model, e0, config = converted(dump, head=head)
    return export_potential(
        model.to(getattr(torch, dump.told["dtype"])),
        output,
        atomic_energies=e0,
        config=[config],
        licence_weights=licence or dump.told.get("licence", ""),
        citations=[CITATION, *citations],
    )


def converted(dump: MaceDump, *, head: str | None = None) -> tuple[AtomicNetwork, dict[int, float], dict[str, Any]]:
    """The model in float64, E0 by atomic number (eV), and the configuration that rebuilds it."""
    arrays = NamedArrays({name: np.asarray(value, dtype=np.float64) for name, value in dump.arrays.items()})
    number = _head_number(dump.told, head)
    elements = list(dump.told["atomic_numbers"])
    scale = np.atleast_1d(arrays.get("scale_shift.scale", np.ones(1))).reshape(-1)
    statistics = {"rms_force": float(scale[number if len(scale) > 1 else 0])}
    model, config = _filled(arrays, dump.told, number, elements, statistics)
    table = arrays["atomic_energies_fn.atomic_energies"].reshape(-1, len(elements))
    e0 = {z: float(energy) for z, energy in zip(elements, table[number if len(table) > 1 else 0], strict=True)}
    description = {"model": {"name": "mace", **config.model_dump(mode="json")}, "elements": elements}
    return model, e0, {**description, "e0": {str(z): x for z, x in e0.items()}, "statistics": statistics}


def read_dump(path: Path) -> MaceDump:
    """OUT.json and OUT.safetensors; ConfigError if they are not what `mace_dump.py` writes."""
    for file in (path, path.with_suffix(".safetensors")):
        if not file.is_file():
            raise FileNotFoundError(ENOENT, "No such file", str(file))
    try:
        return MaceDump(load_file(path.with_suffix(".safetensors")), json.loads(path.read_text()))
    except (json.JSONDecodeError, UnicodeDecodeError, SafetensorError) as error:
        raise ConfigError(
            f"{path} and its .safetensors are not what {SCRIPT.name} writes ({error}); write them again"
        ) from None


def dump_of_pickle(path: Path, *, python: str, trust_pickle: bool) -> MaceDump:
    """Run `mace_dump.py` on a `.model` file."""
    if not trust_pickle:
        raise ConfigError(
            f"{path} is a pickle, which runs code when it is opened; if you trust it give --trust-pickle, or run "
            f"{SCRIPT} where mace-torch is installed and convert the .json that it writes"
        )
    if not path.is_file():
        raise FileNotFoundError(ENOENT, "No such file", str(path))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "model"
        command = [python, str(SCRIPT), str(path), str(out)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ConfigError(f"{python} could not run {SCRIPT.name}: {error}; give --python") from None
        if done.returncode != 0:
            said = done.stderr.strip().splitlines()[-1:] or ["nothing"]
            raise ConfigError(
                f"{SCRIPT.name} failed on {path} with {python}: {said[0]}; give the --python where mace-torch is"
            )
        return read_dump(out.with_suffix(".json"))


def _filled(
    arrays: Mapping[str, Any],
    told: Mapping[str, Any],
    head: int,
    elements: Sequence[int],
    statistics: Mapping[str, float],
) -> tuple[AtomicNetwork, MaceConfig]:
    """With truncated inner legs where they span the same products, else with all of them."""
    l_max = max(irrep.l for _, irrep in Irreps(told["edge_irreps"][0]))
    for inner in (l_max, None):
        config = mace_config(told, inner_l_max=inner)
        model = mace(config, elements=elements, statistics=statistics).double()
        try:
            model.load_state_dict(mace_state(model, arrays, told, head))
            return model, config
        except ConfigError:
            if inner is None:
                raise
    raise AssertionError("unreachable")


def _head_number(told: Mapping[str, Any], head: str | None) -> int:
    heads = list(told["heads"])
    if head is None and len(heads) == 1:
        return 0
    if head not in heads:
        raise ConfigError(f"the model has the heads {', '.join(heads)}, not {head!r}; choose one with --head")
    return heads.index(head)
