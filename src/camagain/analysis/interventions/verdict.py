"""What a change of the kernels shows: whether it moved the receptive field, and if so, what became of MaxBoxAcc."""

from camagain.statistics.estimates import Estimate

NOT_TESTED, ROSE, FELL, UNDECIDED = "did not test it", "rose", "fell", "no certain change"


def verdict(area_factor: Estimate, difference: Estimate) -> str:
    """What larger kernels say of the receptive field's effect on boxes, from two intervals over seeds.

    `area_factor`: the area of the receptive field, times the control's. `difference`: MaxBoxAcc minus the control's,
    points. The cause moved where the whole interval of the factor lies above 1. Kernels that did not certainly enlarge
    the field did not test its effect, whatever MaxBoxAcc did; neither did a single seed, which has no interval.
    """
    if not area_factor.low > 1:
        return NOT_TESTED
    if difference.low > 0:
        return ROSE
    return FELL if difference.high < 0 else UNDECIDED
