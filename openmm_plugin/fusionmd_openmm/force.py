"""A potential as a force of an OpenMM System."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal, Unpack

import numpy as np
import openmm

from fusionmd.errors import ConfigError, UnsupportedStructureError
from fusionmd.graph import species_of
from fusionmd.potential import Potential
from fusionmd.potential.file import Compiled
from fusionmd_openmm.evaluator import Evaluator
from fusionmd_openmm.particles import atomic_numbers, chosen_indices, numbers_of_chosen
from fusionmd_openmm.settings import OF_LOADING, Options, Settings, check_options, load
from fusionmd_openmm.torch_force import torch_force

PotentialSource = Potential | str | os.PathLike[str] | bytes


def add_potential(
    system: openmm.System,
    potential: PotentialSource,
    topology: Any = None,
    *,
    numbers: Sequence[int] | None = None,
    atoms: Iterable[int] | None = None,
    is_periodic: bool | None = None,
    force_group: int = 0,
    backend: Literal["python", "torchforce"] = "python",
    **options: Unpack[Options],
) -> openmm.Force:
    """Add the energy of a potential to a System, and return the force.

    potential: A path, the name of a shipped one, the bytes of a file, or a Potential.
    topology, numbers: Where the elements come from: an `openmm.app.Topology`, or atomic numbers [n_particles].
    atoms: Which particles it acts on (None: all).
    is_periodic: None: as the System or the topology is.
    backend: 'torchforce' where openmm-torch is installed and works; see `torch_force`.
    options: See `Settings`; device, dtype and compiled of a Potential are its own.
    Raises UnsupportedStructureError for elements it does not know, MissingQuantityError for an unknown state,
    PotentialFormatError for a file it cannot use, ConfigError for what else does not fit.
    """
    elements = _numbers_of_particles(system, topology, numbers)
    chosen = chosen_indices(atoms, len(elements))
    periodic = _is_periodic(system, topology) if is_periodic is None else is_periodic
    evaluator = make_evaluator(potential, numbers_of_chosen(elements, chosen), is_periodic=periodic, **options)
    if backend == "torchforce":
        force = _torch_force(evaluator, None if atoms is None else chosen, options)
    else:
        force = openmm.PythonForce(evaluator, {}, [] if atoms is None else chosen)
    force.setUsesPeriodicBoundaryConditions(periodic)
    force.setForceGroup(force_group)
    force.setName(f"fusionmd {evaluator.potential.metadata.name}")
    system.addForce(force)
    return force


def _torch_force(evaluator: Evaluator, particles: Sequence[int] | None, options: Options) -> Any:
    """The same as a TorchForce, which knows fewer options."""
    foreign = sorted(set(options) & {"skin", "compiled", "memory_GB", "has_references"})
    if foreign:
        raise ConfigError(f"backend 'torchforce' knows no {', '.join(foreign)}; leave it out, or use backend='python'")
    chosen = evaluator.settings
    return torch_force(
        evaluator.potential, chosen.numbers, particles, is_periodic=chosen.is_periodic, state=chosen.state
    )


def make_evaluator(
    potential: PotentialSource, numbers: Iterable[int], *, is_periodic: bool = False, **options: Unpack[Options]
) -> Evaluator:
    """What OpenMM will call, for atoms of these numbers; arguments are checked here and not at the first step."""
    check_options(options)
    known = tuple(int(number) for number in numbers)
    if isinstance(potential, Potential):
        loaded, settings = potential, _settings_of_loaded(potential, known, is_periodic, options)
    else:
        settings = Settings(known, is_periodic, **options)
        loaded = load(potential, settings)
    loaded.requested_states(settings.state, 1)
    species_of(np.array(known, dtype=np.int64), loaded.elements)
    if not settings.has_references and not loaded.core.head.is_linear:
        raise ConfigError("has_references=False needs states without coupling; this potential has a diabatic head")
    return Evaluator(loaded.content, settings, potential=loaded)


def _settings_of_loaded(
    potential: Potential, numbers: tuple[int, ...], is_periodic: bool, options: Options
) -> Settings:
    twice = sorted(set(OF_LOADING) & set(options))
    if twice:
        raise ConfigError(f"{', '.join(twice)} given with a Potential that has its own; give them to load_potential")
    own: Compiled = "auto" if potential.is_compiled else "no"
    settings = Settings(numbers, is_periodic, **options)
    return replace(settings, device=str(potential.device), dtype=potential.dtype, compiled=own)


def _numbers_of_particles(system: openmm.System, topology: Any, numbers: Sequence[int] | None) -> list[int]:
    """Atomic numbers of all particles, from wherever they were given."""
    if (topology is None) == (numbers is None):
        raise ConfigError("give a topology or atomic numbers, one of them: the elements come from there")
    found = atomic_numbers(topology) if numbers is None else [int(number) for number in numbers]
    # A System without particles is a scratch pad, from which the force is taken later.
    if system.getNumParticles() not in (0, len(found)):
        raise UnsupportedStructureError(
            f"the System has {system.getNumParticles()} particles, elements were given for {len(found)}; make both "
            "from the same topology"
        )
    return found


def _is_periodic(system: openmm.System, topology: Any) -> bool:
    has_box = topology is not None and topology.getPeriodicBoxVectors() is not None
    return bool(has_box or system.usesPeriodicBoundaryConditions())
