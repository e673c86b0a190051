"""Weights of `mace-torch` 0.3 as weights of `mace`: other normalisations, phases and bases of the same functions.

    edge vectors       theirs end at the receiver, ours at the sender: (-1)^l with Y_l
    couplings          ours are orthonormal, C = +-sqrt(2 l3 + 1) w3j: the sign goes with the radial weights
    linear maps        theirs divide by sqrt(fan-in) in the forward pass; silu has a gain there
    product basis      the map between their U tensors and our labellings is fitted on random features, exactly

`arrays` and `told` are what `fusionmd.workflows.mace_dump` writes: parameters by their names, and a description.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fusionmd.errors import ConfigError
from fusionmd.models.mace_blocks import Blocks
from fusionmd.nn.atomic_network import AtomicNetwork
from fusionmd.nn.distance_transform import EXPONENTS
from fusionmd.nn.product import Product
from fusionmd.nn.product_layer import ProductLayer
from fusionmd.o3.clebsch_gordan import clebsch_gordan
from fusionmd.o3.irreps import Irrep

Array = NDArray[np.float64]
Arrays = Mapping[str, Array]
Triple = tuple[int, int, int]
FIT_TOLERANCE = {"float64": 1e-9, "float32": 1e-5}


class NamedArrays(dict[str, Array]):
    """Arrays by name; ConfigError for a name that is not there."""

    def __missing__(self, name: str) -> Array:
        raise ConfigError(f"the mace-torch model has no array {name}; it is of an unsupported version, or incomplete")


def demand_constants(arrays: Arrays, cutoff: float) -> None:
    """ConfigError where numbers that are fixed in `mace` were trained or changed in the mace-torch model."""
    frequencies = arrays["radial_embedding.bessel_fn.bessel_weights"]
    fixed = {"radial_embedding.bessel_fn.bessel_weights": np.arange(1, len(frequencies) + 1) * np.pi / cutoff}
    if "radial_embedding.distance_transform.a" in arrays:
        fixed |= {f"radial_embedding.distance_transform.{k}": np.array(v) for k, v in EXPONENTS.items()}
    for name, expected in fixed.items():
        if not np.allclose(arrays[name], expected, rtol=1e-6, atol=0):
            raise ConfigError(f"{name} of the mace-torch model is {arrays[name]}, only {expected} is supported")


def mace_state(model: AtomicNetwork, arrays: Arrays, told: Mapping[str, Any], head: int) -> dict[str, Tensor]:
    """The state of `model`, which `mace_config` of the same description made; ConfigError if something does not fit."""
    demand_constants(arrays, model.cutoff)
    n_species, c = model.embedding.shape[0], model.embedding.shape[2]
    state = {"embedding": arrays["node_embedding.linear.weight"].reshape(n_species, 1, c) / n_species**0.5}
    for t, layer in enumerate(model.layers):
        assert isinstance(layer, ProductLayer)
        blocks = Blocks(t, arrays, told, c, n_species)
        state |= {f"layers.{t}.{name}": value for name, value in _layer(layer, blocks, told).items()}
    state |= dict(_readouts(arrays, told, c, head))
    shift = _of_head(arrays.get("scale_shift.shift", np.zeros(1)), head)
    state["scale_shift.shift"] = np.full((n_species, 1), shift)
    return {name: torch.tensor(np.ascontiguousarray(value)) for name, value in state.items()}


def _layer(layer: ProductLayer, blocks: Blocks, told: Mapping[str, Any]) -> dict[str, Array]:
    """One interaction and its product, by the names of `ProductLayer`."""
    gain = float(told["silu_gain"])
    networks = list(blocks.radial(gain))
    found = {f"radials.0.hidden.{k}": weight for k, weight in enumerate(networks[:-1])}
    found["radials.0.last"] = _path_weights(layer, blocks, networks[-1])
    found["radials.0.pair_shift"] = np.zeros((0, networks[0].shape[1]))
    plan = layer.message_plan
    found |= _numbered("up.weights", (blocks.up(i) for i in layer.irreps_in))
    step = plan.steps[0]
    left, right = plan.lines[step.left].irreps, plan.lines[step.right].irreps
    mixed = []
    for out in plan.lines[step.out].distinct:
        triples = [(right[path.right].l, left[path.left].l, out.l) for path in step.paths_to(out)]
        mixed.append(np.concatenate([blocks.mid(triple) for triple in triples]))
    found |= _numbered("mixings.0.weights", mixed)
    if layer.density is not None:
        found["density.weight"] = blocks.density()
    found |= _numbered("of_species.weights", (blocks.of_species(i) for i in layer.species_target))
    found |= _numbered("out.weights", (blocks.out(i) for i in layer.target))
    tolerance = FIT_TOLERANCE[told["dtype"]]
    carried = plan.lines[step.out].distinct
    found |= _numbered("product.weights", _product(layer.product, carried, blocks, layer.target, tolerance))
    return found


def _path_weights(layer: ProductLayer, blocks: Blocks, last: Array) -> Array:
    """The last radial matrix with its columns in our order and phase."""
    columns = []
    for group in layer.sums[0].groups:  # type: ignore[union-attr]
        for y, out in group.columns:
            triple = (group.irrep.l, y.l, out.l)
            columns.append(_phase(triple, blocks.arrays) * blocks.columns(last, triple))
    return np.concatenate(columns, 1)


def _phase(triple: Triple, arrays: Arrays) -> float:
    """The sign between their coupling and ours, times (-1)^l for the direction of the edge."""
    l1, l2, l3 = triple
    theirs = (2 * l3 + 1) ** 0.5 * arrays[f"w3j_{l1}_{l2}_{l3}"].transpose(1, 0, 2)
    ours = clebsch_gordan(l2, l1, l3)
    sign = float(np.sign((theirs * ours).sum()))
    if np.abs(theirs - sign * ours).max() > 1e-6:
        raise ConfigError(f"the coupling {triple} of this mace-torch is not ours up to a sign; its e3nn is not known")
    return sign * (-1) ** l2


def _product(
    product: Product, order: Sequence[Irrep], blocks: Blocks, target: Sequence[Irrep], tolerance: float
) -> Iterator[Array]:
    """Path weights [n_species, 1, n_paths, c] for each target: theirs, mapped by a fit of the bases; A has `order`."""
    l_max = max(irrep.l for irrep in order)
    features = _samples(l_max, blocks.n_channels, product)
    ours = _our_functions(product, features, order)
    for k, irrep in enumerate(target):
        functions, weights = blocks.product(irrep, features)
        a, b = _columns(ours[k]), _columns(functions)
        scale = np.linalg.norm(a, axis=0) + 1e-300
        fitted = np.linalg.lstsq(a / scale, b, rcond=1e-10)[0] / scale[:, None]
        gap = np.abs(a @ fitted - b).max() / np.abs(b).max()
        if gap > tolerance:
            raise ConfigError(
                f"the products of A to {irrep} do not span those of the mace-torch model (residual {gap:.0e}); "
                "set inner_l_max to null"
            )
        yield np.einsum("pk,zkc->zpc", fitted, weights)[:, None]


def _samples(l_max: int, n_channels: int, product: Product) -> Array:
    """Random A [n, (l_max + 1)^2, c], three times as many as functions, in the order l, m."""
    n = 4 + 4 * max(product.contraction.n_paths) // n_channels
    return np.random.default_rng(0).standard_normal((n, (l_max + 1) ** 2, n_channels))


def _our_functions(product: Product, features: Array, order: Sequence[Irrep]) -> list[Array]:
    """[n, m, n_paths, c] for each target."""
    leaf = np.concatenate([features[:, i.l**2 : (i.l + 1) ** 2] for i in order], axis=1)
    contraction = product.contraction.double()
    with torch.no_grad():
        return [x.numpy() for x in contraction(product.leaves([torch.from_numpy(leaf)]))]


def _columns(functions: Array) -> Array:
    return functions.transpose(0, 1, 3, 2).reshape(-1, functions.shape[2])


def _readouts(arrays: Arrays, told: Mapping[str, Any], c: int, head: int) -> Iterator[tuple[str, Array]]:
    """Linear ones, then the network; a model of several heads has one column, or one group of columns, a head."""
    n_heads, last = len(told["heads"]), len(told["readouts"]) - 1
    for t in range(last):
        yield f"readouts.{t}.weight", arrays[f"readouts.{t}.linear.weight"].reshape(c, n_heads)[:, [head]] / c**0.5
    hidden = arrays[f"readouts.{last}.linear_1.weight"].reshape(c, n_heads, -1)[:, head] / c**0.5
    width = hidden.shape[1]
    out = arrays[f"readouts.{last}.linear_2.weight"].reshape(n_heads, width, n_heads)[head][:, [head]]
    yield f"readouts.{last}.hidden", hidden
    yield f"readouts.{last}.last", out * float(told["silu_gain"]) / (width * n_heads) ** 0.5


def _numbered(name: str, values: Any) -> dict[str, Array]:
    return {f"{name}.{k}": value for k, value in enumerate(values)}


def _of_head(values: Array, head: int) -> float:
    flat = np.atleast_1d(values).reshape(-1)
    return float(flat[head] if len(flat) > 1 else flat[0])
