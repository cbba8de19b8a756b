"""Networks: creation by name, narrow ones for the demo, starting weights, and the checkpoint of a run."""

from camagain import _torchvision  # noqa: F401  # before anything that imports timm
from camagain.models import narrow  # noqa: F401  # registers its networks with timm
from camagain.models.zoo import create

__all__ = ["create"]
