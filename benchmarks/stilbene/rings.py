"""What turning the rings and moving a hydrogen atom cost, by B3LYP-D3(BJ)/6-31G* at AM1 geometries: targets of the fit.

    pip install pyscf pyscf-dispersion
    python -m benchmarks.stilbene.rings

Seven energies, some minutes each. Prints eV above cis with its rings at 43 degrees.
"""

import tempfile
from pathlib import Path

import ase.io
from pyscf import dft, gto

from benchmarks.stilbene.parameters import AM1, complete, text_of
from benchmarks.stilbene.points import read_geometries, relax
from fusionmd.units import EV_PER_HARTREE

LANDMARKS = Path(__file__).with_name("landmarks.xyz")
NAMES = ("cis", "cis89", "cis8920", "trans", "trans90", "carbene", "bridge")


def main() -> None:
    """One row each."""
    numbers, starts = ase.io.read(LANDMARKS, index=0).numbers, read_geometries(LANDMARKS)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "am1.params"
        plain.write_text(text_of(complete(AM1)))
        places = dict(relax((name, numbers, starts[name], plain, 100)) for name in NAMES)
    energies = {name: energy(numbers, place) for name, place in places.items()}
    for name, value in energies.items():
        print(f"{name:8s} {EV_PER_HARTREE * (value - energies['cis']):+.3f}")


def energy(numbers, place) -> float:
    """Hartree; positions in angstrom."""
    molecule = gto.M(atom=list(zip(numbers.tolist(), place.tolist(), strict=True)), basis="6-31g*", verbose=0)
    method = dft.RKS(molecule).density_fit()
    method.xc, method.disp, method.grids.level = "b3lyp", "d3bj", 2
    return float(method.kernel())


if __name__ == "__main__":
    main()
