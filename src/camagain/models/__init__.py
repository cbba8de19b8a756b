"""Networks: creation by name, families of networks, large kernels, and weights from where they lie.

The public functions are imported when they are first asked for, and then timm gets to know our networks. So tables and
figures learn which families there are (`camagain.models.families`) without importing torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

_WHERE = {
    "convert_state_dict": "convert",
    "create": "zoo",
    "enlarge_kernels": "kernels",
    "merge": "merging",
    "replace_large_kernels": "large_kernel",
    "shrink_kernels": "kernels",
}
"""Public functions and their modules."""

if TYPE_CHECKING:
    from camagain.models.convert import convert_state_dict
    from camagain.models.kernels import enlarge_kernels, shrink_kernels
    from camagain.models.large_kernel import replace_large_kernels
    from camagain.models.merging import merge
    from camagain.models.zoo import create

__all__ = [
    "convert_state_dict",
    "create",
    "enlarge_kernels",
    "merge",
    "replace_large_kernels",
    "shrink_kernels",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    import_module(f"{__name__}.zoo").register_networks()
    return found
