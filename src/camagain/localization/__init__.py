"""Score maps: class activation maps, and the one pass over the images from which everything later is computed."""

from camagain import _timm  # noqa: F401  # before anything that imports timm
from camagain.localization.methods.cam import cam
from camagain.localization.methods.pc1 import pc1

__all__ = ["cam", "pc1"]
