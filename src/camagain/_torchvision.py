"""Makes `import timm` work next to a torch without CUDA libraries; does nothing where torchvision loads by itself.

torchvision's binary from PyPI wants CUDA libraries. Without them its operators are never defined, and its import fails
when it registers shape functions for two of them. Defining those two schemas is enough for everything this project
uses (transforms, and the imports inside timm); calling them still fails loudly, as it should.
Every package here that needs torch imports this module first, in its `__init__`. `camagain.models` can be imported
without torch; there each module that imports timm does it.
"""

import torch

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
