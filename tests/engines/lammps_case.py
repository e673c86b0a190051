"""A structure of hydrogen, carbon and oxygen through LAMMPS: what the tests of the plugin ask."""

from fusionmd_lammps import single_point
from fusionmd_lammps.single_point import MEASURE, Answer, all_printed, printed, run, script, write_data

__all__ = ["MEASURE", "Answer", "all_printed", "ask", "printed", "run", "script", "write_data"]


def ask(structure, potential, folder, *, elements=None, **options) -> Answer:
    """Energy, forces and the rest of one structure."""
    return single_point.ask(structure, potential, folder, elements=elements or [1, 6, 8], **options)
