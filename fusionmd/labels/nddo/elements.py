"""Parameters of AM1: Dewar, Zoebisch, Healy, Stewart, J. Am. Chem. Soc. 107, 3902 (1985); oxygen as there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from fusionmd.elements import atomic_number
from fusionmd.errors import LabelError


@dataclass(frozen=True)
class Element:
    """Named as in MOPAC; energies in eV, exponents ZS and ZP in 1/bohr, ALP in 1/angstrom.

    core: Charge of the nucleus with the inner shell.  gaussians: Of the core repulsion, (height, width, centre): eV
        angstrom, 1/angstrom^2, angstrom.
    """

    core: int
    uss: float
    betas: float
    zs: float
    alp: float
    gss: float
    gaussians: tuple[tuple[float, float, float], ...]
    upp: float = 0.0
    betap: float = 0.0
    zp: float = 0.0
    gsp: float = 0.0
    gpp: float = 0.0
    gp2: float = 0.0
    hsp: float = 0.0

    @property
    def has_p(self) -> bool:
        """Whether it has p orbitals."""
        return self.zp > 0.0

    @property
    def n_orbitals(self) -> int:
        """1 or 4."""
        return 4 if self.has_p else 1


AM1: dict[int, Element] = {
    1: Element(
        core=1, uss=-11.396427, betas=-6.173787, zs=1.188078, alp=2.882324, gss=12.848,
        gaussians=((0.122796, 5.0, 1.2), (0.005090, 5.0, 1.8), (-0.018336, 2.0, 2.1)),
    ),
    6: Element(
        core=4, uss=-52.028658, upp=-39.614239, betas=-15.715783, betap=-7.719283, zs=1.808665, zp=1.685116,
        alp=2.648274, gss=12.23, gsp=11.47, gpp=11.08, gp2=9.84, hsp=2.43,
        gaussians=((0.011355, 5.0, 1.6), (0.045924, 5.0, 1.85), (-0.020061, 5.0, 2.05), (-0.001260, 5.0, 2.65)),
    ),
    7: Element(
        core=5, uss=-71.860000, upp=-57.167581, betas=-20.299110, betap=-18.238666, zs=2.315410, zp=2.157940,
        alp=2.947286, gss=13.59, gsp=12.66, gpp=12.98, gp2=11.59, hsp=3.14,
        gaussians=((0.025251, 5.0, 1.5), (0.028953, 5.0, 2.1), (-0.005806, 2.0, 2.4)),
    ),
    8: Element(
        core=6, uss=-97.830000, upp=-78.262380, betas=-29.272773, betap=-29.272773, zs=3.108032, zp=2.524039,
        alp=4.455371, gss=15.42, gsp=14.48, gpp=14.52, gp2=12.98, hsp=3.94,
        gaussians=((0.280962, 5.0, 0.847918), (0.081430, 7.0, 1.445071)),
    ),
}  # fmt: skip
NAMES = frozenset(field.name for field in fields(Element)) - {"core", "gaussians"}


def replaced(table: Mapping[int, Element], lines: str) -> dict[int, Element]:
    """The table with values of lines `GSS C 10.08`; LabelError for an element or a name it does not have."""
    found = dict(table)
    for line in lines.splitlines():
        words = line.split()
        if len(words) != 3:
            continue
        name, number = words[0].lower(), atomic_number(words[1])
        if number not in found or name not in NAMES:
            raise LabelError(f"{line!r}: AM1 has H, C, N, O here, and {', '.join(sorted(NAMES)).upper()}")
        found[number] = Element(**{**vars(found[number]), name: float(words[2])})
    return found
