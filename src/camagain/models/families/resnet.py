"""ResNet: He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016, arXiv 1512.03385), from timm.

Two are added: a narrow one for small images, and `resnet50_cam`, the ResNet-50 of wsolevaluation (Choe et al., CVPR
2020).
"""

from camagain import _timm  # isort: skip  # noqa: F401  # before timm

from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models.resnet import BasicBlock, Bottleneck, ResNet

from camagain.families import Family
from camagain.models.narrow import narrow_cfg, undilate

DECLARES = Family(name="ResNet", key="resnet", year=2016, color="#0072B2", modern=False)

default_cfgs = {  # timm looks here for what it knows of the network
    "resnet_narrow": narrow_cfg("conv1", "fc"),
    **generate_default_cfgs(
        {
            # wsolevaluation starts from torchvision's first ImageNet weights, which are timm's of this tag.
            "resnet50_cam.tv_in1k": {
                "hf_hub_id": "timm/resnet50.tv_in1k",
                "num_classes": 1000,
                "input_size": (3, 224, 224),
                "pool_size": (28, 28),
                "crop_pct": 1.0,
                "crop_mode": "squash",
                "interpolation": "bilinear",
                "mean": (0.485, 0.456, 0.406),
                "std": (0.229, 0.224, 0.225),
                "first_conv": "conv1",
                "classifier": "fc",
                "license": "bsd-3-clause",
                "origin_url": "https://github.com/pytorch/vision",
                "paper_ids": "arXiv:1512.03385",
            }
        }
    ),
}


@register_model
def resnet50_cam(pretrained: bool = False, **kwargs) -> ResNet:
    """ResNet-50 without its last two strides, 25.6 M parameters: a 28 x 28 grid at 224 px, stride 8.

    As wsolevaluation builds it with `large_feature_map`: the kernels behind the dropped strides are not dilated, so
    that the starting weights see a grid finer than that on which they were trained.
    """
    settings = {"block": Bottleneck, "layers": (3, 4, 6, 3), "output_stride": 8, **kwargs}
    return undilate(build_model_with_cfg(ResNet, "resnet50_cam", pretrained, **settings))


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
