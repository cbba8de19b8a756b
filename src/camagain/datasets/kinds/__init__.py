"""The kinds of dataset, one module each: its settings, and `read(settings, folder)`, which indexes its images.

A module imports pandas and whatever else it reads with inside `read`: its settings are needed whenever an experiment is
read. To add a kind, add a module (docs/datasets.md).
"""

import camagain.config  # noqa: F401  # reads all kinds, in this order also where one kind is imported first
