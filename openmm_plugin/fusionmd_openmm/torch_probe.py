"""A small TorchForce in a process of its own: exit code 0 if its energy and forces are right."""

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import List, Optional, Tuple

import openmm
import torch
from torch import Tensor, nn


class Spring(nn.Module):
    """E = sum r^2 / 2 per particle, its forces by autograd inside the module, as the potentials do it."""

    def forward(self, positions: Tensor, boxvectors: Optional[Tensor] = None) -> Tuple[Tensor, Tensor]:
        """positions: [n, 3], nm -> kJ/mol, kJ/mol/nm."""
        before = torch.is_grad_enabled()
        torch.set_grad_enabled(True)
        r = positions.detach().to(torch.float64).requires_grad_(True)
        energy = 0.5 * (r * r).sum()
        outputs: List[Tensor] = [energy]
        gradient = torch.autograd.grad(outputs, [r])[0]
        torch.set_grad_enabled(before)
        assert gradient is not None
        return energy.detach(), -gradient


def torch_force_of(path: str | Path) -> openmm.Force:
    """The `openmmtorch.TorchForce` of a module that returns energy and forces.

    OpenMM loads its plugins when it is imported, and those of openmm-torch need the libraries of torch: where OpenMM
    came first they have failed, and are loaded here.
    """
    import openmmtorch  # type: ignore[import-not-found]

    failed = "\n".join(openmm.Platform.getPluginLoadFailures())
    for library in Path(openmm.version.openmm_library_path, "plugins").glob("*OpenMMTorch*"):
        if str(library) in failed:
            with suppress(openmm.OpenMMException):  # a platform that is not there, such as OpenCL
                openmm.Platform.loadPluginLibrary(str(library))
    force = openmmtorch.TorchForce(str(path))
    force.setOutputsForces(True)
    return force


def main() -> None:
    """Raise unless a TorchForce works."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "spring.pt"))
        torch.jit.save(torch.jit.script(Spring()), path)
        force = torch_force_of(path)
    system = openmm.System()
    for _ in range(2):
        system.addParticle(1.0)
    system.addForce(force)
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
    context.setPositions([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    state = context.getState(energy=True, forces=True)
    energy, forces = state.getPotentialEnergy()._value, state.getForces(asNumpy=True)._value.tolist()
    if abs(energy - 2.5) > 1e-6 or abs(forces[0][0] + 1.0) > 1e-6 or abs(forces[1][1] + 2.0) > 1e-6:
        raise SystemExit(f"energy {energy} kJ/mol, wanted 2.5; forces {forces}")


if __name__ == "__main__":
    main()
