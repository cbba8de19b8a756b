"""A family of networks for tests, with one network. Added as `models/families/plainnet.py`."""

import torch
from timm.layers import ClassifierHead
from timm.models import build_model_with_cfg, register_model
from torch import nn

from camagain.models.families import Family

DECLARES = Family(name="PlainNet", key="plainnet", year=2030, color="#999933", modern=True)

default_cfgs = {
    "plainnet_tiny": {"num_classes": 1000, "input_size": (3, 48, 48), "first_conv": "trunk.0", "classifier": "head.fc"}
}


class PlainNet(nn.Module):
    """Two strided convolutions, mean, linear layer: (B, 3, H, W) -> (B, num_classes)."""

    def __init__(self, num_classes: int = 1000, width: int = 16, in_chans: int = 3) -> None:
        super().__init__()
        self.num_classes, self.num_features = num_classes, width
        self.trunk = nn.Sequential(
            nn.Conv2d(in_chans, width, 5, stride=2, padding=2),  # (B, C, H/2, W/2)
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 5, stride=2, padding=2),  # (B, C, H/4, W/4)
            nn.ReLU(),
        )
        self.head = ClassifierHead(width, num_classes)

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        return self.trunk(x)

    def forward_head(self, x: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        return self.head(x, pre_logits=pre_logits)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.forward_head(self.forward_features(x))

    def get_classifier(self) -> nn.Module:
        return self.head.fc


@register_model
def plainnet_tiny(pretrained: bool = False, **kwargs) -> PlainNet:
    """16 channels."""
    return build_model_with_cfg(PlainNet, "plainnet_tiny", pretrained, **kwargs)
