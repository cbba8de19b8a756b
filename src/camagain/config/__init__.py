"""The settings of an experiment."""

from camagain.config.analysis import ANALYSES, Analysis
from camagain.config.base import Settings
from camagain.config.dataset import Dataset
from camagain.config.experiment import (
    BASELINE,
    BASELINE_METHODS,
    WITHOUT_EFFECT,
    Compute,
    Evaluation,
    Experiment,
    Figures,
    Input,
    Localization,
    Model,
)
from camagain.config.training import Augmentation, Training

__all__ = [
    "ANALYSES",
    "BASELINE",
    "BASELINE_METHODS",
    "WITHOUT_EFFECT",
    "Analysis",
    "Augmentation",
    "Compute",
    "Dataset",
    "Evaluation",
    "Experiment",
    "Figures",
    "Input",
    "Localization",
    "Model",
    "Settings",
    "Training",
]
