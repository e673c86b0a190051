"""Conversion factors, named `A_PER_B`: multiply a value in B by it to get the value in A.

Constants: CODATA 2022, Mohr, Newell, Taylor, Tiesinga (NIST, https://physics.nist.gov/constants).
Those marked exact define the SI.
"""

from math import pi

from fusionmd.errors import DataError

# SI constants
COULOMB_PER_ELEMENTARY_CHARGE = 1.602176634e-19  # exact
JOULE_PER_K = 1.380649e-23  # Boltzmann constant, exact
JOULE_SECOND_PLANCK = 6.62607015e-34  # exact
PARTICLES_PER_MOL = 6.02214076e23  # exact
METRE_PER_SECOND_LIGHT = 299792458.0  # exact
JOULE_PER_HARTREE = 4.3597447222060e-18
METRE_PER_BOHR = 5.29177210544e-11
KG_PER_ELECTRON_MASS = 9.1093837139e-31
KG_PER_AMU = 1.66053906892e-27
JOULE_PER_CALORIE = 4.184  # thermochemical calorie, exact

# Energy
JOULE_PER_EV = COULOMB_PER_ELEMENTARY_CHARGE
EV_PER_HARTREE = JOULE_PER_HARTREE / JOULE_PER_EV
HARTREE_PER_EV = 1.0 / EV_PER_HARTREE
EV_PER_RYDBERG = EV_PER_HARTREE / 2.0
EV_PER_KJ_PER_MOL = 1000.0 / PARTICLES_PER_MOL / JOULE_PER_EV
KJ_PER_MOL_PER_EV = 1.0 / EV_PER_KJ_PER_MOL
EV_PER_KCAL_PER_MOL = EV_PER_KJ_PER_MOL * JOULE_PER_CALORIE
KCAL_PER_MOL_PER_EV = 1.0 / EV_PER_KCAL_PER_MOL
MEV_PER_EV = 1000.0
EV_PER_MEV = 1.0 / MEV_PER_EV
EV_PER_INVERSE_CM = JOULE_SECOND_PLANCK * METRE_PER_SECOND_LIGHT * 100.0 / JOULE_PER_EV
INVERSE_CM_PER_EV = 1.0 / EV_PER_INVERSE_CM

# Length
ANGSTROM_PER_BOHR = METRE_PER_BOHR * 1e10
BOHR_PER_ANGSTROM = 1.0 / ANGSTROM_PER_BOHR
ANGSTROM_PER_NM = 10.0
NM_PER_ANGSTROM = 0.1

# Force, stress
EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR = EV_PER_HARTREE / ANGSTROM_PER_BOHR
EV_PER_ANGSTROM_PER_KCAL_PER_MOL_PER_ANGSTROM = EV_PER_KCAL_PER_MOL
GPA_PER_EV_PER_ANGSTROM3 = JOULE_PER_EV * 1e30 * 1e-9
EV_PER_ANGSTROM3_PER_GPA = 1.0 / GPA_PER_EV_PER_ANGSTROM3
EV_PER_ANGSTROM3_PER_BAR = EV_PER_ANGSTROM3_PER_GPA * 1e-4
EV_PER_ANGSTROM3_PER_KBAR = EV_PER_ANGSTROM3_PER_GPA * 0.1

# Temperature
BOLTZMANN_EV_PER_K = JOULE_PER_K / JOULE_PER_EV
BOLTZMANN_HARTREE_PER_K = JOULE_PER_K / JOULE_PER_HARTREE

# Mass, time
ELECTRON_MASS_PER_AMU = KG_PER_AMU / KG_PER_ELECTRON_MASS
AMU_PER_ELECTRON_MASS = 1.0 / ELECTRON_MASS_PER_AMU
PLANCK_BAR_EV_FS = JOULE_SECOND_PLANCK / (2.0 * pi) / JOULE_PER_EV * 1e15
FS_PER_ATOMIC_TIME = PLANCK_BAR_EV_FS / EV_PER_HARTREE
ATOMIC_TIME_PER_FS = 1.0 / FS_PER_ATOMIC_TIME
FS_PER_PS = 1000.0
# eV = amu angstrom^2 / (time unit)^2 defines ASE's unit of time, 10.18 fs.
FS_PER_ASE_TIME = (KG_PER_AMU * 1e-20 / JOULE_PER_EV) ** 0.5 * 1e15

ENERGY_UNITS_IN_EV = {
    "eV": 1.0,
    "meV": EV_PER_MEV,
    "Hartree": EV_PER_HARTREE,
    "Rydberg": EV_PER_RYDBERG,
    "kcal/mol": EV_PER_KCAL_PER_MOL,
    "kJ/mol": EV_PER_KJ_PER_MOL,
    "1/cm": EV_PER_INVERSE_CM,
}
LENGTH_UNITS_IN_ANGSTROM = {"angstrom": 1.0, "Bohr": ANGSTROM_PER_BOHR, "nm": ANGSTROM_PER_NM}
PRESSURE_UNITS_IN_EV_PER_ANGSTROM3 = {
    "GPa": EV_PER_ANGSTROM3_PER_GPA,
    "bar": EV_PER_ANGSTROM3_PER_BAR,
    "kbar": EV_PER_ANGSTROM3_PER_KBAR,
}


def ev_per(unit: str) -> float:
    """Factor from an energy unit such as 'kcal/mol' to eV."""
    return _look_up(unit, ENERGY_UNITS_IN_EV, "energy")


def angstrom_per(unit: str) -> float:
    """Factor from a length unit such as 'Bohr' to angstrom."""
    return _look_up(unit, LENGTH_UNITS_IN_ANGSTROM, "length")


def _look_up(unit: str, table: dict[str, float], kind: str) -> float:
    if unit not in table:
        raise DataError(f"unknown {kind} unit {unit!r}; write one of {', '.join(table)}")
    return table[unit]
