"""Training: from a configuration and labelled frames to a run folder with checkpoints, log, report and potential."""

from fusionmd.training.config import Config as Config
from fusionmd.training.config_file import load_config as load_config
from fusionmd.training.run import Hooks as Hooks
from fusionmd.training.run import train as train

__all__ = ["Config", "Hooks", "load_config", "train"]
