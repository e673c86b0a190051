"""What the fit may change: one-centre and resonance parameters of carbon, nitrogen and hydrogen, and the filter."""

from collections.abc import Mapping

from fusionmd.labels.nddo import elements

NAMES = ("uss", "upp", "betas", "betap", "zs", "zp", "alp", "gss", "gsp", "gpp", "gp2", "hsp")
# Changes of about equal weight, eV, 1/bohr (ZS, ZP), 1/angstrom (ALP).
HEAVY = (1.0, 1.0, 1.0, 0.5, 0.05, 0.05, 0.1, 1.0, 0.7, 0.7, 0.7, 0.5)
LIGHT = {"uss": 0.4, "betas": 0.3, "zs": 0.03, "alp": 0.1, "gss": 0.7}
FILTER = "FILTER"  # width, eV
TEMPERATURE_EV = 1.4
SYMBOLS = {6: "C", 7: "N", 1: "H"}

Values = dict[str, float]


def _of(number: int, name: str) -> str:
    return f"{name.upper()} {SYMBOLS[number]}"


SCALES = {_of(z, name): scale for z in (6, 7) for name, scale in zip(NAMES, HEAVY, strict=True)}
SCALES |= {_of(1, name): scale for name, scale in LIGHT.items()} | {FILTER: 2.0}
AM1 = {_of(z, name): getattr(elements.AM1[z], name) for z in (6, 7) for name in NAMES}
AM1 |= {_of(1, name): getattr(elements.AM1[1], name) for name in LIGHT} | {FILTER: 8.0}


def text_of(values: Mapping[str, float], *, comment: str = "") -> str:
    """A parameter file."""
    lines = [f"# {comment}"] if comment else []
    lines += [f"{name} {value:.8f}" for name, value in values.items() if name != FILTER]
    lines += ["SITE 0 1 2 3", "SITE 1 0 4 5", "BOND 0 1", f"{FILTER} {values[FILTER]:.8f} {TEMPERATURE_EV}"]
    return "\n".join([*lines, "END", ""])
