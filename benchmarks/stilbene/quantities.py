"""Named quantities of the landmarks, and their targets. eV, angstrom."""

from collections.abc import Mapping

import numpy as np

Array = np.ndarray
# (target, what a deviation of weight one is). Excitations: absorption maxima about 4.5 (cis) and 4.1-4.2 (trans).
# cis30 ... trans90: B3LYP-D3(BJ)/6-31G* at AM1 geometries (`rings.py`).
# S0 barrier: thermal cis -> trans, 42.8 kcal/mol. Bonds: Traetteberg, Frantsen (1975), Harada, Ogawa, J. Am. Chem.
# Soc. 126, 3539 (2004). What S1 should do: decay from cis below a picosecond.
TARGETS = {
    "FC cis": (4.5, 0.1), "FC trans": (4.15, 0.1), "S0 trans": (-0.18, 0.03), "S0 cis30": (0.04, 0.015),
    "S0 cis65": (0.06, 0.03), "S0 cis89": (0.26, 0.04), "S0 cis8920": (0.10, 0.04), "S0 trans90": (0.24, 0.04),
    "S0 s0_90": (1.85, 0.2),
    "S1 s1_30": (-0.8, 0.3), "S1 s1_60": (-1.05, 0.25), "S1 trans": (-0.25, 0.15),
    "S1 140": (0.05, 0.08), "S1 gap": (0.4, 0.2), "crossing - S1": (0.04, 0.04), "crossing - FC": (-1.3, 0.15),
    "S2 - S1": (2.5, 1.0),
    "cis C=C": (1.338, 0.006), "cis C-Ph": (1.482, 0.008), "cis C1-C2": (1.402, 0.006), "cis C2-C3": (1.394, 0.006),
    "cis C3-C4": (1.394, 0.006), "cis C-H ring": (1.09, 0.01), "cis C-H vinyl": (1.09, 0.01),
    "trans C=C": (1.338, 0.006), "trans C-Ph": (1.472, 0.008), "trans C1-C2": (1.402, 0.006),
    "trans C2-C3": (1.394, 0.006), "trans C3-C4": (1.394, 0.006), "trans C-H ring": (1.09, 0.01),
    "trans C-H vinyl": (1.09, 0.01),
}  # fmt: skip
GROUND = ("trans", "cis30", "cis65", "cis89", "cis8920", "s0_90")


def quantities(energies: Mapping[str, Array], lengths: Mapping[str, float]) -> dict[str, float]:
    """From energies [3] of every landmark and bond lengths."""
    start, vertical = energies["cis"][:2]
    crossing, lowest = float(energies["crossing"][:2].mean()), energies["s1min"]
    found = {
        "FC cis": vertical - start,
        "FC trans": energies["trans"][1] - energies["trans"][0],
        **{f"S0 {name}": energies[name][0] - start for name in GROUND},
        "S0 trans90": energies["trans90"][0] - energies["trans"][0],
        "S1 s1_30": energies["s1_30"][1] - vertical,
        "S1 s1_60": energies["s1_60"][1] - vertical,
        "S1 trans": energies["s1_trans"][1] - energies["trans"][1],
        "S1 140": energies["s1_140"][1] - energies["s1_trans"][1],
        "S1 gap": lowest[1] - lowest[0],
        "crossing - S1": crossing - lowest[1],
        "crossing - FC": crossing - vertical,
        "S2 - S1": energies["cis"][2] - vertical,
    }
    return {**{name: float(value) for name, value in found.items()}, **lengths}


def residuals(found: Mapping[str, float]) -> Array:
    """In units of the weights [n_targets]."""
    return np.array([(found[name] - target) / weight for name, (target, weight) in TARGETS.items()])
