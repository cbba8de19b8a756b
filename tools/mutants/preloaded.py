"""Imports what most tests import, once: the process that forks for every mutant starts with this, and saves 5 s each.

Nothing of the package itself may stay, since each fork imports it with another mistake.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch and BLAS are loaded; mutants are tried side by side instead

from camagain import _torchvision  # isort: skip  # before timm; held, since what it defines for torch goes with it

import sys

import numba
import pandas
import pydantic
import pytest
import scipy.stats
import timm

__all__ = ["_torchvision", "numba", "pandas", "pydantic", "pytest", "scipy", "timm"]

for name in [name for name in sys.modules if name.partition(".")[0] == "camagain"]:
    del sys.modules[name]
