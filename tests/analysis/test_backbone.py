"""The maps of a classifier that was fitted anew are those of the class that it predicts itself."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from camagain.analysis.remedies.backbone import Backbone
from camagain.models.pooling import average, thresholded_average

N, C, K = 5, 3, 4


class Given(Backbone):
    """A backbone of which the feature maps are given."""

    def batches(self, split: str):
        yield from zip(FEATURES.split(2), LABELS.split(2), strict=True)


GENERATOR = torch.Generator().manual_seed(4)
FEATURES, LABELS = torch.randn(N, C, 4, 6, generator=GENERATOR), torch.zeros(N, dtype=torch.int64)
WEIGHT = torch.randn(K, C, generator=GENERATOR)
BIAS = torch.tensor([-9.0, 0.0, 0.1, 0.0])  # the true class is never predicted but for the last image
FEATURES[-1] = 20 * torch.sign(WEIGHT[0])[:, None, None]


@pytest.mark.parametrize("pool", [average, thresholded_average])
def test_parts_of_maps_are_those_of_the_class_that_the_fitted_classifier_predicts(pool):
    experiment = SimpleNamespace(localization=SimpleNamespace(tap="before-norm"))
    backbone = Given("made-up", None, None, None, experiment, None)
    fit = SimpleNamespace(weight=WEIGHT, bias=BIAS)
    found = backbone.evidence("test", {"own": (pool, fit)})["own"]
    assert found.correct[:-1].sum() == 0
    for image in range(N):
        scores = [float(pool(FEATURES[image : image + 1])[0] @ WEIGHT[k] + BIAS[k]) for k in range(K)]
        label = int(np.argmax(scores))
        assert found.correct[image] == (label == 0)
        terms = [(float(WEIGHT[label, c]), FEATURES[image, c].numpy()) for c in range(C)]
        positive, negative = np.zeros((4, 6)), np.zeros((4, 6))
        for weight, feature in terms:
            positive += max(weight, 0) * feature
            negative += max(-weight, 0) * feature
        np.testing.assert_allclose(found.positive[image], positive, atol=1e-5)
        np.testing.assert_allclose(found.negative[image], negative, atol=1e-5)
        np.testing.assert_allclose(found.maps(False)[image], np.maximum(positive - negative, 0), atol=1e-5)
        np.testing.assert_allclose(found.maps(True)[image], np.maximum(positive, 0), atol=1e-5)
