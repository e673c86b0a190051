"""What the fit may change: one-centre and resonance parameters of carbon and hydrogen, and the twist of the rings."""

from collections.abc import Mapping
from pathlib import Path

# AM1: Dewar, Zoebisch, Healy, Stewart, J. Am. Chem. Soc. 107, 3902 (1985). eV, 1/bohr (ZS, ZP), 1/angstrom (ALP).
AM1 = {
    "USS C": -52.028658, "UPP C": -39.614239, "BETAS C": -15.715783, "BETAP C": -7.719283, "ZS C": 1.808665,
    "ZP C": 1.685116, "ALP C": 2.648274, "GSS C": 12.23, "GSP C": 11.47, "GPP C": 11.08, "GP2 C": 9.84, "HSP C": 2.43,
    "USS H": -11.396427, "BETAS H": -6.173787, "ZS H": 1.188078, "ALP H": 2.882324, "GSS H": 12.848,
}  # fmt: skip
TWIST = "TWIST"  # height for each ring, eV
# Changes of about equal weight.
SCALES = {
    "USS C": 1.0, "UPP C": 1.0, "BETAS C": 1.0, "BETAP C": 0.5, "ZS C": 0.05, "ZP C": 0.05, "ALP C": 0.1, "GSS C": 1.0,
    "GSP C": 0.7, "GPP C": 0.7, "GP2 C": 0.7, "HSP C": 0.5, "USS H": 0.4, "BETAS H": 0.3, "ZS H": 0.03, "ALP H": 0.1,
    "GSS H": 0.7, TWIST: 0.1,
}  # fmt: skip
# Pull back to AM1 (the twist: to 0), in residuals per scale.
PULLS = {name: 0.05 if name == TWIST else 0.25 for name in SCALES}
TWISTS = ("1 0 2 3 7", "0 1 8 9 13")  # neighbour centre end left right
SITES = ("0 1 2 14", "1 0 8 15")  # of the active p orbitals: atom and its neighbours
LEAST = 0.3  # of HSP and (GPP - GP2) / 2, eV; below 0 the Hamiltonian is nonsense

Values = dict[str, float]


def complete(values: Mapping[str, float]) -> Values:
    """AM1 and no twist where nothing is said."""
    return {name: float(values.get(name, AM1.get(name, 0.0))) for name in SCALES}


def read_values(path: Path) -> Values:
    """Of a parameter file."""
    words = [line.split() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    values = {" ".join(line[:2]): float(line[2]) for line in words if len(line) == 3}
    heights = [float(line[-1]) for line in words if line[0] == TWIST]
    return complete({**values, **({TWIST: heights[0]} if heights else {})})


def text_of(values: Mapping[str, float], *, comment: str = "") -> str:
    """A parameter file."""
    lines = [f"# {comment}"] if comment else []
    lines += [f"{name} {value:.8f}" for name, value in values.items() if name != TWIST]
    lines += [f"{TWIST} {atoms} {values[TWIST]:.8f}" for atoms in TWISTS]
    lines += [f"SITE {atoms}" for atoms in SITES]
    return "\n".join([*lines, "ACTIVE 0 1", "END", ""])


def bounded(values: Mapping[str, float]) -> Values:
    """With integrals that keep their sign."""
    highest = values["GPP C"] - 2 * LEAST
    return {**values, "HSP C": max(values["HSP C"], LEAST), "GP2 C": min(values["GP2 C"], highest)}


def departure(values: Mapping[str, float]) -> list[float]:
    """Residuals that pull back to AM1."""
    return [PULLS[name] * (values[name] - AM1.get(name, 0.0)) / scale for name, scale in SCALES.items()]
