"""What each of several remedies gains when all combinations of them were scored on the same images. Without torch."""

from collections.abc import Mapping

from camagain.analysis.kit.localizer import Localized
from camagain.statistics.resampled import Resampled, mean_of

Scored = Mapping[tuple[bool, ...], Localized]
"""Which remedies are on -> how well the maps localize; every combination of on and off has an entry."""


def max_box_acc(localized: Localized) -> Resampled:
    """MaxBoxAcc with its values in resamples of the images, at the best threshold of each resample."""
    return Resampled(localized.percent, localized.resampled)


def mean_gain(scored: Scored, remedy: int) -> Resampled:
    """What switching one remedy on gains in MaxBoxAcc, in points, on average over all settings of the others.

    The main effect of a full factorial design (Fisher 1935). `remedy` is its place in the keys.
    """
    on, off = (mean_of([max_box_acc(scored[key]) for key in scored if key[remedy] is state]) for state in (True, False))
    return on - off
