"""What the networks look at, measured: the analyses behind the paper's explanations."""

from camagain import _torchvision  # noqa: F401  # before anything that imports timm
