"""What hopping trajectories start from: surfaces, and positions and velocities of every trajectory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms

from fusionmd.errors import ConfigError, DataError
from fusionmd.labels.methods import method_of
from fusionmd.namd.driver import Parts, start
from fusionmd.namd.model_systems import DiabaticModel, ModelSurfaces
from fusionmd.namd.protocol import Array, IntArray, Surfaces
from fusionmd.namd.sampling import adiabatic_start, diabatic_start, wigner_packet
from fusionmd.namd.scattering_models import (
    DualAvoidedCrossing,
    ExtendedCoupling,
    LandauZenerLine,
    SimpleAvoidedCrossing,
)
from fusionmd.namd.state import State
from fusionmd.namd.surfaces import PotentialSurfaces
from fusionmd.namd.vibronic_models import LinearVibronicCoupling, bma, butatriene, linear_vibronic, pyrazine
from fusionmd.potential import load_potential
from fusionmd.units import ANGSTROM_PER_BOHR, ATOMIC_TIME_PER_FS, FS_PER_ASE_TIME
from fusionmd.workflows.direct_surfaces import DirectSurfaces
from fusionmd.workflows.namd_settings import DirectSettings, FileSettings, PacketSettings, RunSettings

INITIAL_STATE = "initial_state"  # in the comment line of a structure
MODELS: dict[str, Callable[[], DiabaticModel]] = {
    "landau_zener": LandauZenerLine,
    "tully_1": SimpleAvoidedCrossing,
    "tully_2": DualAvoidedCrossing,
    "tully_3": ExtendedCoupling,
    "bma": bma,
    "butatriene": butatriene,
    "pyrazine": pyrazine,
    "linear_vibronic": linear_vibronic,
}


@dataclass(frozen=True, eq=False)
class Molecule:
    """Whose surfaces a potential gives.

    numbers: [n_atoms].  cell, pbc: As in `Structure`.  masses: amu [n_atoms].  positions: Of one frame [n_dof], bohr.
    """

    numbers: IntArray
    cell: Any
    pbc: Any
    masses: Array
    positions: Array


@dataclass(frozen=True, eq=False)
class Beginning:
    """Positions and velocities [n_traj, n_dof], atomic units; molecule: None for analytic models.

    states: On which adiabatic state each starts [n_traj], where its structure says so; else None.
    """

    molecule: Molecule | None
    positions: Array
    velocities: Array
    states: IntArray | None = None

    def of(self, numbers: IntArray) -> Beginning:
        """That of some trajectories."""
        states = None if self.states is None else self.states[numbers]
        return Beginning(self.molecule, self.positions[numbers], self.velocities[numbers], states)


def beginning_of(settings: RunSettings) -> Beginning:
    """Draw, or read, where every trajectory starts."""
    if isinstance(settings.surfaces, PacketSettings):
        numbers = settings.first + np.arange(settings.n_trajectories)
        return _of_model(settings.surfaces, numbers, settings.method.seed)
    return _of_file(settings.surfaces)


def surfaces_of(
    given: PacketSettings | FileSettings | DirectSettings,
    molecule: Molecule | None,
    *,
    with_uncertainties: bool = False,
) -> Surfaces:
    """The surfaces of a run; a potential file is loaded, and tested, here."""
    if isinstance(given, PacketSettings):
        return ModelSurfaces(MODELS[given.model]())
    assert molecule is not None
    if isinstance(given, DirectSettings):
        return _direct(given, molecule)
    return PotentialSurfaces(
        load_potential(given.potential, compiled=given.compiled),
        molecule.numbers,
        cell=molecule.cell,
        pbc=molecule.pbc,
        masses_amu=molecule.masses,
        chunk=given.chunk,
        with_uncertainties=with_uncertainties,
    )


def settled(settings: RunSettings) -> RunSettings:
    """With `compiled: auto` decided for this machine, so that a run that is resumed goes on as it began."""
    given = settings.surfaces
    if not isinstance(given, FileSettings) or given.compiled != "auto":
        return settings
    is_fast = given.chunk is None and load_potential(given.potential, compiled="auto").is_compiled
    chosen = given.model_copy(update={"compiled": "yes" if is_fast else "no"})
    return settings.model_copy(update={"surfaces": chosen})


def _direct(given: DirectSettings, molecule: Molecule) -> DirectSurfaces:
    if np.any(molecule.pbc):
        raise DataError(f"the structures of {given.frames} are periodic; {given.method} is for molecules")
    method = method_of(
        given.method,
        n_states=given.states,
        charge=given.charge,
        parameters=given.parameters,
        timeout_s=given.timeout_s,
    )
    return DirectSurfaces(method, molecule.numbers, molecule.masses, n_jobs=given.jobs)


def started(settings: RunSettings, parts: Parts, numbers: IntArray, begun: Beginning) -> State:
    """The state at step 0 of the trajectories called `numbers`; begun: Theirs alone."""
    surfaces, positions, velocities = parts.surfaces, begun.positions, begun.velocities
    check_states(settings, begun, surfaces)
    if settings.diabatic_state is None:
        wanted = begun.states if settings.state == "frames" else settings.state
        assert wanted is not None
        active, amplitudes = adiabatic_start(numbers, wanted, surfaces.n_states)
    elif surfaces.has_diabatic:
        active, amplitudes = diabatic_start(numbers, settings.diabatic_state, positions, surfaces, settings.method.seed)
    else:
        raise ConfigError(f"{surfaces.name} has no diabatic states; give `state` instead of `diabatic_state`")
    return start(
        parts, trajectory=numbers, positions=positions, velocities=velocities, active=active, amplitudes=amplitudes
    )


def check_states(settings: RunSettings, begun: Beginning, surfaces: Surfaces) -> None:
    """ConfigError where trajectories are to start on a state that is not there."""
    wanted = settings.state if settings.diabatic_state is None else settings.diabatic_state
    if wanted == "frames" and begun.states is None:
        raise ConfigError(
            f"state: frames needs {INITIAL_STATE} in the comment line of every structure; choose starts with fusionmd "
            "namd spectrum --window, or give a number"
        )
    asked = np.atleast_1d(np.asarray(begun.states if wanted == "frames" else wanted, dtype=np.int64))
    if len(unknown := asked[(asked < 0) | (asked >= surfaces.n_states)]):
        raise ConfigError(f"state {unknown[0]} was asked for; {surfaces.name} has states 0..{surfaces.n_states - 1}")


def read_frames(path: str) -> list[Atoms]:
    """Structures of one molecule in one cell, from any format ASE reads; DataError names what is wrong."""
    if not Path(path).exists():
        raise DataError(f"there is no file {path}; give structures that ASE can read")
    try:
        frames = list(ase.io.read(path, index=":"))
    except Exception as error:  # readers of some forty formats fail in as many ways
        raise DataError(f"ASE cannot read {path} ({type(error).__name__}: {error}); give an xyz file") from None
    if not frames:
        raise DataError(f"{path} holds no structure; give at least one")
    first = frames[0]
    if any(len(frame) != len(first) or (frame.numbers != first.numbers).any() for frame in frames):
        raise DataError(f"the frames of {path} are not all of one molecule; give frames with the same atoms")
    if any((frame.pbc != first.pbc).any() or not np.array_equal(frame.cell, first.cell) for frame in frames):
        raise DataError(f"the frames of {path} do not share one cell; give frames with the same cell")
    return frames


def molecule_of(atoms: Atoms) -> Molecule:
    """Atoms, cell and masses of a structure."""
    places = atoms.positions.ravel() / ANGSTROM_PER_BOHR
    return Molecule(atoms.numbers, atoms.cell.array, atoms.pbc, atoms.get_masses(), places)


def _of_model(given: PacketSettings, numbers: IntArray, seed: int) -> Beginning:
    model = MODELS[given.model]()
    centre, width, wave_number = given.centre, given.width, given.wave_number
    if isinstance(model, LinearVibronicCoupling):
        centre = centre or model.centre.tolist()
        width = width or np.sqrt(2 / model.frequencies).tolist()
        wave_number = wave_number or [0.0] * len(model.frequencies)
    if centre is None or width is None or wave_number is None:
        raise ConfigError(f"model {given.model} needs a packet: give centre, width and wave_number, in atomic units")
    if not len(centre) == len(width) == len(wave_number) == len(model.masses) or min(width) <= 0:
        raise ConfigError(f"centre, width (positive) and wave_number of {given.model} have {len(model.masses)} numbers")
    places, speeds = wigner_packet(
        numbers, centre=centre, width=width, wave_number=wave_number, masses=model.masses, seed=seed
    )
    return Beginning(None, places, speeds)


def _of_file(given: FileSettings | DirectSettings) -> Beginning:
    frames = read_frames(given.frames)
    if not all(frame.has("momenta") for frame in frames):
        raise DataError(
            f"some frames of {given.frames} have no velocities; write them with fusionmd namd sample, or fusionmd md"
        )
    if not (frames[0].get_masses() > 0).all():
        raise DataError(
            f"atoms of {given.frames} have no mass: {frames[0].get_masses().tolist()}; give positive masses"
        )
    places = np.stack([frame.positions.ravel() for frame in frames]) / ANGSTROM_PER_BOHR
    speeds = np.stack([frame.get_velocities().ravel() for frame in frames])
    speeds = speeds / FS_PER_ASE_TIME / ANGSTROM_PER_BOHR / ATOMIC_TIME_PER_FS
    have_states = all(INITIAL_STATE in frame.info for frame in frames)
    states = np.array([int(frame.info[INITIAL_STATE]) for frame in frames]) if have_states else None
    return Beginning(molecule_of(frames[0]), places, speeds, states)
