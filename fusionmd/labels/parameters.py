"""Files of replaced parameters: MOPAC's EXTERNAL lines, and terms of one molecule (twists, walls).

    GSS C 10.08
    TWIST 1 0 2 3 7  0.25
    WALL 15 0  1.0 1.75  2.85
    ACTIVE 0 1
    SITE 0  1 2 14
    BOND 0 1
    FILTER 2.8 1.4
    END

`NAME ELEMENT VALUE`, absolute values in MOPAC's units; `TWIST` neighbour centre end left right (atoms from 0) and a
height in eV; `WALL` two atoms, the distances near and far in angstrom, and a height in eV; `ACTIVE` atoms on which the
active orbitals should be: labels then say how much of them is; `SITE` an atom with an active p orbital, and its three
neighbours; `BOND` two atoms with an active sigma orbital; `FILTER` width and temperature of the filter of these, eV
(`labels.casci`). MOPAC ignores what it cannot read; here every line is checked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from fusionmd.errors import LabelError
from fusionmd.labels.terms import Term
from fusionmd.labels.twists import Twist
from fusionmd.labels.walls import Wall
from fusionmd.structure import Structure

NUMBER = r"[-+]?\d+\.?\d*"
_KINDS = {
    "VALUE": re.compile(rf"[A-Za-z]\w+\s+[A-Z][a-z]?\s+{NUMBER}"),
    "ACTIVE": re.compile(r"ACTIVE((?:\s+\d+)+)"),
    "SITE": re.compile(r"SITE((?:\s+\d+){4})"),
    "BOND": re.compile(r"BOND((?:\s+\d+){2})"),
    "FILTER": re.compile(rf"FILTER((?:\s+{NUMBER}){{2}})"),
    "TWIST": re.compile(rf"TWIST((?:\s+\d+){{5}})\s+({NUMBER})"),
    "WALL": re.compile(rf"WALL((?:\s+\d+){{2}})((?:\s+{NUMBER}){{3}})"),
}
SHIPPED = Path(__file__).with_name("levels")
N_DIGITS = 8  # of the checksum in the name


@dataclass(frozen=True)
class Parameters:
    """text: What MOPAC reads; '' replaces nothing.  active: Atoms.  name: Of the file, with a checksum of its lines.

    sites: Atoms with p orbitals, and their three neighbours.  bonds: Atoms with sigma orbitals.
    filter_eV: Width and temperature; None: as the method has them.
    """

    text: str = ""
    terms: tuple[Term, ...] = ()
    active: tuple[int, ...] = ()
    name: str = ""
    sites: tuple[tuple[int, int, int, int], ...] = ()
    bonds: tuple[tuple[int, int], ...] = ()
    filter_eV: tuple[float, float] | None = None

    def check_atoms(self, structure: Structure) -> None:
        """Raise LabelError where the molecule lacks atoms that the parameters name."""
        groups = (self.active, *(term.atoms for term in self.terms), *self.sites, *self.bonds)
        named = [atom for group in groups for atom in group]
        if max(named, default=-1) >= structure.n_atoms:
            raise LabelError(
                f"{self.name} names atom {max(named)}, the molecule has 0..{structure.n_atoms - 1}; the file is for "
                "another molecule"
            )


def read_parameters(path: Path) -> Parameters:
    """The file's content; LabelError names the first line that is none of these kinds."""
    lines = [line.strip() for line in path.read_text().splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if lines and lines[-1].upper() == "END":
        lines.pop()
    of = {kind: [line for line in lines if pattern.fullmatch(line)] for kind, pattern in _KINDS.items()}
    known = [line for kind in of.values() for line in kind]
    bad = next((line for line in lines if line not in known), None)
    if bad is not None or not lines:
        raise LabelError(f"{path}: {bad!r} is no parameter; wanted lines of NAME ELEMENT VALUE, as in 'GSS C 10.08'")
    digest = sha256("\n".join(lines).encode()).hexdigest()[:N_DIGITS]
    return Parameters(
        text="\n".join([*of["VALUE"], "END", ""]) if of["VALUE"] else "",
        terms=(*(_twist(line, path) for line in of["TWIST"]), *(_wall(line) for line in of["WALL"])),
        active=tuple(int(atom) for line in of["ACTIVE"] for atom in line.split()[1:]),
        name=f"{path.stem}:{digest}",
        sites=tuple(_site(line, path) for line in of["SITE"]),
        bonds=tuple(_bond(line, path) for line in of["BOND"]),
        filter_eV=next((_filter(line, path) for line in of["FILTER"]), None),
    )


def shipped_parameters(program: str, name: str) -> Path:
    """Of a level that comes with the package; LabelError lists those there are."""
    known = sorted(path.stem for path in (SHIPPED / program).glob("*.params"))
    if name not in known:
        raise LabelError(f"there are no shipped parameters {name!r}; choose one of {', '.join(known) or 'none'}")
    return SHIPPED / program / f"{name}.params"


def _twist(line: str, path: Path) -> Twist:
    *atoms, height = line.split()[1:]
    neighbour, centre, end, left, right = numbers = [int(atom) for atom in atoms]
    if len(set(numbers)) < len(numbers):
        raise LabelError(f"{path}: {line!r} names an atom twice; a twist has five different atoms")
    return Twist(neighbour, centre, end, left, right, float(height))


def _site(line: str, path: Path) -> tuple[int, int, int, int]:
    atom, *neighbours = numbers = [int(number) for number in line.split()[1:]]
    if len(set(numbers)) < len(numbers):
        raise LabelError(f"{path}: {line!r} names an atom twice; a site has four different atoms")
    return atom, neighbours[0], neighbours[1], neighbours[2]


def _bond(line: str, path: Path) -> tuple[int, int]:
    one, other = (int(number) for number in line.split()[1:])
    if one == other:
        raise LabelError(f"{path}: {line!r} names an atom twice; a bond has two different atoms")
    return one, other


def _filter(line: str, path: Path) -> tuple[float, float]:
    width, temperature = (float(number) for number in line.split()[1:])
    if min(width, temperature) <= 0.0:
        raise LabelError(f"{path}: {line!r}; width and temperature of a filter are positive, in eV")
    return width, temperature


def _wall(line: str) -> Wall:
    _, one, other, *sizes = line.split()
    near, far, height = (float(size) for size in sizes)
    return Wall(int(one), int(other), near, far, height)
