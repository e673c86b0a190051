"""The oracle: fusion diagrams evaluated in numpy, one dense einsum a vertex, with no attempt to be fast.

A line carries x[n, m, c]: atoms or edges, components m = -l..l, channels. At a vertex channels combine elementwise,

    x^(l3)[n, m3, c] = sum_{m1 m2} C[m1, m2, m3] x^(l1)[n, m1, c] x^(l2)[n, m2, c],

and a channel matrix W on a line acts as x[n, m, c'] = sum_c x[n, m, c] W[c, c'] and never touches m.

    >>> x = {"v": {Irrep(1, -1): np.array([[[1.0], [2.0], [2.0]]])}}
    >>> square = evaluate(Diagram.parse("(v, v)"), Labelling.parse("(1o, 1o)0e"), x)
    >>> print((-np.sqrt(3) * square).round(12))
    [[[9.]]]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fusionmd.errors import DiagramError
from fusionmd.fusion.diagram import Diagram, Leaf, Path
from fusionmd.fusion.enumerate import Labelling
from fusionmd.o3.cartesian import cartesian_product
from fusionmd.o3.clebsch_gordan import clebsch_gordan
from fusionmd.o3.irreps import Irrep

Array = NDArray[np.floating]
LeafValues = Mapping[str, Mapping[Irrep, Array]]
"""Per leaf name and irrep: values [n, 2l+1, C]."""
Coupling = Callable[[Irrep, Irrep, Irrep, Array, Array], Array]
Coupled = tuple[Irrep, Irrep, Irrep]


@dataclass(frozen=True)
class BlockWeights:
    """The learnable numbers of a fusion block; whatever is missing is an identity.

    legs:       W_leg, per (line, irrep on it): channel matrix [C_in, C_out].
    vertices:   per (line that leaves the vertex, (l1, l2, l3)): weight [C], or matrix [C, C_out]; acts before W_leg.
    labellings: path weight of a labelling of the whole diagram: [C], or [n_species, C]; acts before W_leg of the root.
    """

    legs: Mapping[tuple[Path, Irrep], Array] = field(default_factory=dict)
    vertices: Mapping[tuple[Path, Coupled], Array] = field(default_factory=dict)
    labellings: Mapping[Labelling, Array] = field(default_factory=dict)


def evaluate(
    diagram: Diagram,
    labelling: Labelling,
    leaf_values: LeafValues,
    weights: BlockWeights | None = None,
    *,
    species: NDArray[np.integer] | None = None,
) -> Array:
    """One labelling of `diagram`: values [n, 2L+1, C] on the outgoing line.

    species: Index of the centre's element [n]; needed when the path weights are per species.
    """
    return _evaluate(diagram, labelling, leaf_values, weights or BlockWeights(), species, couple_spherical)


def evaluate_block(
    diagram: Diagram,
    labellings: Sequence[Labelling],
    leaf_values: LeafValues,
    weights: BlockWeights | None = None,
    *,
    species: NDArray[np.integer] | None = None,
) -> dict[Irrep, Array]:
    """The sum over `labellings`, per outgoing irrep: {irrep: [n, 2L+1, C]}."""
    total: dict[Irrep, Array] = {}
    for labelling in labellings:
        term = evaluate(diagram, labelling, leaf_values, weights, species=species)
        total[labelling.irrep] = total[labelling.irrep] + term if labelling.irrep in total else term
    return total


def evaluate_cartesian(
    diagram: Diagram,
    labelling: Labelling,
    leaf_values: LeafValues,
    weights: BlockWeights | None = None,
    *,
    species: NDArray[np.integer] | None = None,
) -> Array:
    """The same tree on irreducible Cartesian tensors (`fusionmd.o3.cartesian`): leaf values [n, 3^l, C] to [n, 3^L, C].

    Vertices contract indices, symmetrise and remove traces. Each is scaled to the norm of its Clebsch-Gordan twin, so
    the result is the tensor of `evaluate` in the other basis, and scalars are the same numbers.
    """
    return _evaluate(diagram, labelling, leaf_values, weights or BlockWeights(), species, couple_cartesian)


def couple_spherical(left: Irrep, right: Irrep, out: Irrep, x: Array, y: Array) -> Array:
    """(x (x) y)^(out): [n, 2l1+1, C] and [n, 2l2+1, C] to [n, 2l3+1, C]."""
    return np.einsum("abm,nac,nbc->nmc", clebsch_gordan(left.l, right.l, out.l).astype(x.dtype), x, y)


def couple_cartesian(left: Irrep, right: Irrep, out: Irrep, x: Array, y: Array) -> Array:
    """(x (x) y)^(out): [n, 3^l1, C] and [n, 3^l2, C] to [n, 3^l3, C]."""
    product = cartesian_product(np.swapaxes(x, 1, 2), np.swapaxes(y, 1, 2), left.l, right.l, out.l)
    return np.swapaxes(product, 1, 2)


def _evaluate(
    diagram: Diagram,
    labelling: Labelling,
    leaf_values: LeafValues,
    weights: BlockWeights,
    species: NDArray[np.integer] | None,
    couple: Coupling,
) -> Array:
    """Post-order walk; `couple` is the vertex in the basis of the leaf values."""
    if not labelling.fits(diagram):
        raise DiagramError(f"labelling {labelling} does not fit diagram {diagram}; take one from enumerate_labellings")
    below: dict[Path, Array] = {}
    for path, node in diagram.lines():
        irrep = labelling[path]
        if isinstance(node, Leaf):
            x = _leaf(node, irrep, leaf_values)
        else:
            left, right = (*path, 0), (*path, 1)
            coupled = (labelling[left], labelling[right], irrep)
            x = couple(*coupled, below[left], below[right])
            x = _weighted(x, weights.vertices.get((path, coupled)))
        if path == ():
            x = x * _path_weight(weights.labellings.get(labelling), species)
        below[path] = _weighted(x, weights.legs.get((path, irrep)))
    return below[()]


def _leaf(leaf: Leaf, irrep: Irrep, leaf_values: LeafValues) -> Array:
    try:
        return leaf_values[leaf.name][irrep]
    except KeyError:
        given = {name: [str(i) for i in values] for name, values in leaf_values.items()}
        raise DiagramError(f"leaf {leaf} needs values for irrep {irrep}; given: {given}") from None


def _weighted(x: Array, weight: Array | None) -> Array:
    """x [n, m, C] times nothing, a weight [C] or a matrix [C, C_out]."""
    if weight is None:
        return x
    return x * weight if weight.ndim == 1 else x @ weight


def _path_weight(weight: Array | None, species: NDArray[np.integer] | None) -> Array | float:
    """Broadcastable against [n, m, C]."""
    if weight is None or weight.ndim == 1:
        return 1.0 if weight is None else weight
    if species is None:
        raise DiagramError(
            "the path weights are per species [n_species, C]; give species [n], the element index of each row"
        )
    return weight[species][:, None, :]
