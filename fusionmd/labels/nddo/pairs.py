"""Integrals between pairs of atoms of two kinds, differentiable by the positions.

Charges interact in a frame with z along the pair and are turned into that of the molecule: with T the rotation of (s,
x, y, z), (ij|kl) = T T (ij|kl)_local T T. Cores attract electrons as s electrons would, and repel each other with
Z Z' (ss|ss) (1 + exp(-a R) + exp(-a' R)) and AM1's Gaussians; R exp(-a R) (R in angstrom) where N or O meets H.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fusionmd.labels.nddo.molecule import Indices, Kind, Molecule
from fusionmd.labels.nddo.multipoles import MOMENTS, PRODUCTS, XX, XY, YY
from fusionmd.labels.nddo.overlap import overlap
from fusionmd.units import ANGSTROM_PER_BOHR

_MOMENTS, _PRODUCTS = torch.from_numpy(MOMENTS), torch.from_numpy(PRODUCTS).reshape(16, -1)
_XY = torch.zeros(16, dtype=torch.float64)
_XY[list(XY)] = 1.0
HYDROGEN, WITH_DISTANCE = 1, (5, 6)  # core charges: H; N and O


@dataclass(frozen=True, eq=False)
class Block:
    """Pairs of two kinds of atoms; n, m: Products of orbitals, 1 or 16 each.

    repulsions: (ij|kl) [n_pairs, n, m].  resonances: Half of the matrix elements of the one-electron Hamiltonian with
        both triangles, [n_pairs, 1 or 4, 1 or 4].  cores: Repulsion energy of all pairs.  Hartree.
    """

    one: Indices
    other: Indices
    repulsions: Tensor
    resonances: Tensor
    cores: Tensor


def blocks(molecule: Molecule, positions: Tensor) -> list[Block]:
    """For positions [n_atoms, 3], bohr."""
    return [_block(*pair, positions) for pair in molecule.pairs]


def _block(a: Kind, b: Kind, i: Indices, j: Indices, positions: Tensor) -> Block:
    arms = positions[j] - positions[i]
    distances = arms.norm(dim=1)
    turn = _rotation(arms / distances[:, None])
    one, other = (turn[:, : x.element.n_orbitals, : x.element.n_orbitals] for x in (a, b))
    local = _local_repulsions(a, b, distances)
    repulsions = _squared(one) @ local @ _squared(other).transpose(1, 2)
    overlaps = overlap(distances, a.shell, b.shell)[:, : one.shape[1], : other.shape[1]]
    resonances = (one @ overlaps @ other.transpose(1, 2)) * (a.betas[:, None] + b.betas) / 2
    return Block(i, j, repulsions, resonances, _core_repulsion(a, b, distances, repulsions[:, 0, 0]))


def _local_repulsions(a: Kind, b: Kind, distances: Tensor) -> Tensor:
    """(ij|kl) with z along the pair [n_pairs, n, m]."""
    between = b.places - a.places[:, None]
    along = between[..., 2] + distances[:, None, None]
    squares = along**2 + (between[..., 0] ** 2 + between[..., 1] ** 2 + (a.additive[:, None] + b.additive) ** 2)
    n, m = len(a.additive), len(b.additive)
    moments = _MOMENTS[:n].T @ squares.rsqrt() @ _MOMENTS[:m]
    found = _products(a) @ moments @ _products(b).T
    if a.element.has_p and b.element.has_p:
        found = found + (moments[:, XX, XX] - moments[:, XX, YY])[:, None, None] / 2 * torch.outer(_XY, _XY)
    return found


def _products(kind: Kind) -> Tensor:
    return _PRODUCTS if kind.element.has_p else _PRODUCTS[:1]


def _rotation(axes: Tensor) -> Tensor:
    """T [n_pairs, 4, 4] from s x y z with z along the axis to the molecule's; any x and y will do."""
    helper = torch.zeros_like(axes)
    helper[torch.arange(len(axes)), axes.detach().abs().argmin(1)] = 1.0
    x = torch.linalg.cross(helper, axes)
    x = x / x.norm(dim=1, keepdim=True)
    p = torch.stack([x, torch.linalg.cross(axes, x), axes], dim=2)
    return torch.nn.functional.pad(p, (1, 0, 1, 0)) + torch.diag(axes.new_tensor([1.0, 0.0, 0.0, 0.0]))


def _squared(turn: Tensor) -> Tensor:
    """Of products of two orbitals [n_pairs, n, n]."""
    n = turn.shape[1]
    return torch.einsum("pab,pcd->pacbd", turn, turn).reshape(-1, n * n, n * n)


def _core_repulsion(a: Kind, b: Kind, distances: Tensor, ssss: Tensor) -> Tensor:
    decays = _decay(a, b, distances) + _decay(b, a, distances)
    gaussians = sum(_gaussians(x, distances) for x in (a, b))
    charges = a.element.core * b.element.core
    return (charges * (ssss * (1 + decays) + gaussians / distances)).sum()


def _decay(a: Kind, b: Kind, distances: Tensor) -> Tensor:
    decay = torch.exp(-a.alpha * distances)
    is_special = a.element.core in WITH_DISTANCE and b.element.core == HYDROGEN
    return distances * ANGSTROM_PER_BOHR * decay if is_special else decay


def _gaussians(kind: Kind, distances: Tensor) -> Tensor:
    heights, widths, centres = kind.gaussians.T
    return (heights * torch.exp(-widths * (distances[:, None] - centres) ** 2)).sum(1)
