"""Score maps: class activation maps, and the one pass over the images that everything later is computed from."""

from camagain import _torchvision  # noqa: F401  # before anything that imports timm
from camagain.localization.maps import cam
from camagain.localization.principal import pc1

__all__ = ["cam", "pc1"]
