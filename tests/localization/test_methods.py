"""Which maps are stored under which name."""

import torch

from camagain.config import Localization
from camagain.localization import cam, pc1
from camagain.localization.methods import score_maps

GENERATOR = torch.Generator().manual_seed(0)
FEATURES = torch.randn(4, 10, 5, 6, generator=GENERATOR)
OTHER = torch.randn(4, 10, 5, 6, generator=GENERATOR)
WEIGHT = torch.randn(3, 10, generator=GENERATOR)
PREDICTED, TRUE = torch.tensor([0, 1, 2, 0]), torch.tensor([0, 2, 2, 1])


def test_every_variant_and_tap_of_every_method_is_made_under_its_name():
    settings = Localization(methods=("cam", "pc1-gt"), variant="described", tap="before-norm")
    made = score_maps(settings, {"before-norm": FEATURES, "after-norm": OTHER}, WEIGHT, PREDICTED, TRUE)
    expected = {
        "cam": cam(FEATURES, WEIGHT[PREDICTED], "described"),
        "cam.published": cam(FEATURES, WEIGHT[PREDICTED], "published"),
        "cam.after-norm": cam(OTHER, WEIGHT[PREDICTED], "described"),
        "cam.published.after-norm": cam(OTHER, WEIGHT[PREDICTED], "published"),
        "pc1-gt": pc1(FEATURES, WEIGHT[TRUE], "described"),
        "pc1-gt.published": pc1(FEATURES, WEIGHT[TRUE], "published"),
        "pc1-gt.after-norm": pc1(OTHER, WEIGHT[TRUE], "described"),
        "pc1-gt.published.after-norm": pc1(OTHER, WEIGHT[TRUE], "published"),
    }
    assert set(made) == set(expected)
    for name, maps in expected.items():
        torch.testing.assert_close(made[name], maps, equal_nan=True)


def test_the_experiments_own_tap_gives_the_maps_without_a_suffix():
    settings = Localization(methods=("cam",), tap="after-norm")
    made = score_maps(settings, {"before-norm": FEATURES, "after-norm": OTHER}, WEIGHT, PREDICTED, TRUE)
    torch.testing.assert_close(made["cam"], cam(OTHER, WEIGHT[PREDICTED]), equal_nan=True)
    assert set(made) == {"cam", "cam.described", "cam.before-norm", "cam.described.before-norm"}


def test_methods_of_the_optional_package_are_left_to_it():
    settings = Localization(methods=("grad-cam", "cam"))
    assert set(score_maps(settings, {"before-norm": FEATURES}, WEIGHT, PREDICTED, TRUE)) == {"cam", "cam.described"}
