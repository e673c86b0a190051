"""The opt-in backend: a potential as an `openmmtorch.TorchForce`, where that is known to work.

openmm-torch must have been built for the torch and the OpenMM at hand; importing it is no proof. So a child process
runs a small TorchForce first, and only if its energy and forces are right is one made here.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fusionmd.errors import ConfigError
from fusionmd.potential import Potential
from fusionmd_openmm.torch_probe import torch_force_of
from fusionmd_openmm.torch_script import torch_module, write_torch_module

PROBE = Path(__file__).with_name("torch_probe.py")
PROBE_SECONDS = 180
ADVICE = "use backend='python', or an environment where torch, openmm and openmm-torch fit each other (conda-forge has)"


def torch_force(
    potential: Potential, numbers: Sequence[int], particles: Sequence[int] | None, *, is_periodic: bool, state: int
) -> Any:
    """A TorchForce; ConfigError where openmm-torch is absent or does not work."""
    reason = why_not()
    if reason:
        raise ConfigError(f"backend 'torchforce' does not work here: {reason}; {ADVICE}")
    module = torch_module(potential, numbers, is_periodic=is_periodic, state=state, particles=particles)
    with tempfile.TemporaryDirectory() as folder:
        write_torch_module(Path(folder, "module.pt"), module)
        return torch_force_of(Path(folder, "module.pt"))


@lru_cache(maxsize=1)
def why_not() -> str:
    """Why a TorchForce does not work in this environment; empty if it does. Takes seconds, once per process."""
    if find_spec("openmmtorch") is None:
        return "openmmtorch is not installed"
    command = [sys.executable, "-W", "ignore", str(PROBE)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_SECONDS)
    except subprocess.TimeoutExpired:
        return f"a small TorchForce gave no answer in {PROBE_SECONDS} s"
    if done.returncode == 0:
        return ""
    said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return f"a small TorchForce failed ({said[-1][:300]})"
