"""Stub, replaced at once."""

from camagain.errors import NotApplicable

COLUMNS = ("value",)


def analyze(experiment, model, paths, change=""):
    raise NotApplicable("not measured yet")
