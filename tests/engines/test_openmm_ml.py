"""openmm-ml: whole systems, and alanine dipeptide with a part of it learned."""

import subprocess
import sys

import numpy as np
import openmm
import pytest
from openmm import app, unit
from openmmml import MLPotential

from fusionmd.errors import ConfigError
from fusionmd.potential import export_potential
from fusionmd.structure import Structure
from tests.engines.dipeptide import atoms_of, dipeptide
from tests.engines.openmm_systems import (
    ase_of,
    assert_same,
    context_of,
    crystal,
    energy_of,
    forces_of,
    molecule,
    topology_of,
)
from tests.toy_model import TwoHopToyModel

ELEMENTS = (1, 6, 7, 8)
ML_GROUP = 5


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("openmm") / "toy.pt"
    model = TwoHopToyModel(ELEMENTS, n_outputs=2).double()
    export_potential(model, path, atomic_energies=dict.fromkeys(ELEMENTS, (-10.0, -9.0)))
    return path


@pytest.fixture(scope="module")
def peptide():
    return dipeptide()


def at(system, positions):
    """A context with every particle in its place, link atoms too."""
    angstrom = np.array(positions.value_in_unit(unit.angstrom))
    n_links = system.getNumParticles() - len(angstrom)
    context = context_of(system, np.concatenate([angstrom, np.zeros((n_links, 3))]))
    context.computeVirtualSites()
    return context


def positions_of(context):
    return context.getState(positions=True).getPositions(asNumpy=True).value_in_unit(unit.angstrom)


@pytest.mark.parametrize("make", [molecule, crystal])
def test_whole_systems(make, path):
    structure = make()
    system = MLPotential("fusionmd", modelPath=str(path), state=1).createSystem(topology_of(structure))
    assert_same(context_of(system, structure.positions), ase_of(structure, path, state=1))


def test_arguments_reach_the_potential(path):
    structure = molecule()
    potential = MLPotential("fusionmd", modelPath=path)
    system = potential.createSystem(topology_of(structure), state=1, has_references=False, precision="double")
    energy = energy_of(context_of(system, structure.positions))
    expected = ase_of(structure, path, state=1).get_potential_energy() + 9.0 * structure.n_atoms
    assert energy == pytest.approx(expected, abs=1e-8)
    with pytest.raises(ConfigError, match="unknown option charge"):
        potential.createSystem(topology_of(structure), charge=1)
    with pytest.raises(ConfigError, match="unknown precision 'half'"):
        potential.createSystem(topology_of(structure), precision="half")
    with pytest.raises(ConfigError, match="needs modelPath"):
        MLPotential("fusionmd")


def test_the_learned_part_of_a_mixed_system(peptide, path):
    """The residue ALA is cut out of two bonds and capped by two hydrogens that OpenMM places."""
    field, topology, positions = peptide
    chosen = atoms_of(topology, "ALA")
    mixed = MLPotential("fusionmd", modelPath=path).createMixedSystem(
        topology, field.createSystem(topology), chosen, forceGroup=ML_GROUP
    )
    assert mixed.getNumParticles() == topology.getNumAtoms() + 2
    context = at(mixed, positions)
    everywhere = positions_of(context)
    numbers = [atom.element.atomic_number for atom in topology.atoms()]
    links = range(topology.getNumAtoms(), mixed.getNumParticles())
    capped = Structure([*(numbers[i] for i in chosen), 1, 1], everywhere[[*chosen, *links]])
    expected = ase_of(capped, path).get_potential_energy()
    assert energy_of(context, groups={ML_GROUP}) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("is_periodic", [False, True])
@pytest.mark.parametrize("residue", ["ALA", "everything"])
def test_interpolation_between_force_field_and_potential(is_periodic, residue, peptide, path):
    field, topology, positions = peptide
    options = {}
    if is_periodic:
        # Its normalisation counts particles, link atoms too, so OpenMM's correction differs by 2e-6 eV with them.
        topology.setPeriodicBoxVectors(np.eye(3) * 2.5 * unit.nanometer)
        options = {
            "nonbondedMethod": app.PME,
            "nonbondedCutoff": 1.0 * unit.nanometer,
            "useDispersionCorrection": False,
        }
    try:
        mm = field.createSystem(topology, **options)
        chosen = list(range(22)) if residue == "everything" else atoms_of(topology, residue)
        make = MLPotential("fusionmd", modelPath=path).createMixedSystem
        mixed, plain = [make(topology, mm, chosen, interpolate=interpolate) for interpolate in (True, False)]
    finally:
        topology.setPeriodicBoxVectors(None)
    context, ends = at(mixed, positions), [at(mm, positions), at(plain, positions)]
    energies = [energy_of(end) for end in ends]
    for weight in (0.0, 0.25, 1.0):
        context.setParameter("lambda_interpolate", weight)
        expected = (1 - weight) * energies[0] + weight * energies[1]
        assert energy_of(context) == pytest.approx(expected, abs=1e-7), weight
    n = topology.getNumAtoms()
    np.testing.assert_allclose(forces_of(context)[:n], forces_of(ends[1])[:n], atol=1e-8, rtol=0)


PERIODIC = {"nonbondedMethod": app.PME, "nonbondedCutoff": 1.0 * unit.nanometer}


@pytest.fixture
def box(peptide):
    """The dipeptide in a cubic box of a given edge, nm."""
    field, topology, positions = peptide

    def made(edge):
        topology.setPeriodicBoxVectors(np.eye(3) * edge * unit.nanometer)
        return field, topology, positions

    yield made
    topology.setPeriodicBoxVectors(None)


@pytest.mark.parametrize("interpolate, molecules", [(False, [1] * 22), (True, [22])])
def test_what_a_barostat_scales_as_a_rigid_body(interpolate, molecules, box, path):
    """Not the learned part; with `interpolate`, OpenMM sees the bonds of the force field (docs/openmm.md)."""
    field, topology, positions = box(3.0)
    mm = field.createSystem(topology, **PERIODIC)
    make = MLPotential("fusionmd", modelPath=path).createMixedSystem
    mixed = make(topology, mm, list(range(22)), interpolate=interpolate)
    assert [len(found) for found in at(mm, positions).getMolecules()] == [22]
    assert [len(found) for found in at(mixed, positions).getMolecules()] == molecules


def test_a_box_that_openmm_refuses(box, path):
    """The cutoff of the force field: OpenMM's own sentence arrives."""
    field, topology, positions = box(1.9)
    make = MLPotential("fusionmd", modelPath=path).createMixedSystem
    mixed = make(topology, field.createSystem(topology, **PERIODIC), atoms_of(topology, "ALA"))
    with pytest.raises(openmm.OpenMMException, match="cutoff distance cannot be greater than half the periodic box"):
        at(mixed, positions)


def test_mixed_system_from_xml_and_in_motion(peptide, path):
    field, topology, positions = peptide
    mixed = MLPotential("fusionmd", modelPath=path).createMixedSystem(
        topology, field.createSystem(topology), atoms_of(topology, "ALA"), interpolate=True
    )
    again = openmm.XmlSerializer.deserialize(openmm.XmlSerializer.serialize(mixed))
    contexts = [at(system, positions) for system in (mixed, again)]
    for context in contexts:
        context.setParameter("lambda_interpolate", 1.0)
        context.getIntegrator().step(5)
    assert energy_of(contexts[0]) == energy_of(contexts[1])


def test_importing_openmm_ml_does_not_import_torch():
    code = "import sys, openmmml; sys.exit('torch' in sys.modules or 'fusionmd_openmm.ml' not in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0
