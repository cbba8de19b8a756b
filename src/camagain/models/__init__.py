"""Networks: creation by name, families of networks, large kernels, and weights from where they lie.

Importing it registers our networks with timm. What is known of the families without torch stands in
`camagain.families`.
"""

from camagain import _timm  # noqa: F401  # before anything that imports timm
from camagain.models.convert import convert_state_dict
from camagain.models.kernels import enlarge_kernels, shrink_kernels
from camagain.models.large_kernel import replace_large_kernels
from camagain.models.merging import merge
from camagain.models.zoo import create, register_networks

__all__ = [
    "convert_state_dict",
    "create",
    "enlarge_kernels",
    "merge",
    "replace_large_kernels",
    "shrink_kernels",
]

register_networks()
