"""The training configuration: one frozen object per section of the YAML file.

The section `model` is passed through as a plain mapping; the architecture it names validates it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, (str, Path)) else value


Paths = Annotated[tuple[Path, ...], BeforeValidator(_as_list)]


class Section(BaseModel):
    """A part of the configuration: immutable, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataConfig(Section):
    """Which frames are learnt from, and how their labels are named."""

    train: Paths
    valid: Paths = ()
    valid_count: int | None = Field(default=None, ge=1, description="frames taken from `train` when `valid` is empty")
    valid_fraction: Fraction = 0.1
    split: Path | None = Field(default=None, description="JSON file {train: [...], valid: [...]} of frame indices")
    isolated_atoms: Path | None = Field(default=None, description="one-atom frames whose energies are the E0")
    energy_key: str | None = Field(default=None, description="default: the usual names; '' ignores the label")
    forces_key: str | None = None
    stress_key: str | None = Field(default=None, description="dE/dstrain / volume, as in ASE")
    virial_key: str | None = Field(default=None, description="-volume x stress, as in QUIP")
    couplings_key: str | None = Field(default=None, description="<a|grad b> of pairs of states, 1/length")
    energy_unit: str | None = Field(default=None, description="default: what the format says, else eV")
    length_unit: str | None = Field(default=None, description="default: what the format says, else angstrom")
    forces_unit: str | None = Field(default=None, description="default: energy_unit/length_unit")
    stress_unit: str | None = Field(default=None, description="default: energy_unit/length_unit^3")
    config_type_weights: dict[str, NotNegative] = Field(
        default={}, description="config_type -> factor in the loss; `Default` is for all others"
    )
    elements: tuple[int, ...] | None = Field(default=None, description="atomic numbers; default: those in the data")


class E0Config(Section):
    """Reference energies of the elements, eV: `given` (a table), `fitted` (least squares) or `isolated` (frames)."""

    kind: Literal["given", "fitted", "isolated"] = "fitted"
    values: dict[str, float] = Field(default={}, description="symbol -> eV, for kind `given`")

    @model_validator(mode="after")
    def _table_fits_kind(self) -> E0Config:
        if (self.kind == "given") != bool(self.values):
            raise ValueError("`values` belongs to kind `given`, and `given` needs `values`: {H: -13.6, ...} in eV")
        return self


class LossConfig(Section):
    """Weights of the mean squared (or Huber) errors. Energies in eV, forces in eV/angstrom, stress in eV/angstrom^3.

    gaps: Of neighbouring states, eV.  couplings: (E_b - E_a) <a|grad b> of diabatic heads, eV/angstrom; the sign of a
    pair of states is free for each frame.
    """

    energy: NotNegative = 1.0
    forces: NotNegative = 100.0
    stress: NotNegative = 0.0
    gaps: NotNegative = 0.0
    couplings: NotNegative = 0.0
    energy_per: Literal["structure", "sqrt_atom", "atom"] = Field(
        default="structure", description="or sqrt_atom, atom: what energy errors are divided by"
    )
    huber: Positive | None = Field(default=None, description="error where squares become linear")
    forces_states: Literal["all", "in_turn"] = Field(
        default="all", description="in_turn: of each frame the forces of one state an epoch, for its cost alone"
    )
    forces_turns: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        default=(), description="in_turn: states in the order of their turns; named twice, twice as often; default all"
    )


class OptimizerConfig(Section):
    """The update rule. Sources of the rules: `optimizers.py`, `muon.py`, `soap.py`."""

    name: Literal["adamw", "amsgrad", "muon", "soap"] = "amsgrad"
    learning_rate: Positive = 5e-3
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    epsilon: Positive = 1e-8
    weight_decay: NotNegative = 0.0
    species_pull: NotNegative = Field(
        default=0.0, description="weight in the loss of squared differences between elements, of weights of their own"
    )
    muon_learning_rate: Positive | None = Field(default=None, description="of matrices; default learning_rate")
    muon_momentum: Fraction = 0.95
    soap_frequency: int = Field(default=10, ge=1, description="steps between two refreshes of the eigenbases")
    clip: Positive | None = Field(default=10.0, description="largest norm of the gradient")
    ema: Fraction = Field(default=0.99, description="decay of the averaged weights; 0 switches them off")


class StageTwo(Section):
    """From the fraction `start` of all epochs on, other loss weights hold."""

    start: Fraction = 0.75
    energy: NotNegative | None = None
    forces: NotNegative | None = None
    stress: NotNegative | None = None
    gaps: NotNegative | None = None
    couplings: NotNegative | None = None
    learning_rate_factor: Positive = 1.0


class ScheduleConfig(Section):
    """The learning rate over the steps: warm-up, then constant, cosine or plateau."""

    kind: Literal["constant", "cosine", "plateau"] = "cosine"
    warmup_epochs: NotNegative = Field(default=1.0, description="the rate rises linearly over them")
    final_factor: Fraction = Field(default=1e-2, description="lowest learning rate over the first one")
    patience: int = Field(default=50, ge=1, description="plateau: validations without improvement")
    factor: Annotated[float, Field(gt=0, lt=1)] = Field(default=0.8, description="plateau: of the rate, then")
    stage_two: StageTwo | None = Field(
        default=None, description="{start: 0.75, energy: 100}: loss weights from that fraction of the epochs on"
    )


class TrainingConfig(Section):
    """The loop: how long, in what pieces, with what arithmetic."""

    seed: int = Field(default=1, ge=0)
    epochs: int = Field(default=100, ge=1)
    batch_size: int = Field(default=5, ge=1)
    mix_sizes: bool = Field(default=False, description="every batch holds frames of every size: less padding")
    valid_batch_size: int = Field(default=10, ge=1)
    valid_every: int = Field(default=1, ge=1, description="epochs between two validations")
    checkpoint_minutes: NotNegative = Field(default=10.0, description="between two checkpoints")
    time_limit_minutes: Positive | None = Field(default=None, description="the run then ends with a potential")
    dtype: Literal["float32", "float64"] = "float32"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    compile: bool = Field(default=True, description="the step, if there is a C++ compiler; minutes at the start")
    threads: int | None = Field(default=None, ge=1)


class FineTuneConfig(Section):
    """What happens to the weights of `--from potential.pt`."""

    freeze: tuple[str, ...] = Field(default=(), description="shell patterns of parameter names that stay as they are")
    refit_e0: bool = True


class Config(Section):
    """Everything that decides a training run."""

    data: DataConfig
    model: dict[str, Any] = {}
    head: Literal["adiabatic", "diabatic", "characteristic"] = Field(
        default="adiabatic", description="how the outputs of the model become energies of states"
    )
    e0: E0Config = E0Config()
    loss: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    training: TrainingConfig = TrainingConfig()
    fine_tune: FineTuneConfig = FineTuneConfig()
