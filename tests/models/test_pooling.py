"""Thresholded average pooling by its definition, cell by cell."""

import pytest
import torch

from camagain.models.pooling import average, thresholded_average


def by_loops(features: torch.Tensor, theta: float) -> torch.Tensor:
    """The definition in words: of every channel the values above theta times its largest one, summed, by their number.

    Where none is above, and where those that are above are not positive, 0.
    """
    pooled = torch.zeros(features.shape[:2])
    for image, channels in enumerate(features.tolist()):
        for channel, rows in enumerate(channels):
            values = [value for row in rows for value in row]
            kept = [value for value in values if value > theta * max(values) and value > 0]
            pooled[image, channel] = sum(kept) / len(kept) if kept else 0
    return pooled


def one_channel(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(1, 1, 1, -1)


@pytest.mark.parametrize(
    ("values", "theta", "expected"),
    [
        ((10.0, 4.0, 1.0, 0.0), 0.1, 7.0),  # 1 is not above 0.1 * 10: a tie is left out
        ((10.0, 4.0, 1.5, 0.0), 0.1, 15.5 / 3),
        ((10.0, -8.0, 0.0, 0.0), 0.1, 10.0),  # negative values are never averaged
        ((-1.0, -2.0, -30.0, -4.0), 0.1, 0.0),  # nor those below 0.1 * -1 = -0.1, as all are
        ((0.0, 0.0, 0.0, 0.0), 0.1, 0.0),  # 0 cells, and not 0 / 0
        ((0.0, 0.0, -1.0, -1.0), 0.1, 0.0),
        ((5.0, 5.0, 5.0, 5.0), 0.1, 5.0),  # a constant positive channel is pooled as by the mean
        ((4.0, 2.0, 0.0, 0.0), 0.0, 3.0),
        ((4.0, 2.0, 0.0, 0.0), 0.9, 4.0),
    ],
)
def test_by_hand(values, theta: float, expected: float):
    assert thresholded_average(one_channel(*values), theta).item() == pytest.approx(expected)


@pytest.mark.parametrize("theta", [0.0, 0.1, 0.5])
def test_every_channel_of_every_image_by_itself(theta: float):
    features = torch.randn(3, 5, 4, 6, generator=torch.Generator().manual_seed(0))
    features[0, 0] = -features[0, 0].abs()
    features[1, 2] = 0
    torch.testing.assert_close(thresholded_average(features, theta), by_loops(features, theta))


def test_a_channel_counts_as_much_on_few_cells_as_on_many():
    few, many = torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    few[..., :1], many[..., :5] = 2, 2
    assert thresholded_average(few) == thresholded_average(many) == 2
    assert average(many) == 5 * average(few), "the plain mean goes by the area"
