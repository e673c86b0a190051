"""A System whose whole energy is that of a potential: for users of plain OpenMM, without openmm-ml."""

from __future__ import annotations

from typing import Any, Literal, Unpack

import openmm

from fusionmd_openmm.force import PotentialSource, add_potential
from fusionmd_openmm.settings import Options


def create_system(
    topology: Any,
    potential: PotentialSource,
    *,
    removes_motion: bool = True,
    force_group: int = 0,
    backend: Literal["python", "torchforce"] = "python",
    **options: Unpack[Options],
) -> openmm.System:
    """A System of all atoms of an `openmm.app.Topology`; periodic if the topology has a box. No constraints.

    removes_motion: Whether it holds a CMMotionRemover, as the Systems of OpenMM's own force fields do.
    potential, force_group, backend, options, errors: As in `add_potential`.
    """
    system = openmm.System()
    for atom in topology.atoms():
        system.addParticle(0.0 if atom.element is None else atom.element.mass)
    box = topology.getPeriodicBoxVectors()
    if box is not None:
        system.setDefaultPeriodicBoxVectors(*box)
    add_potential(system, potential, topology, force_group=force_group, backend=backend, **options)
    if removes_motion:
        system.addForce(openmm.CMMotionRemover())
    return system
