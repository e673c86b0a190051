"""The errors of fusionmd: each message says what came, what was wanted, what to do."""


class FusionMDError(Exception):
    """Any error that fusionmd raises on purpose; catch this one to catch them all."""


class ConfigError(FusionMDError):
    """A setting is unknown, missing or contradicts another."""


class IrrepsError(FusionMDError):
    """Irreducible representations do not parse, or do not fit together."""


class DiagramError(FusionMDError):
    """A fusion diagram does not parse, or has no labelling."""


class PotentialFormatError(FusionMDError):
    """A potential file is truncated, foreign, of another version, or fails its self-test."""


class CompilerError(FusionMDError):
    """Native code cannot be built on this machine, or what was built is not to be trusted."""


class UnsupportedStructureError(FusionMDError):
    """A structure is malformed, or lies outside what a potential can describe."""


class MissingQuantityError(FusionMDError):
    """A quantity was asked for that a model, a frame or an engine does not have."""


class PropagationError(FusionMDError):
    """A trajectory cannot go on: energy not conserved, surfaces missing, a step too large."""


class DataError(FusionMDError):
    """A data file or a frame in it cannot be used."""


class LabelError(FusionMDError):
    """A calculation of electronic structure failed or cannot be made."""
