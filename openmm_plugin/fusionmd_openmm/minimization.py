"""Minimisation in short steps.

OpenMM's own minimiser begins with a trial step in which the atoms move by 1 nm together, whatever the forces (line
search of liblbfgs, in nm). A force field pushes them back; a learned potential knows nothing there, it may have holes.
Here no atom moves by more than 0.2 angstrom per step: the L-BFGS of ASE, Liu and Nocedal, Math. Prog. 45, 503 (1989).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import openmm
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.constraints import FixAtoms
from ase.optimize import LBFGS

from fusionmd.errors import ConfigError, PropagationError
from fusionmd.units import ANGSTROM_PER_NM, EV_PER_KJ_PER_MOL, NM_PER_ANGSTROM


class ContextCalculator(Calculator):
    """Energy and forces of everything in an OpenMM Context, for ASE."""

    implemented_properties: ClassVar[list[str]] = ["energy", "forces"]  # type: ignore[misc]

    def __init__(self, context: openmm.Context) -> None:
        super().__init__()
        self.context = context

    def calculate(
        self, atoms: Atoms | None = None, properties: list[str] | None = None, system_changes: list[str] = all_changes
    ) -> None:
        """Move the particles of the Context to the atoms, and ask it."""
        super().calculate(atoms, properties, system_changes)
        assert self.atoms is not None
        self.context.setPositions(self.atoms.positions * NM_PER_ANGSTROM)
        self.context.computeVirtualSites()
        state = self.context.getState(energy=True, forces=True)
        self.results = {
            "energy": state.getPotentialEnergy()._value * EV_PER_KJ_PER_MOL,
            "forces": state.getForces(asNumpy=True)._value * EV_PER_KJ_PER_MOL * NM_PER_ANGSTROM,
        }


def minimize(
    context: openmm.Context, *, force_tolerance: float = 0.02, max_steps: int = 1000, max_step: float = 0.2
) -> int:
    """Bring the particles of a Context to a minimum; return the number of steps.

    force_tolerance: Largest force on any particle at the end, eV/angstrom.  max_step: angstrom.
    Raises ConfigError where there are constraints, PropagationError if `max_steps` are not enough.
    """
    system = context.getSystem()
    if system.getNumConstraints():
        raise ConfigError(
            f"the System has {system.getNumConstraints()} constraints, which this minimiser does not keep; make it "
            "without, or use openmm.LocalEnergyMinimizer"
        )
    masses = np.array([system.getParticleMass(index)._value for index in range(system.getNumParticles())])
    positions = context.getState(positions=True).getPositions(asNumpy=True)._value * ANGSTROM_PER_NM
    # OpenMM does not move particles without mass, and places virtual sites itself.
    atoms = Atoms(numbers=np.ones(len(masses), dtype=int), positions=positions, constraint=FixAtoms(mask=masses == 0))
    atoms.calc = ContextCalculator(context)
    with LBFGS(atoms, maxstep=max_step, logfile=None) as optimizer:  # type: ignore[arg-type]
        is_converged = optimizer.run(fmax=force_tolerance, steps=max_steps)
    largest = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
    if not is_converged:
        raise PropagationError(
            f"after {max_steps} steps a force of {largest:.3g} eV/angstrom is left, wanted {force_tolerance:g}; allow "
            "more steps, or begin nearer to what the potential was trained on"
        )
    return int(optimizer.nsteps)
