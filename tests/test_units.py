"""Conversion factors against SciPy's table of CODATA constants, and against each other."""

import pytest
import scipy.constants as codata

from fusionmd import units
from fusionmd.errors import DataError

FROM_SCIPY = {
    "EV_PER_HARTREE": codata.physical_constants["Hartree energy in eV"][0],
    "ANGSTROM_PER_BOHR": codata.physical_constants["Bohr radius"][0] * 1e10,
    "EV_PER_KCAL_PER_MOL": codata.calorie * 1e3 / codata.N_A / codata.e,
    "EV_PER_KJ_PER_MOL": 1e3 / codata.N_A / codata.e,
    "BOLTZMANN_EV_PER_K": codata.k / codata.e,
    "BOLTZMANN_HARTREE_PER_K": codata.physical_constants["kelvin-hartree relationship"][0],
    "EV_PER_INVERSE_CM": codata.h * codata.c * 100 / codata.e,
    "ELECTRON_MASS_PER_AMU": codata.atomic_mass / codata.m_e,
    "FS_PER_ATOMIC_TIME": codata.physical_constants["atomic unit of time"][0] * 1e15,
    "GPA_PER_EV_PER_ANGSTROM3": codata.e * 1e30 / 1e9,
    "EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR": codata.physical_constants["atomic unit of force"][0] / codata.e * 1e-10,
}


@pytest.mark.parametrize("name", FROM_SCIPY)
def test_factor_is_codata(name):
    assert getattr(units, name) == pytest.approx(FROM_SCIPY[name], rel=2e-9)


def test_ase_time_unit_is_that_of_ase():
    ase_units = pytest.importorskip("ase.units")
    assert 1.0 / ase_units.fs == pytest.approx(units.FS_PER_ASE_TIME, rel=1e-6)


def test_units_by_name():
    assert units.ev_per("Hartree") == units.EV_PER_HARTREE
    assert units.angstrom_per("nm") == 10.0
    with pytest.raises(DataError, match="unknown energy unit 'ev'.*kcal/mol"):
        units.ev_per("ev")
