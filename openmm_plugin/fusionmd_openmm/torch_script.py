"""A potential as a module for openmm-torch: positions and box in nm; energy in kJ/mol and forces in kJ/mol/nm out.

The file loads alone, in any LibTorch: neighbours are found with plain tensor operations, all pairs in all periodic
images that could reach. That is exact for any box and costs n_atoms^2, so it is meant for some 500 atoms.
"""

# No postponed annotations here: TorchScript reads those of the arguments.
import os
from typing import List, Optional, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor, nn

from fusionmd.errors import ConfigError
from fusionmd.files import write_bytes_atomic
from fusionmd.graph import species_of
from fusionmd.neighbors import MIN_DISTANCE, SLOT_MULTIPLE
from fusionmd.potential import Potential
from fusionmd.potential.torchscript import saved, scripted
from fusionmd.units import ANGSTROM_PER_NM, KJ_PER_MOL_PER_EV

MAX_ATOMS = 2000


class TorchForceModule(nn.Module):
    """What `openmmtorch.TorchForce` runs, with `setOutputsForces(True)`.

    core: That of a potential.  species: Of the atoms it acts on [n_atoms].  particles: Their indices [n_atoms].
    """

    species: Tensor
    particles: Tensor
    index: Tensor
    states: Tensor

    def __init__(self, core: nn.Module, species: Tensor, particles: Tensor, *, state: int, is_periodic: bool) -> None:
        super().__init__()
        self.core = core
        self.state: int = state
        self.is_periodic: bool = is_periodic
        self.is_single: bool = int(core.n_members) == 1  # type: ignore[arg-type]
        self.cutoff: float = float(core.cutoff)  # type: ignore[arg-type]
        self.closest: float = MIN_DISTANCE
        self.multiple: int = SLOT_MULTIPLE
        self.angstrom_per_nm: float = ANGSTROM_PER_NM
        self.kj_per_mol_per_ev: float = KJ_PER_MOL_PER_EV
        self.register_buffer("species", species)
        self.register_buffer("particles", particles)
        self.register_buffer("index", torch.zeros_like(species))
        self.register_buffer("states", torch.full((1, 1), state, dtype=torch.int64))

    def forward(self, positions: Tensor, boxvectors: Optional[Tensor] = None) -> Tuple[Tensor, Tensor]:
        """positions: [n_particles, 3], nm.  boxvectors: Rows [3, 3], nm, if periodic.

        -> energy [], kJ/mol; forces [n_particles, 3], kJ/mol/nm; float64.
        """
        own = positions.detach().to(torch.float64)[self.particles] * self.angstrom_per_nm
        vectors, senders, receivers = self.edges(own, boxvectors)
        # TorchScript knows no `with torch.enable_grad()`.
        before = torch.is_grad_enabled()
        torch.set_grad_enabled(True)
        energy, forces = self.from_edges(vectors, senders, receivers, self.slots(receivers, own.size(0)))
        torch.set_grad_enabled(before)
        everywhere = torch.zeros([positions.size(0), 3], dtype=torch.float64, device=own.device)
        everywhere[self.particles] = forces
        return energy, everywhere

    @torch.jit.export
    def from_edges(self, vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor) -> Tuple[Tensor, Tensor]:
        """Energy [], kJ/mol, and forces [n_atoms, 3], kJ/mol/nm.

        Arguments as in `fusionmd.graph.Graph`. Gradients must be enabled where it is called.
        """
        energy = torch.zeros([], dtype=torch.float64, device=vectors.device)
        forces = torch.zeros([self.species.size(0), 3], dtype=torch.float64, device=vectors.device)
        self.into(energy, forces, vectors, senders, receivers, slots)
        return energy, forces

    @torch.jit.export
    def into(
        self, energy: Tensor, forces: Tensor, vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor
    ) -> None:
        """The same, written to `energy` and `forces`; few operations, for each costs microseconds."""
        n_atoms = self.species.size(0)
        energies, _, gradients = self.core(
            vectors, senders, receivers, slots, self.species, n_atoms, self.index, 1, self.states
        )
        chosen = energies.flatten()[self.state] if self.is_single else energies[:, 0, self.state].mean()
        slopes = gradients.view(-1, 3) if self.is_single else gradients[:, 0].mean(0)
        unit = self.kj_per_mol_per_ev * self.angstrom_per_nm
        torch.mul(chosen, self.kj_per_mol_per_ev, out=energy)
        forces.zero_().index_add_(0, receivers, slopes, alpha=unit).index_add_(0, senders, slopes, alpha=-unit)

    @torch.jit.export
    def edges(self, positions: Tensor, boxvectors: Optional[Tensor]) -> Tuple[Tensor, Tensor, Tensor]:
        """Vectors (angstrom), senders, receivers of all edges, sorted by (receiver, sender, image)."""
        n_atoms = positions.size(0)
        between = positions.unsqueeze(0) - positions.unsqueeze(1)  # [receiver, sender, 3]
        shifts = torch.zeros([1, 3], dtype=torch.float64, device=positions.device)
        if self.is_periodic:
            if boxvectors is None:
                raise RuntimeError("this module is periodic: call setUsesPeriodicBoundaryConditions(True)")
            else:
                box = boxvectors.to(torch.float64) * self.angstrom_per_nm
                between = between - torch.round(between @ torch.linalg.inv(box)) @ box
                shifts = self.shifts(box)
        vectors: List[Tensor] = []
        keys: List[Tensor] = []
        for image in range(shifts.size(0)):
            seen = between + shifts[image]
            squared = (seen * seen).sum(-1)
            near = squared < self.cutoff * self.cutoff
            if bool((shifts[image] == 0).all()):
                near = near & ~torch.eye(n_atoms, dtype=torch.bool, device=positions.device)
            if bool((squared[near] < self.closest * self.closest).any()):
                raise RuntimeError("two atoms are closer than 0.1 angstrom; check units, box and duplicated atoms")
            vectors.append(seen[near])
            keys.append(torch.nonzero(near.flatten()).flatten())
        key, order = torch.sort(torch.cat(keys), stable=True, dim=0, descending=False)
        receivers = torch.div(key, n_atoms, rounding_mode="floor")
        return torch.cat(vectors)[order], key - receivers * n_atoms, receivers

    @torch.jit.export
    def shifts(self, box: Tensor) -> Tensor:
        """Cell shifts [n_images, 3], angstrom, with which atoms up to half a box apart could still be neighbours."""
        volume = torch.linalg.det(box).abs()
        counts: List[int] = []
        for axis in range(3):
            area = torch.linalg.cross(box[(axis + 1) % 3], box[(axis + 2) % 3]).norm()
            counts.append(int(torch.floor(self.cutoff * area / volume + 0.5).item()))
        whole: List[Tensor] = []
        for count in counts:
            whole.append(torch.arange(-count, count + 1, dtype=torch.float64, device=box.device))
        return torch.cartesian_prod(whole[0], whole[1], whole[2]) @ box

    @torch.jit.export
    def slots(self, receivers: Tensor, n_atoms: int) -> Tensor:
        """Edge indices of each receiver [n_atoms, max_degree], as `fusionmd.neighbors.slots`; receivers are sorted."""
        n_edges = receivers.size(0)
        degrees = torch.bincount(receivers, minlength=n_atoms)
        largest = int(degrees.max().item())
        width = max((largest + self.multiple - 1) // self.multiple, 1) * self.multiple
        table = torch.full([n_atoms, width], n_edges, dtype=torch.int64, device=receivers.device)
        edge = torch.arange(n_edges, dtype=torch.int64, device=receivers.device)
        rank = edge - (torch.cumsum(degrees, 0) - degrees)[receivers]
        table[receivers, rank] = edge
        return table


def torch_module(
    potential: Potential,
    numbers: Sequence[int],
    *,
    is_periodic: bool = False,
    state: int = 0,
    particles: Optional[Sequence[int]] = None,
) -> torch.jit.ScriptModule:
    """The scripted module for atoms of these numbers, for `openmmtorch.TorchForce`.

    particles: Their indices among all particles of the System (None: they are all).
    Raises UnsupportedStructureError for elements it does not know, MissingQuantityError for an unknown state,
    ConfigError for too many atoms.
    """
    if len(numbers) > MAX_ATOMS:
        raise ConfigError(
            f"{len(numbers)} atoms: a TorchForce looks at all pairs and is meant for some 500 atoms, at most "
            f"{MAX_ATOMS}; use fusionmd_openmm.create_system, which has a neighbour list"
        )
    return force_module(potential, numbers, is_periodic=is_periodic, state=state, particles=particles)


def force_module(
    potential: Potential,
    numbers: Sequence[int],
    *,
    is_periodic: bool = False,
    state: int = 0,
    particles: Optional[Sequence[int]] = None,
    core: Optional[nn.Module] = None,
) -> torch.jit.ScriptModule:
    """The same for any number of atoms: callers of `from_edges` bring their own neighbours.

    core: Another form of the potential's core, as that in native operations.
    """
    potential.requested_states(state, 1)
    species = torch.from_numpy(species_of(np.asarray(numbers, dtype=np.int64), potential.elements))
    chosen = torch.arange(len(species)) if particles is None else torch.tensor(list(particles), dtype=torch.int64)
    chosen_core = potential.core if core is None else core
    module = TorchForceModule(chosen_core, species, chosen, state=state, is_periodic=is_periodic)
    return scripted(module.to(potential.device))


def write_torch_module(path: str | os.PathLike[str], module: torch.jit.ScriptModule) -> None:
    """Write the file that `openmmtorch.TorchForce` reads."""
    write_bytes_atomic(path, saved(module))
