"""Networks: creation by name, the large-kernel families, narrow ones for the demo, and weights from where they lie."""

from camagain import _torchvision  # noqa: F401  # before anything that imports timm
from camagain.models import narrow, published, replknet, slak  # noqa: F401  # register their networks with timm
from camagain.models.convert import convert_state_dict
from camagain.models.kernels import enlarge_kernels, shrink_kernels
from camagain.models.large_kernel import replace_large_kernels
from camagain.models.merge import merge
from camagain.models.zoo import create

__all__ = [
    "convert_state_dict",
    "create",
    "enlarge_kernels",
    "merge",
    "replace_large_kernels",
    "shrink_kernels",
]
