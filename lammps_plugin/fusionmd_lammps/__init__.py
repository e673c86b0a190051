"""fusionmd potentials in LAMMPS: `pair_style fusionmd`, built on this machine and found by LAMMPS itself.

>>> from fusionmd_lammps import open_lammps  # doctest: +SKIP
>>> lmp = open_lammps()  # doctest: +SKIP
>>> lmp.commands_string("pair_style fusionmd")  # doctest: +SKIP
"""

from fusionmd_lammps.launch import open_lammps, run_file

__all__ = ["open_lammps", "run_file"]
