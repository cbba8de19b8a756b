"""Imports timm quickly, and next to a torch without CUDA libraries.

Every package here that needs torch imports this module first, in its `__init__`. `camagain.models` can be imported
without torch; there each module that imports timm does it.

- torchvision's binary from PyPI wants CUDA libraries. Without them its operators are never defined, and its import
  fails when it registers shape functions for two of them. Defining those two schemas is enough for everything this
  project uses (transforms, and the imports inside timm); calling them still fails loudly, as it should.
- torchvision and timm import torch's compiler for functions that hardly anybody calls, which takes longer than all the
  rest. Here they get it when they call it.
"""

import functools
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch

COMPILER = "torch._dynamo.utils"


@contextmanager
def compiler_when_called() -> Iterator[None]:
    """While this is open, nothing that is imported imports torch's compiler; what asks for it gets it when it runs."""
    if COMPILER in sys.modules:
        yield
        return
    disable = torch.compiler.disable

    def disable_when_called(function: Callable | None = None, recursive: bool = True, **options: Any) -> Callable:
        if function is None:
            return functools.partial(disable_when_called, recursive=recursive, **options)

        @functools.wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            return disable(function, recursive, **options)(*arguments, **named)

        return call

    stand_in = ModuleType(COMPILER)
    compiler = functools.partial(importlib.import_module, COMPILER)
    stand_in.is_compile_supported = lambda device: compiler().is_compile_supported(device)  # type: ignore[attr-defined]
    sys.modules[COMPILER], torch.compiler.disable = stand_in, disable_when_called  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[COMPILER]
        torch.compiler.disable = disable


with compiler_when_called():
    try:
        import torchvision
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
        # Kept at module level: a collected Library takes its definitions with it.
        _SCHEMAS = torch.library.Library("torchvision", "FRAGMENT")
        for _operator in ("nms", "qnms"):
            _SCHEMAS.define(f"{_operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision  # noqa: F401

    import timm  # noqa: F401
