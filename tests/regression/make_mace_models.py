"""Write small `mace-torch` models with their energies and forces: mace_model_*.npz.

    python tests/regression/make_mace_models.py

Needs mace-torch 0.3.16 (e3nn 0.4.4), which lives in an environment of its own: `make test-mace`. Each file holds what
`fusionmd/workflows/mace_dump.py` says of a model with random weights, float64: the arrays by name with `weights/` in
front, the description as JSON, and for a molecule and a crystal numbers, positions, cell, energy (eV) and forces
(eV/angstrom) as mace-torch's own calculator gives them.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent.parent / "fusionmd" / "workflows"))
ELEMENTS = [1, 6, 8]
CASES = {
    "residual": {
        "interactions": ("RealAgnosticResidualInteractionBlock", "RealAgnosticResidualInteractionBlock"),
        "hidden": "4x0e+4x1o",
        "max_ell": 3,
        "correlation": 3,
        "heads": ["one", "two"],
    },
    "plain": {
        "interactions": ("RealAgnosticInteractionBlock", "RealAgnosticResidualInteractionBlock"),
        "hidden": "3x0e",
        "max_ell": 2,
        "correlation": 3,
    },
    "density": {
        "interactions": ("RealAgnosticDensityInteractionBlock", "RealAgnosticDensityResidualInteractionBlock"),
        "hidden": "3x0e+3x1o+3x2e",
        "max_ell": 2,
        "correlation": 2,
        "distance_transform": "Agnesi",
        "pair_repulsion": True,
    },
}


def main() -> None:
    for name, case in CASES.items():
        path = FOLDER / f"mace_model_{name}.npz"
        np.savez_compressed(path, **reference(case))
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


def reference(case: dict) -> dict[str, np.ndarray]:
    """The arrays of a case."""
    import mace_dump
    from mace.calculators import MACECalculator

    model = random_model(**case)
    arrays = {f"weights/{key}": value.detach().numpy() for key, value in mace_dump.arrays(model).items()}
    arrays["description"] = np.array(json.dumps(mace_dump.description(model)))
    for k, atoms in enumerate(structures()):
        atoms.calc = MACECalculator(models=[model], device="cpu", default_dtype="float64", head=model.heads[-1])
        arrays |= {f"{k}/numbers": atoms.numbers, f"{k}/positions": atoms.positions, f"{k}/cell": atoms.cell.array}
        arrays |= {f"{k}/energy": np.array(atoms.get_potential_energy()), f"{k}/forces": atoms.get_forces()}
    return arrays


def random_model(interactions, hidden, max_ell, correlation, heads=None, **options):
    """A model of mace-torch with random weights."""
    import torch
    from e3nn import o3
    from mace import modules

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(3)
    first, later = (modules.interaction_classes[name] for name in interactions)
    energies = np.array([[-13.6, -1030.0, -2040.0], [-13.0, -1029.0, -2041.0]])
    return modules.ScaleShiftMACE(
        atomic_inter_scale=[0.8, 1.3] if heads else 0.8,
        atomic_inter_shift=[0.1, -0.2] if heads else 0.1,
        atomic_energies=energies if heads else energies[0],
        r_max=4.0,
        num_bessel=5,
        num_polynomial_cutoff=5,
        max_ell=max_ell,
        interaction_cls=later,
        interaction_cls_first=first,
        num_interactions=2,
        num_elements=len(ELEMENTS),
        hidden_irreps=o3.Irreps(hidden),
        MLP_irreps=o3.Irreps("3x0e"),
        avg_num_neighbors=3.0,
        atomic_numbers=ELEMENTS,
        correlation=correlation,
        gate=torch.nn.functional.silu,
        radial_MLP=[6, 6],
        heads=heads,
        **options,
    )


def structures():
    """A molecule, and a crystal with a cell smaller than the cutoff."""
    from ase import Atoms

    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*[np.arange(2)] * 3), axis=-1).reshape(-1, 3) * 1.5
    molecule = Atoms([1, 6, 8, 1, 6, 1, 8, 6], grid + rng.normal(scale=0.2, size=(8, 3)))
    cell = [[3.1, 0.0, 0.0], [0.4, 2.9, 0.0], [-0.2, 0.3, 3.3]]
    return molecule, Atoms([1, 8], [[0.1, 0.0, 0.2], [1.6, 1.4, 1.5]], cell=cell, pbc=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
