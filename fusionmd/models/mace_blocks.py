"""The parameters of one `mace-torch` interaction and product, cut into blocks and freed of their normalisation.

Names, orders and divisors are those of mace-torch 0.3.16 with e3nn 0.4.4: a linear map from several slots to one of c
channels divides by sqrt(slots * c), a species-dependent one by sqrt(species * c).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusionmd.o3.irreps import Irrep, Irreps

Array = NDArray[np.float64]
Triple = tuple[int, int, int]
_LETTERS = "abdefg"


class Blocks:
    """Interaction and product number t."""

    def __init__(self, t: int, arrays: Mapping[str, Array], told: Mapping[str, Any], c: int, n_species: int) -> None:
        self.arrays, self.told, self.t = arrays, told, t
        self.n_channels, self.n_species = c, n_species
        self.inputs, self.edges, self.targets, self.hidden = (
            [irrep.l for _, irrep in Irreps(told[name][t])]
            for name in ("node_irreps", "edge_irreps", "target_irreps", "hidden_irreps")
        )
        made = [
            (l1, l2, l3)
            for l1 in self.inputs
            for l2 in self.edges
            for l3 in range(abs(l1 - l2), l1 + l2 + 1)
            if l3 in self.targets and (l1 + l2 + l3) % 2 == 0
        ]
        self.paths: list[Triple] = sorted(made, key=lambda path: path[2])

    def of(self, name: str) -> Array:
        """A parameter of the interaction."""
        return self.arrays[f"interactions.{self.t}.{name}"]

    def up(self, irrep: Irrep) -> Array:
        """[c, c]"""
        k, c = self.inputs.index(irrep.l), self.n_channels
        return self.of("linear_up.weight").reshape(-1, c, c)[k] / c**0.5

    def radial(self, gain: float) -> Iterator[Array]:
        """The matrices of the radial network; silu without its gain."""
        for k in range(len(self.told["radial_widths"][self.t]) + 1):
            weight = self.of(f"conv_tp_weights.layer{k}.weight")
            yield weight / len(weight) ** 0.5 * (gain if k > 0 else 1.0)

    def columns(self, last: Array, path: Triple) -> Array:
        """The columns of the last radial matrix that weight one path [n_hidden, c]."""
        k, c = self.paths.index(path), self.n_channels
        return last[:, k * c : (k + 1) * c]

    def mid(self, path: Triple) -> Array:
        """Channel matrix of one path after the sum over neighbours [c, c], divided as the interaction does."""
        k, c = self.paths.index(path), self.n_channels
        fan = c * sum(other[2] == path[2] for other in self.paths)
        has_density = "Density" in self.told["interactions"][self.t]
        divisor = 1.0 if has_density else float(self.told["avg_num_neighbors"][self.t])
        return self.of("linear.weight").reshape(-1, c, c)[k] / fan**0.5 / divisor

    def density(self) -> Array:
        """[n_basis, 1]"""
        weight = self.of("density_fn.layer0.weight")
        return weight / len(weight) ** 0.5

    def of_species(self, irrep: Irrep) -> Array:
        """[n_species, c, c]; of no species where the irrep is not among the inputs."""
        c, z = self.n_channels, self.n_species
        is_residual = "Residual" in self.told["interactions"][self.t]
        common = [l for l in self.inputs if l in self.hidden] if is_residual else self.targets
        if irrep.l not in common:
            return np.zeros((0, c, c))
        weight = self.of("skip_tp.weight").reshape(-1, c, z, c)[common.index(irrep.l)]
        return weight.transpose(1, 0, 2) / (c * z) ** 0.5

    def out(self, irrep: Irrep) -> Array:
        """[c, c]"""
        k, c = self.hidden.index(irrep.l), self.n_channels
        return self.arrays[f"products.{self.t}.linear.weight"].reshape(-1, c, c)[k] / c**0.5

    def product(self, irrep: Irrep, features: Array) -> tuple[Array, Array]:
        """Basis functions of all orders at A [n, m, n_functions, c], and their weights [n_species, n_functions, c]."""
        name = f"products.{self.t}.symmetric_contractions.contractions.{self.hidden.index(irrep.l)}"
        correlation = int(self.told["correlation"][self.t])
        functions, weights = [], []
        for order in range(1, correlation + 1):
            table = self.arrays[f"{name}.U_matrix_{order}"]
            table = table.reshape(2 * irrep.l + 1, *table.shape[-order - 1 :])
            legs = _LETTERS[:order]
            factors = ",".join(f"n{leg}c" for leg in legs)
            functions.append(np.einsum(f"m{legs}k,{factors}->nmkc", table, *[features] * order, optimize=True))
            which = "weights_max" if order == correlation else f"weights.{correlation - 1 - order}"
            weights.append(self.arrays[f"{name}.{which}"])
        return np.concatenate(functions, 2), np.concatenate(weights, 1)
