"""ResNet: He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016, arXiv 1512.03385), from timm.

A narrow one is added for small images.
"""

from camagain import _torchvision  # isort: skip  # noqa: F401  # before timm

from timm.models import build_model_with_cfg, register_model
from timm.models.resnet import BasicBlock, ResNet

from camagain.families import Family
from camagain.models.narrow import narrow_cfg, undilate

DECLARES = Family(name="ResNet", key="resnet", year=2016, color="#0072B2", modern=False)

default_cfgs = {"resnet_narrow": narrow_cfg("conv1", "fc")}  # timm looks here for what it knows of the network


@register_model
def resnet_narrow(pretrained: bool = False, **kwargs) -> ResNet:
    """ResNet (He et al. 2016) with its stem, then one basic block per stage, widths 24, 48, 96, 128; stride 8."""
    settings = {
        "block": BasicBlock,
        "layers": (1, 1, 1, 1),
        "channels": (24, 48, 96, 128),
        "output_stride": 8,
        **kwargs,
    }
    return undilate(build_model_with_cfg(ResNet, "resnet_narrow", pretrained, **settings))
