"""Imports what most tests import, once: the process that forks for every mutant starts with it and saves 5 s each."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch and BLAS are loaded; mutants are tried side by side instead

from camagain import _timm  # isort: skip  # before timm; held, since what it defines for torch goes with it

import numba
import pandas
import pydantic
import pytest
import scipy.stats
import timm

__all__ = ["_timm", "numba", "pandas", "pydantic", "pytest", "scipy", "timm"]
