"""Heads: from summed contributions to the energies of the electronic states.

    head(totals [..., n_outputs]) -> energies [..., n_states], cotangents [..., n_rows, n_outputs]

`cotangents[k] = dE_k/dtotals`, so one backward pass weighted with them gives the gradient of state k, and
contributions weighted with them are its per-atom energies. A diabatic head has one more row per pair of states,
`<a| dW/dtotals |b>`: its gradient is the interstate coupling h_ab = (E_b - E_a) d_ab. All in eV, float64.

Which to take: `docs/theory.md`, section on several states.
"""

# No postponed annotations here: TorchScript reads those of the buffers.
import math
from typing import List, Tuple

import torch
from torch import Tensor, nn

from fusionmd.errors import PotentialFormatError

# Gaps (eV) below which second derivatives stop growing: they enter as gap / (gap^2 + this^2).
DEGENERATE_EV = 1e-6
# Where the squared half gap u v would be negative, the two states are about u times the root of this apart.
CLOSED = 1e-5
# Half gaps (eV) below which an error of p no longer counts more than its root would.
SMALL_HALF_GAP_EV = 0.1
# Cosine of the angle between three roots: this close to 1 two of them count as equal (gap of about 1e-3 of the spread).
LARGEST_COSINE = 1.0 - 1e-6


def pairs_of(n_states: int) -> List[Tuple[int, int]]:
    """Pairs of states in the order of off-diagonal outputs and coupling rows: (0, 1), (0, 2), ..., (1, 2), ..."""
    return [(a, b) for a in range(n_states) for b in range(a + 1, n_states)]


class AdiabaticHead(nn.Module):
    """Every output is the energy of one state: the identity. A ground-state model has this head with one state."""

    kind = "adiabatic"

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        self.n_states: int = n_outputs
        self.is_linear: bool = True
        self.has_diabatic: bool = False
        self.energy_outputs: List[int] = list(range(n_outputs))

    def forward(self, totals: Tensor) -> Tuple[Tensor, Tensor]:
        """totals: [..., n_outputs], eV -> energies [..., n_states], eV; cotangents [..., n_states, n_outputs]."""
        identity = torch.eye(self.n_states, dtype=totals.dtype, device=totals.device)
        return totals, identity.expand(list(totals.size()[:-1]) + [self.n_states, self.n_states])

    @torch.jit.unused
    def outputs_of(self, energies: Tensor) -> Tensor:
        """Totals [..., n_outputs] with these energies [..., n_states]: where a model may start from."""
        return energies


class DiabaticHead(nn.Module):
    """Outputs are a symmetric matrix W: its diagonal, then its upper triangle by rows; energies are its eigenvalues.

    With an orthogonal U0 that diagonalises W at its present value, T = U0^T W U0 and

        E_k = T_kk + sum_{j != k} T_kj^2 / (E_k - E_j)

    has the value, the first and the second derivatives of the eigenvalue (second-order perturbation theory is exact to
    that order), without differentiating eigenvectors, which fails where states meet; there the fraction is bounded. The
    rows carry the first derivatives of the eigenvectors alike.
    """

    kind = "diabatic"
    lower: Tensor
    upper: Tensor
    place: Tensor

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        n = (math.isqrt(8 * n_outputs + 1) - 1) // 2
        if n < 2 or n * (n + 1) // 2 != n_outputs:
            raise PotentialFormatError(
                f"a diabatic head of n states needs n(n+1)/2 outputs (3, 6, 10, ...), the model has {n_outputs}; set "
                "model.n_outputs"
            )
        self.n_states: int = n
        self.least_gap: float = DEGENERATE_EV
        self.is_linear: bool = False
        self.has_diabatic: bool = True
        self.energy_outputs: List[int] = list(range(n))
        pairs = pairs_of(n)
        places = {pair: n + k for k, pair in enumerate(pairs)} | {(a, a): a for a in range(n)}
        place = [places[min(a, b), max(a, b)] for a in range(n) for b in range(n)]
        self.register_buffer("lower", torch.tensor([*range(n), *(a for a, _ in pairs)]), persistent=False)
        self.register_buffer("upper", torch.tensor([*range(n), *(b for _, b in pairs)]), persistent=False)
        self.register_buffer("place", torch.tensor(place), persistent=False)

    def forward(self, totals: Tensor) -> Tuple[Tensor, Tensor]:
        """totals: [..., n(n+1)/2], eV -> energies [..., n], ascending; cotangents [..., n(n+1)/2, n(n+1)/2]."""
        matrix = self.matrix(totals)
        values, turn = self.eigenstates(matrix.detach())
        turned = torch.matmul(turn.transpose(-1, -2), torch.matmul(matrix, turn))
        gaps = values.unsqueeze(-1) - values.unsqueeze(-2)
        fractions = gaps / (gaps * gaps + self.least_gap**2)
        bent = torch.matmul(turn, torch.eye(self.n_states, dtype=turn.dtype, device=turn.device) - turned * fractions)
        energies = torch.diagonal(turned, 0, -2, -1) + (turned * turned * fractions).sum(-1)
        return energies, self.rows(bent)

    @torch.jit.export
    def matrix(self, totals: Tensor) -> Tensor:
        """W [..., n, n] of totals [..., n(n+1)/2], eV."""
        n = self.n_states
        full = totals.index_select(-1, self.place)
        return full.reshape(list(totals.size()[:-1]) + [n, n])

    @torch.jit.export
    def eigenstates(self, matrix: Tensor) -> Tuple[Tensor, Tensor]:
        """Eigenvalues [..., n], ascending, and eigenvectors as columns [..., n, n], the largest component positive."""
        values, vectors = torch.linalg.eigh(matrix)
        largest = vectors.gather(-2, vectors.abs().argmax(-2, keepdim=True))
        return values, vectors * torch.where(largest < 0, -1.0, 1.0).to(vectors.dtype)

    def rows(self, turn: Tensor) -> Tensor:
        """<a| dW/dW_ij |b> for a = b, then for the pairs a < b [..., n(n+1)/2, n(n+1)/2]."""
        left, right = turn.index_select(-2, self.lower), turn.index_select(-2, self.upper)
        products = left.index_select(-1, self.lower) * right.index_select(-1, self.upper)
        mirrored = right.index_select(-1, self.lower) * left.index_select(-1, self.upper)
        off = (self.lower != self.upper).to(turn.dtype).unsqueeze(-1)
        return (products + off * mirrored).transpose(-1, -2)

    @torch.jit.unused
    def outputs_of(self, energies: Tensor) -> Tensor:
        """Totals [..., n(n+1)/2] with the mean of these energies [..., n] on the diagonal: none is the lower one."""
        n_pairs = self.lower.numel() - self.n_states
        mean = energies.mean(-1, keepdim=True).expand_as(energies)
        return torch.cat([mean, energies.new_zeros([*energies.shape[:-1], n_pairs])], -1)

    @torch.jit.unused
    def gap_errors(self, totals: Tensor, energies: Tensor) -> Tensor:
        """Errors of the gaps [..., n - 1] between neighbouring states of totals, eV; energies: what they should be."""
        return self(totals)[0].diff(dim=-1) - energies.diff(dim=-1)


class CharacteristicHead(nn.Module):
    """Energies of two or three states as roots of their characteristic polynomial, whose coefficients are outputs.

    Outputs (m, u, v) or (m, u, v, t): mean energy m, p = u v, q = u^2 t, and E = m + x with

        two states:   x^2 = p                    three states:   x^3 - p x - q = 0

    p and q are invariant under every symmetry of the molecule and smooth through intersections, where matrix elements
    of a strictly invariant diabatic matrix are not; signs of states and couplings are not known. Products make E of
    first degree in the outputs, so that per-atom energies sum to it. p is (u v + ((u v)^2 + CLOSED^2 u^4)^1/2) / 2,
    which is u v but for some meV, and never negative. There, energies hardly feel u v: training needs a loss of gaps,
    which this head takes of p and q themselves.
    """

    kind = "characteristic"

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        if n_outputs not in (3, 4):
            raise PotentialFormatError(
                f"a characteristic head has 3 outputs (two states) or 4 (three states), the model has {n_outputs}; set "
                "model.n_outputs, or take the head adiabatic or diabatic"
            )
        self.n_states: int = n_outputs - 1
        self.closed: float = CLOSED
        self.largest_cosine: float = LARGEST_COSINE
        self.is_linear: bool = False
        self.has_diabatic: bool = False
        self.energy_outputs: List[int] = [0]

    def forward(self, totals: Tensor) -> Tuple[Tensor, Tensor]:
        """totals: [..., n + 1], eV -> energies [..., n], ascending; cotangents [..., n, n + 1]."""
        m, u, v = totals[..., 0:1], totals[..., 1:2], totals[..., 2:3]
        product, least = u * v, self.closed * u * u
        least2 = least * least + 1e-24  # finite also where u = 0
        root = torch.sqrt(product * product + least2)
        # (product + root) / 2 without cancellation; each branch is finite where the other one holds.
        p = 0.5 * torch.where(product >= 0, product + root, least2 / (root - product.clamp(max=0.0)))
        p_by_u, p_by_v = 0.5 * (v + (product * v + 2.0 * self.closed * least * u) / root), u * p / root
        if self.n_states == 2:
            x = torch.sqrt(p) * torch.tensor([-1.0, 1.0], dtype=totals.dtype, device=totals.device)
            by_p = 0.5 * x / p
            by_q, t = torch.zeros_like(x), torch.zeros_like(m)
        else:
            t = totals[..., 3:4]
            x, by_p, by_q = self.roots(p, u * u * t)
        by_u, by_v = by_p * p_by_u + 2.0 * by_q * u * t, by_p * p_by_v
        parts = [torch.ones_like(x), by_u, by_v]
        if self.n_states == 3:
            parts.append(by_q * u * u)
        return m + x, torch.stack(parts, -1)

    def roots(self, p: Tensor, q: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        """Roots [..., 3] of x^3 - p x - q, ascending (Viete), and their derivatives by p and q."""
        cosine = (1.5 * 3.0**0.5) * q / (p * torch.sqrt(p))
        bounded = cosine.clamp(-self.largest_cosine, self.largest_cosine)
        turns = torch.tensor([2.0, 1.0, 0.0], dtype=p.dtype, device=p.device) * 6.283185307179586
        x = 2.0 * torch.sqrt(p / 3.0) * torch.cos((torch.acos(bounded) - turns) / 3.0)
        is_free = cosine == bounded
        bend = 3.0 * x * x - p
        by_p = torch.where(is_free, x / bend, 0.5 * x / p)
        return x, by_p, torch.where(is_free, 1.0 / bend, torch.zeros_like(x))

    @torch.jit.unused
    def gap_errors(self, totals: Tensor, energies: Tensor) -> Tensor:
        """Errors of p (and q) of totals [..., n + 1], as those of half gaps [..., n - 1], eV.

        energies: What they should be [..., n].
        """
        wanted = self.outputs_of(energies)
        (p, q), (p_wanted, q_wanted) = (self._coefficients(outputs) for outputs in (totals, wanted))
        half = torch.sqrt(p_wanted + SMALL_HALF_GAP_EV**2)
        errors = [(p - p_wanted) / (2.0 * half)]
        return torch.cat(errors if self.n_states == 2 else [*errors, (q - q_wanted) / (3.0 * half * half)], -1)

    @torch.jit.unused
    def _coefficients(self, totals: Tensor) -> Tuple[Tensor, Tensor]:
        """p and q [..., 1]; q is 0 of two states."""
        m, u, v = totals[..., 0:1], totals[..., 1:2], totals[..., 2:3]
        return u * v, u * u * totals[..., 3:4] if self.n_states == 3 else torch.zeros_like(m)

    @torch.jit.unused
    def outputs_of(self, energies: Tensor) -> Tensor:
        """Totals [..., n + 1] with these energies [..., n]: u = v."""
        m = energies.mean(-1, keepdim=True)
        x = energies - m
        p = (x * x).sum(-1, keepdim=True) / 2
        outputs = [m, p.sqrt(), p.sqrt()]
        if self.n_states == 3:
            outputs.append(x.prod(-1, keepdim=True) / p.clamp(min=CLOSED))
        return torch.cat(outputs, -1)


HEADS = {head.kind: head for head in (AdiabaticHead, DiabaticHead, CharacteristicHead)}
Head = AdiabaticHead | DiabaticHead | CharacteristicHead


def build_head(kind: str, n_outputs: int) -> Head:
    """The head named `kind` for a model with `n_outputs` outputs; PotentialFormatError if there is none."""
    if kind not in HEADS:
        raise PotentialFormatError(f"unknown head {kind!r}; this version of fusionmd knows {', '.join(HEADS)}")
    return HEADS[kind](n_outputs)
