"""Depthwise convolution by fast Fourier transforms whose machine code is written for each size of maps and kernel.

Arrows point down: convolution (torch) < machine (LLVM) < program (the whole function) < plans, butterflies < vectors.
"""

from camagain.models.large_kernel.fft.convolution import fft_conv2d, has_fft

__all__ = ["fft_conv2d", "has_fft"]
