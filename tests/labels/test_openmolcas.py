"""SA-CASSCF from OpenMolcas: the same numbers as from PySCF; outputs that are cut or failed are refused.

`openmolcas_22_10_h4.out` holds what is read of an output of OpenMolcas 22.10 for the input of `test_the_input`.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

from fusionmd.errors import LabelError
from fusionmd.labels.casscf import Casscf
from fusionmd.labels.methods import method_of
from fusionmd.labels.openmolcas_input import geometry_text, input_text
from fusionmd.labels.openmolcas_output import atomic_units
from fusionmd.structure import Structure
from fusionmd.units import ANGSTROM_PER_BOHR

H4 = Structure([1, 1, 1, 1], [[0, 0, 0], [0.85, 0.05, 0], [0.1, 0.95, 0.2], [1.05, 1.1, -0.15]])
SETTINGS = Casscf(2, 2, "6-31g", has_couplings=True)
OUT = (Path(__file__).parent / "openmolcas_22_10_h4.out").read_text()
is_installed = pytest.mark.skipif(shutil.which("pymolcas") is None, reason="OpenMolcas is not installed")


def read(out):
    return SETTINGS.labels(atomic_units(out, n_states=3, roots=[0, 2], pairs=SETTINGS.pairs), H4)


def assert_same(found, expected, roots):
    np.testing.assert_allclose(found.energies, expected.energies, atol=2e-6)
    np.testing.assert_allclose(found.forces[roots], expected.forces[roots], atol=1e-5)
    np.testing.assert_allclose(found.strengths, expected.strengths, rtol=1e-4)


@pytest.fixture(scope="module")
def pyscf():
    pytest.importorskip("pyscf", reason="PySCF is not installed")
    return method_of("pyscf-casscf22-6-31g", has_couplings=True).label(H4, [0, 2])


def test_an_output_says_the_same_as_pyscf(pyscf):
    found = read(OUT)
    assert_same(found, pyscf, [0, 2])
    signs = np.sign((found.couplings * pyscf.couplings).sum((1, 2)))[:, None, None]
    np.testing.assert_allclose(found.couplings * signs, pyscf.couplings, atol=1e-5)
    assert np.abs(pyscf.couplings).max(axis=(1, 2)).min() > 0.5


@is_installed
def test_the_program_gives_the_same_as_pyscf(pyscf):
    assert_same(method_of("openmolcas-casscf22-6-31g").label(H4, [0]), pyscf, [0])


@is_installed
def test_what_the_program_refuses_is_told():
    with pytest.raises(LabelError, match="gateway stopped with INPUT_ERROR; ERROR: Basis set file"):
        method_of("openmolcas-casscf22-6-32g").label(H4, [0])
    with pytest.raises(LabelError, match="longer than"):
        method_of("openmolcas-casscf22-6-31g", timeout_s=0.1).label(H4, [0])


def test_the_input():
    text = input_text(SETTINGS, H4, [0, 2])
    assert text.count("&MCLR") == text.count("&ALASKA") == 5 and "RICD" not in text
    assert [line for line in text.split("\n") if line.startswith(("SALA", "NAC="))] == [
        *("SALA=1", "SALA=3", "NAC=1 2", "NAC=1 3", "NAC=2 3")
    ]
    assert "Inactive=1\n" in text and "Ras2=2\n" in text
    second = np.array(geometry_text(H4).split("\n")[3].split()[1:], dtype=float)
    np.testing.assert_allclose(second * ANGSTROM_PER_BOHR, H4.positions[1], atol=1e-10)


def test_active_orbitals_change_places_with_frontier_ones():
    assert "Alter\n1\n1 3 5\n" in input_text(Casscf(2, 2, "6-31g", active=(2, 5)), H4, [0])
    assert "Alter" not in input_text(Casscf(2, 2, "6-31g", active=(3, 2)), H4, [0])
    assert "RICD\n" in input_text(Casscf(2, 2, "6-31g", has_density_fit=True), H4, [0])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Happy landing!", "Convergence problem", "OpenMolcas failed"),
        (
            "/rc=_RC_ALL_IS_WELL_ ---\n",
            "/rc=_RC_NOT_CONVERGED_ ---\n### ERROR: too far ###\n",
            "alaska stopped with NOT_CONVERGED; ERROR: too far",
        ),
        ("RASSI State    3", "RASSI Stat", r"states \[1, 2\]"),
        ("Molecular gradients", "gradients", "0 tables of Molecular gradients, 2"),
        ("  H3               -1.02287245537215E-01", "  H3   ****", r"gradient of state 0: 9 numbers"),
        ("-1.90814131405911", "-1.99814131405911", "do not ascend"),
    ],
)
def test_outputs_that_are_cut_or_odd(old, new, says):
    assert old in OUT
    changed = OUT.replace(old, new)
    with pytest.raises(LabelError, match=says):
        read(changed.replace("Happy landing!", "") if "NOT_CONVERGED" in new else changed)


def test_a_program_that_is_not_installed(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LabelError, match="not installed"):
        method_of("openmolcas-casscf22-6-31g")
