"""Integrators that OpenMM does not bring along."""

from __future__ import annotations

from math import exp

import openmm

from fusionmd.units import BOLTZMANN_EV_PER_K, FS_PER_PS, KJ_PER_MOL_PER_EV

MAX_SEED = 2**31 - 2


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


def langevin(timestep_fs: float, *, temperature_K: float, friction_per_ps: float, seed: int) -> openmm.CustomIntegrator:
    """Langevin dynamics, BAOAB: positions and velocities of the same instant.

    v += dt/2 f/m;  r += dt/2 v;  v = c v + sqrt((1 - c^2) kT/m) R;  r += dt/2 v;  v += dt/2 f/m
    with c = exp(-friction dt). Leimkuhler and Matthews, Appl. Math. Res. Express 2013, 34 (2013). It keeps no
    constraints.
    """
    integrator = openmm.CustomIntegrator(timestep_fs / FS_PER_PS)
    kept = exp(-friction_per_ps * timestep_fs / FS_PER_PS)
    integrator.addGlobalVariable("kept", kept)
    integrator.addGlobalVariable("kT", BOLTZMANN_EV_PER_K * KJ_PER_MOL_PER_EV * temperature_K)
    integrator.addUpdateContextState()
    integrator.addComputePerDof("v", "v + 0.5*dt*f/m")
    integrator.addComputePerDof("x", "x + 0.5*dt*v")
    integrator.addComputePerDof("v", "kept*v + sqrt((1 - kept*kept)*kT/m)*gaussian")
    integrator.addComputePerDof("x", "x + 0.5*dt*v")
    integrator.addComputePerDof("v", "v + 0.5*dt*f/m")
    # OpenMM takes 0 for "choose one"; seeds are 32 bits.
    integrator.setRandomNumberSeed(seed % MAX_SEED + 1)
    return integrator
