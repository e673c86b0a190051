"""Potentials that come with fusionmd: found by name in a checkout, an editable install and a wheel alike."""

import os
from pathlib import Path

from fusionmd.errors import PotentialFormatError

PACKAGE = Path(__file__).resolve().parent.parent
FILE_NAME = "potential.pt"


def shipped_folders(package: Path = PACKAGE) -> dict[str, Path]:
    """Name and folder of every shipped potential, sorted by name.

    A checkout and an editable install have them in `models/` beside the package, a wheel in `fusionmd/_models/`.
    """
    beside = package.parent / "models"
    is_checkout = (package.parent / "pyproject.toml").is_file()
    root = beside if is_checkout else package / "_models"
    return {path.parent.name: path.parent for path in sorted(root.glob(f"*/{FILE_NAME}"))}


def potential_path(name_or_path: str | os.PathLike[str], *, package: Path = PACKAGE) -> Path:
    """Path of a potential file, given as a path or as the name of a shipped one; a file of that name comes first."""
    path = Path(name_or_path)
    if path.is_file():
        return path
    shipped = shipped_folders(package)
    if str(name_or_path) in shipped:
        return shipped[str(name_or_path)] / FILE_NAME
    if path.is_dir():
        raise PotentialFormatError(f"{path} is a folder; give the potential file in it, like {path / FILE_NAME}")
    known = ", ".join(shipped) or "none"
    raise PotentialFormatError(
        f"no potential file {str(name_or_path)!r} and no shipped potential of that name; shipped: {known}"
    )
