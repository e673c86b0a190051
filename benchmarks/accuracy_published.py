"""Published errors of models trained on the same numbers of frames of the same data, energies meV, forces meV/angstrom.

Batatia et al., MACE, NeurIPS 2022, tables 1 to 3; (energy, forces) by test set; RMSE for acac and 3bpa, MAE for rMD17.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Errors = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Published:
    """What is known of one data set.

    title: Of the table.
    source: Named below it.
    """

    title: str
    source: str
    models: Mapping[str, Errors]


_MACE = "Others: Batatia et al., NeurIPS 2022"


def _rmd17(molecule: str, **models: tuple[float, float]) -> Published:
    title = f"{molecule} (rMD17), trained on 950 + 50 frames of split 01"
    return Published(title, _MACE, {name: {"test": x} for name, x in models.items()})


PUBLISHED = {
    "acac": Published(
        "Acetylacetone, trained on 450 + 50 frames at 300 K",
        _MACE,
        {
            "BOTNet": {"300 K": (0.89, 6.3), "600 K": (6.2, 29.8)},
            "NequIP": {"300 K": (0.81, 5.90), "600 K": (6.04, 27.8)},
            "MACE": {"300 K": (0.9, 5.1), "600 K": (4.6, 22.4)},
        },
    ),
    "3bpa": Published(
        "3BPA, trained on 450 + 50 frames at 300 K",
        _MACE,
        {"BOTNet": {"300 K": (3.1, 11.0)}, "NequIP": {"300 K": (3.3, 10.8)}, "MACE": {"300 K": (3.0, 8.8)}},
    ),
    "ethanol": _rmd17("Ethanol", NequIP=(0.4, 2.8), Allegro=(0.4, 2.1), MACE=(0.4, 2.1)),
    "aspirin": _rmd17("Aspirin", NequIP=(2.3, 8.2), Allegro=(2.3, 7.3), MACE=(2.2, 6.6)),
    "azobenzene": _rmd17("Azobenzene", NequIP=(0.7, 2.9), Allegro=(1.2, 2.6), MACE=(1.2, 3.0)),
}
