"""Alanine dipeptide: heavy atoms from standard bond lengths and angles, hydrogens by OpenMM's Modeller."""

from io import StringIO

from openmm import app

from tests.engines.openmm_systems import reference_platform

HEAVY_ATOMS = """\
ATOM      1  CH3 ACE A   1       0.000   0.000   0.000  1.00  0.00           C
ATOM      2  C   ACE A   1       1.520   0.000   0.000  1.00  0.00           C
ATOM      3  O   ACE A   1       2.144   1.060   0.000  1.00  0.00           O
ATOM      4  N   ALA A   2       2.116  -1.195   0.000  1.00  0.00           N
ATOM      5  CA  ALA A   2       3.559  -1.331   0.000  1.00  0.00           C
ATOM      6  CB  ALA A   2       3.945  -2.681   0.610  1.00  0.00           C
ATOM      7  C   ALA A   2       4.125  -1.137  -1.397  1.00  0.00           C
ATOM      8  O   ALA A   2       4.515  -2.102  -2.052  1.00  0.00           O
ATOM      9  N   NME A   3       4.168   0.117  -1.854  1.00  0.00           N
ATOM     10  C   NME A   3       4.684   0.436  -3.171  1.00  0.00           C
"""


def dipeptide():
    """Force field, topology and positions of ACE-ALA-NME, 22 atoms."""
    field = app.ForceField("amber14-all.xml")
    file = app.PDBFile(StringIO(HEAVY_ATOMS))
    model = app.Modeller(file.topology, file.positions)
    model.addHydrogens(field, platform=reference_platform())
    return field, model.topology, model.positions


def atoms_of(topology, residue):
    """Indices of the atoms of a residue."""
    return [atom.index for atom in topology.atoms() if atom.residue.name == residue]
