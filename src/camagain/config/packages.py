"""The optional package that methods and analyses of an experiment need, and whether it is installed."""

from collections.abc import Iterator
from importlib.util import find_spec

from camagain.config.analysis import declared as analyses
from camagain.config.experiment import Experiment
from camagain.config.methods import declared as method
from camagain.errors import UserError

MODULES = {"grad-cam": "pytorch_grad_cam"}
"""The module of each optional package; `pip install 'camagain[NAME]'` brings it."""


def needed(experiment: Experiment) -> Iterator[tuple[str, str, str]]:
    """What needs an optional package: the setting, its value, the package."""
    for name in experiment.localization.methods:
        if not method(name).native:
            yield "localization.methods", name, "grad-cam"
    for name in experiment.analysis.names:
        if analyses()[name].package:
            yield "analysis.names", name, analyses()[name].package


def require_packages(experiment: Experiment) -> None:
    """UserError for the first package that an experiment needs and that is missing."""
    for setting, value, package in needed(experiment):
        require(setting, value, package)


def require(setting: str, value: str, package: str) -> None:
    """UserError, with the command that installs it, where the package that a value of a setting needs is missing."""
    if find_spec(MODULES[package]) is None:
        raise UserError(
            f"{setting}: '{value}' needs the optional package {package}; install it with "
            f"`pip install 'camagain[{package}]'`."
        )
