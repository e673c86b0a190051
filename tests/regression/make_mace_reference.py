"""Write, or remake and compare, what mace-torch's symmetric contraction gives on fixed features: mace_correlation*.npz.

    python tests/regression/make_mace_reference.py              write the three files
    python tests/regression/make_mace_reference.py --compare    remake the arrays; exit 1 if they differ from the files

Needs mace-torch 0.3.16 (e3nn 0.4.4), which lives in an environment of its own: `make test-mace`. Each file holds
`A` [n, components, channels], random features that carry 0e + 1o + ... of natural parity, and for every order v and
target irrep the array `order<v>_<irrep>` [n, 2l+1, n_paths, channels]: the basis functions of order v, each of them
the output for path weights that are 1 for one path and 0 for all others. Everything is float64.
"""

import argparse
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).resolve().parent
TARGETS = ("0e", "1o")
TOLERANCE = 1e-10


@dataclass(frozen=True)
class Case:
    """n_atoms x n_channels samples of A with l <= l_max; MACE filters its inner legs at correlation 4."""

    correlation: int
    l_max: int
    n_atoms: int
    n_channels: int = 4

    @property
    def path(self) -> Path:
        return FOLDER / f"mace_correlation{self.correlation}.npz"

    def features(self) -> np.ndarray:
        """A [n_atoms, (l_max + 1)^2, n_channels]."""
        shape = (self.n_atoms, (self.l_max + 1) ** 2, self.n_channels)
        return np.random.default_rng(self.correlation).standard_normal(shape)


CASES = (Case(2, 3, 10), Case(3, 3, 10), Case(4, 2, 8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compare", action="store_true", help="write nothing; exit 1 on a difference")
    is_compared = parser.parse_args().compare
    torch.set_default_dtype(torch.float64)
    gaps = [gap_to_file(case) if is_compared else write(case) for case in CASES]
    sys.exit(0 if max(gaps) <= TOLERANCE else f"the arrays differ by {max(gaps):.1e}, more than {TOLERANCE:.0e}")


def write(case: Case) -> float:
    """Write the file of a case."""
    np.savez_compressed(case.path, **reference(case, case.features()))
    print(f"{case.path.name}: {case.path.stat().st_size / 1000:.0f} kB")
    return 0.0


def gap_to_file(case: Case) -> float:
    """Largest difference between the file and the arrays made again from its A, relative to the array; inf: a key."""
    with np.load(case.path) as file:
        stored = dict(file)
    made = reference(case, stored["A"])
    gap = max(_gap(made[key], stored[key]) for key in stored) if made.keys() == stored.keys() else np.inf
    print(f"{case.path.name}: {len(stored)} arrays, largest relative difference {gap:.1e}")
    return gap


def reference(case: Case, features: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of a case for given A."""
    arrays = {"A": features}
    for target in TARGETS:
        for order, basis in basis_functions(case, target, features).items():
            arrays[f"order{order}_{target}"] = basis
    return arrays


def basis_functions(case: Case, target: str, features: np.ndarray) -> dict[int, np.ndarray]:
    """For each order 1..correlation all basis functions [n, 2l+1, n_paths, channels]."""
    module = symmetric_contraction(case, target)
    inner = module.contractions[0]
    weights = [inner.weights_max, *inner.weights]
    x = torch.from_numpy(features).transpose(1, 2).contiguous()
    one_species = torch.ones(len(x), 1)
    run = lambda: module(x, one_species).view(len(x), case.n_channels, -1).transpose(1, 2)  # noqa: E731
    with torch.no_grad():
        return {case.correlation - k: _unit_outputs(run, weights, k) for k in range(case.correlation)}


def symmetric_contraction(case: Case, target: str) -> torch.nn.Module:
    """mace-torch's product basis for one species."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mace  # noqa: F401  before e3nn, because it makes e3nn's tables loadable
        from e3nn import o3
        from mace.modules.symmetric_contraction import SymmetricContraction

        inputs = o3.Irreps([(case.n_channels, (l, (-1) ** l)) for l in range(case.l_max + 1)])
        outputs = o3.Irreps(f"{case.n_channels}x{target}")
        return SymmetricContraction(inputs, outputs, correlation=case.correlation, num_elements=1)


def _unit_outputs(run: Callable[[], torch.Tensor], weights: list[torch.nn.Parameter], k: int) -> np.ndarray:
    """The output for each unit vector of path weights of the k-th array, all other weights 0."""
    outputs = []
    for path in range(weights[k].shape[1]):
        for weight in weights:
            weight.zero_()
        weights[k][:, path] = 1.0
        outputs.append(run().numpy().copy())
    return np.stack(outputs, axis=2)


def _gap(made: np.ndarray, stored: np.ndarray) -> float:
    if made.shape != stored.shape:
        return np.inf
    return float(np.abs(made - stored).max() / np.abs(stored).max())


if __name__ == "__main__":
    main()
