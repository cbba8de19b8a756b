"""What the networks look at, measured: the analyses behind the paper's explanations, and interventions of our own."""

import camagain.config  # noqa: F401  # first: it reads the settings of every analysis, and those import parts of it
