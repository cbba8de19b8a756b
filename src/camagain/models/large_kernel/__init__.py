"""Fast large depthwise kernels: the arithmetic, and the layer that stands in for torch's."""

from camagain.models.large_kernel.layer import LargeKernelConv2d, replace_large_kernels

__all__ = ["LargeKernelConv2d", "replace_large_kernels"]
