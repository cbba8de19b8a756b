"""ConvNeXt: Liu et al., "A ConvNet for the 2020s" (CVPR 2022, arXiv 2201.03545), from timm; two are added.

`convnext_narrow` is for small images. `convnext_base_cam` is the one that the authors of CAM Back Again fine-tuned and
published, with their head and not timm's. They published two networks:

- ConvNeXt-B (`convnext_base_cam` below): timm's network without its norm and classifier; then mean over the map, one
  linear layer, softmax *inside* the network.
- RepLKNet-31B: `replknet_31b` with 200 classes and nothing else changed. Its final BatchNorm stays between the maps
  that the authors take (`forward_features`) and the mean, so its class score is not exactly the mean of its CAM.

Both take 384 x 384 images, normalised with mean and standard deviation 0.5, and have a 12 x 12 grid of 1024 channels.
Their files have no licence. `camagain.models.convert_state_dict` gives their tensors our names.
"""

from camagain import _timm  # isort: skip  # noqa: F401  # before timm

import torch
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models.convnext import ConvNeXt, checkpoint_filter_fn
from torch import nn

from camagain.families import Family
from camagain.models.narrow import narrow_cfg, pooling_stem, start_weights, undilate
from camagain.models.staged import build

DECLARES = Family(name="ConvNeXt", key="convnext", year=2022, color="#D55E00", modern=True)


class MeanLinearSoftmax(nn.Module):
    """Class probabilities of feature maps: (B, C, H, W) -> (B, num_classes); scores if `softmax` is off.

    The authors average windows of 12 x 12, which is the whole grid at 384 px; we average the whole grid at any size.
    """

    def __init__(self, width: int, num_classes: int, softmax: bool) -> None:
        super().__init__()
        self.softmax = softmax
        self.fc: nn.Module = nn.Linear(width, num_classes) if num_classes else nn.Identity()

    def forward(self, x: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        x = x.mean((2, 3))  # (B, C)
        if pre_logits or isinstance(self.fc, nn.Identity):
            return x
        x = self.fc(x)  # (B, num_classes)
        return x.softmax(dim=1) if self.softmax else x


class ConvNeXtCAM(ConvNeXt):
    """timm's ConvNeXt with the authors' head; no norm follows the last stage."""

    def __init__(self, num_classes: int = 200, softmax: bool = True, **settings) -> None:
        super().__init__(num_classes=num_classes, **settings)
        self.softmax = softmax
        self.head = MeanLinearSoftmax(self.num_features, num_classes, softmax)  # type: ignore[assignment]

    def reset_classifier(self, num_classes: int, global_pool: str | None = None, reset_other: bool = False) -> None:
        """A new classifier; the head always averages, so `global_pool` may only be "avg"."""
        if global_pool not in (None, "avg"):
            raise ValueError(f"global_pool '{global_pool}': this head always averages the map")
        self.num_classes = num_classes
        self.head = MeanLinearSoftmax(self.num_features, num_classes, self.softmax)  # type: ignore[assignment]


GRID = {"pool_size": (12, 12), "crop_pct": 1.0, "crop_mode": "squash", "first_conv": "stem.0", "classifier": "head.fc"}

published_cfgs = generate_default_cfgs(
    {
        # What the authors started from, in timm's file: the same tensors and a final norm, which is left out.
        "convnext_base_cam.fb_in22k_ft_in1k_384": {
            **GRID,
            "hf_hub_id": "timm/convnext_base.fb_in22k_ft_in1k_384",
            "num_classes": 1000,
            "input_size": (3, 384, 384),
            "interpolation": "bicubic",
            "mean": (0.485, 0.456, 0.406),
            "std": (0.229, 0.224, 0.225),
            "license": "apache-2.0",
            "origin_url": "https://github.com/facebookresearch/ConvNeXt",
            "paper_ids": "arXiv:2201.03545",
        },
        "convnext_base_cam.cub_384*": {  # the star makes it the default, although timm cannot fetch it
            **GRID,
            "num_classes": 200,
            "input_size": (3, 384, 384),
            "interpolation": "bilinear",
            "mean": (0.5, 0.5, 0.5),
            "std": (0.5, 0.5, 0.5),
            "license": None,
            "origin_url": "https://github.com/snskysk/CAM-Back-Again",
            "paper_ids": "arXiv:2403.06676",
        },
    }
)


default_cfgs = {**published_cfgs, "convnext_narrow": narrow_cfg("stem.0", "head.fc")}


def without_final_norm(state_dict: dict[str, torch.Tensor], model: nn.Module) -> dict[str, torch.Tensor]:
    """timm's file of ConvNeXt for the authors' head: timm's filter, then all but the norm that they dropped."""
    renamed = checkpoint_filter_fn(state_dict, model)
    return {key: tensor for key, tensor in renamed.items() if not key.startswith("head.norm.")}


@register_model
def convnext_base_cam(pretrained: bool = False, **kwargs) -> ConvNeXtCAM:
    """The authors' ConvNeXt-B, 87.8 M parameters; `softmax=False` returns scores, as everything else here does."""
    settings = {"depths": (3, 3, 27, 3), "dims": (128, 256, 512, 1024), **kwargs}
    return build(ConvNeXtCAM, "convnext_base_cam", pretrained, without_final_norm, **settings)


class NarrowConvNeXt(ConvNeXt):
    """ConvNeXt's stages, changed where a small network from random weights on a thousand images needs it.

    The original (patch stem, LayerNorm, weights of standard deviation 0.02) stayed near chance in short trials: 24 % of
    8 SynthBirds classes on val after 16 epochs at batch 32 (one seed). This one has 99.0 to 100 % on test after the
    demo's 5 epochs at batch 16 (six seeds). The stem is ResNet's, whose max-pooling keeps small coloured spots;
    BatchNorm replaces LayerNorm, which drops how strong a colour is; weights start as He et al. (2015) draw them, and
    depthwise kernels near the identity, so that the first nonlinearity sees single cells and not averages over 7 x 7 of
    them. As in the authors' fine-tuned ConvNeXt no norm follows the last stage: a class score is exactly the mean of
    its map.
    """

    def __init__(self, dims: tuple[int, ...], **settings) -> None:
        super().__init__(dims=dims, **settings)
        self.stem = pooling_stem(3, dims[0])
        self.head.norm = nn.Identity()
        start_weights(self)


@register_model
def convnext_narrow(pretrained: bool = False, **kwargs) -> ConvNeXt:
    """ConvNeXt (Liu et al. 2022) with depths 1-1-2-1 and widths 24, 48, 96, 128; stride 8; see `NarrowConvNeXt`."""
    settings = {
        "depths": (1, 1, 2, 1),
        "dims": (24, 48, 96, 128),
        "output_stride": 8,
        "norm_layer": "batchnorm2d",
        "conv_mlp": True,
        "ls_init_value": 1.0,
        **kwargs,
    }
    network = build_model_with_cfg(
        NarrowConvNeXt,
        "convnext_narrow",
        pretrained,
        feature_cfg={"out_indices": (0, 1, 2, 3), "flatten_sequential": True},
        **settings,
    )
    return undilate(network)
