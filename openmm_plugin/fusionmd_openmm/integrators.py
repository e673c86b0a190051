"""Integrators that OpenMM does not bring along."""

from __future__ import annotations

import openmm

from fusionmd.units import FS_PER_PS


def velocity_verlet(timestep_fs: float) -> openmm.CustomIntegrator:
    """Velocity Verlet: positions and velocities of the same instant, unlike OpenMM's leapfrog VerletIntegrator.

    v += dt/2 f/m;  r += dt v;  v += dt/2 f/m.  Swope et al., J. Chem. Phys. 76, 637 (1982). Constraints are kept.
    """
    integrator = openmm.CustomIntegrator(timestep_fs / FS_PER_PS)
    integrator.addPerDofVariable("unconstrained", 0)
    integrator.addUpdateContextState()
    integrator.addComputePerDof("v", "v + 0.5*dt*f/m")
    integrator.addComputePerDof("x", "x + dt*v")
    integrator.addComputePerDof("unconstrained", "x")
    integrator.addConstrainPositions()
    integrator.addComputePerDof("v", "v + 0.5*dt*f/m + (x - unconstrained)/dt")
    integrator.addConstrainVelocities()
    return integrator
