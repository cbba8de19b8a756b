"""Networks of timm of every kind at their full size: exact, or refused before they are trained."""

from collections.abc import Iterator

import pytest
import torch

from camagain import _timm  # noqa: F401  # before timm
from tests.models.test_any_network import BETWEEN, GAP, Case, sweep

EXACT = (
    "resnet18 resnet50 resnext50_32x4d seresnet50 densenet121 inception_v3 inception_v4 xception41 efficientnet_b0 "
    "mobilenetv2_100 mnasnet_100 regnetx_002 regnety_002 res2net50_26w_4s resnest14d convnext_tiny convnextv2_atto "
    "cspresnet50 darknet53 dpn68 dla34 dla60 resnetv2_50x1_bit shvit_s1 shvit_s2 repvgg_a0 repvit_m1 fastvit_t8 "
    "mobileone_s0 nfnet_l0 hrnet_w18_small selecsls42 ese_vovnet19b_dw rexnet_100 tresnet_m edgenext_xx_small "
    "replknet_31b slak_tiny"
)
HIDDEN = "vgg11 vgg16_bn mobilenetv3_large_100 mobilenetv4_conv_small ghostnet_100 hgnet_tiny lcnet_050"
WITHOUT_MAPS = "vit_tiny_patch16_224 deit_tiny_distilled_patch16_224 mixer_s32_224 levit_128s"
SIDE = 96
"""Pixels of images for networks that take any, to save time."""

CASES = {
    "exact": [
        *(Case(name, size=SIDE) for name in EXACT.split()),
        *(Case(name) for name in ("efficientvit_m0", "efficientvit_m5")),
    ],
    "refused: layers between maps and classifier": [Case(name, BETWEEN, size=SIDE) for name in HIDDEN.split()],
    "exact with gap_head": [Case(name, options=GAP, size=SIDE) for name in ("resnet18", *HIDDEN.split())],
    "refused: no maps, channels last, or another pooling": [
        *(Case(name, "convolutional network") for name in WITHOUT_MAPS.split()),
        Case("swin_tiny_patch4_window7_224", "channels last"),
        Case("resnet50_clip", "pool"),
    ],
}
"""By what they are to be."""


def rows() -> Iterator[dict]:
    """A row for each outcome; a network survived where it has that outcome."""
    torch.set_num_threads(1)
    for outcome, cases in CASES.items():
        survived = 0
        for case in cases:
            try:
                sweep(case)
                survived += 1
            except (Exception, pytest.fail.Exception) as error:
                print(f"{case}: {error}", flush=True)
        yield {"outcome": outcome, "tried": len(cases), "survived": survived, "n": 1}
