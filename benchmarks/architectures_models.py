"""One configuration for each architecture, and the number of channels that gives it a wanted number of parameters."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from fusionmd.models import build_model
from fusionmd.training.run import n_parameters

Section = dict[str, Any]

TOLERANCE = 0.1  # of the wanted number of parameters
STEP = 4  # channels in multiples of it where they come within the tolerance
LARGEST = 4096
COMMON: Section = {"cutoff": 5.0, "n_basis": 8, "cutoff_power": 5, "radial_widths": [64, 64], "readout_width": 16}
VECTORS: Section = {"n_layers": 2, "l_max": 3, "hidden_irreps": "0e + 1o"}
TENSORS: Section = {"l_max": 3, "hidden_irreps": "0e + 1o + 2e"}  # architectures without products of many factors
MODELS: dict[str, Section] = {
    "fusion_net": {"name": "fusion_net", **VECTORS},
    "fusion_net_unmixed": {"name": "fusion_net", **VECTORS, "internal_mixing": False},
    "mace": {"name": "mace", **VECTORS},
    "mace_fusion": {"name": "mace_fusion", **VECTORS, "inner_l_max": 3, "message_inner_l_max": 3},
    "cormorant": {"name": "cormorant", **TENSORS, "n_layers": 3},
    "cormorant_fusion": {"name": "cormorant_fusion", **TENSORS, "n_layers": 3},
    "nequip": {"name": "nequip", **TENSORS, "n_layers": 3},
    "allegro": {"name": "allegro", "l_max": 3, "n_layers": 2},
    "ictp": {"name": "ictp", **VECTORS},
    "eninet": {"name": "eninet", "n_layers": 2},
    "tensor_frames": {"name": "tensor_frames", "n_layers": 2},
}
# Without fusion block, with it.
PAIRS = [("cormorant", "cormorant_fusion"), ("mace", "mace_fusion"), ("fusion_net_unmixed", "fusion_net")]


def sized(section: Mapping[str, Any], elements: Sequence[int], target: int) -> tuple[Section, int]:
    """The section with channels (and a readout width, if they do not suffice) for `target` parameters; their number.

    The number may still be farther away than the tolerance; whoever reports it says so (`is_within`).
    """
    start = {**COMMON, **section}
    found, count = with_nearest(start, "n_channels", elements, target, step=STEP)
    if not is_within(count, target):
        found, count = with_nearest(start, "n_channels", elements, target)
    if not is_within(count, target):
        fewer = {**found, "n_channels": max(1, found["n_channels"] - (count > target))}
        wider, wider_count = with_nearest(fewer, "readout_width", elements, target)
        found, count = min([(found, count), (wider, wider_count)], key=lambda pair: abs(pair[1] - target))
    return found, count


def with_nearest(
    section: Section, key: str, elements: Sequence[int], target: int, *, step: int = 1
) -> tuple[Section, int]:
    """The section with the value of `key`, a multiple of `step`, whose number of parameters is nearest to `target`."""

    @cache
    def count(value: int) -> int:
        return n_parameters(build_model({**section, key: value}, elements=elements))

    value = nearest(count, target, step=step)
    return {**section, key: value}, count(value)


def nearest(count: Callable[[int], int], target: int, *, step: int = 1) -> int:
    """The multiple of `step` whose `count`, which never falls, is nearest to `target`."""
    low, high = 0, 1
    while count(high * step) < target and high * step < LARGEST:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle * step) < target else (low, middle)
    return min((n * step for n in (low, high) if n > 0), key=lambda n: abs(count(n) - target))


def is_within(count: int, target: int) -> bool:
    """Whether the number of parameters is as wanted."""
    return abs(count - target) <= TOLERANCE * target
