"""Element symbols and atomic numbers."""

import difflib
from collections.abc import Iterable

from fusionmd.errors import DataError

SYMBOLS = """
X H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr
Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu
Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr
Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
""".split()
_NUMBERS = {name: number for number, name in enumerate(SYMBOLS) if number}


def atomic_number(name: str) -> int:
    """Atomic number of a symbol such as 'Nb', or of a number written as text."""
    if name in _NUMBERS:
        return _NUMBERS[name]
    if name.isdigit() and 0 < int(name) < len(SYMBOLS):
        return int(name)
    near = difflib.get_close_matches(name.capitalize(), _NUMBERS, n=1, cutoff=0.5)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise DataError(f"unknown element symbol {name!r}{hint}; write symbols such as C, Nb")


def symbol(number: int) -> str:
    """Symbol of an atomic number."""
    return SYMBOLS[number]


def symbols(numbers: Iterable[int]) -> str:
    """Symbols of atomic numbers, for messages: 'H, C, O'."""
    return ", ".join(SYMBOLS[int(number)] for number in numbers)
