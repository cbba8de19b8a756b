"""Fine-tuning on timm's and accelerate's building blocks."""

from camagain import _timm  # noqa: F401  # before anything that imports timm
