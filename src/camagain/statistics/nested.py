"""Means of groups whose members scatter, and whose members' units scatter again: contrasts with an interval.

Axes: N units. Units belong to members and members to groups, as trainings belong to an architecture and architectures
to a family.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from camagain.statistics.confidence import student_quantile
from camagain.statistics.estimates import Estimate


def contrast(
    values: Sequence[float],
    groups: Sequence[str],
    members: Sequence[str],
    coefficients: Mapping[str, float],
    confidence: float,
) -> Estimate:
    """The sum of group means, each times its coefficient, of N units, with the interval for groups of other members.

    A group's mean is that of its members' means, a member's that of its units. Members are taken as drawn at random,
    with one variance in all groups: it is estimated from every group of at least two members, and also holds for a
    group of one. Likewise for units. So whatever differs from unit to unit, such as the seed of its training, is in
    the interval without being known by itself. Student's quantile at Satterthwaite's degrees of freedom (1946).

    No bounds where no group has two members, because then nothing says how far members scatter. ValueError where a
    coefficient belongs to no group.
    """
    y, count = np.asarray(values, dtype=float), len(values)
    if unknown := set(coefficients) - set(groups):
        raise ValueError(f"coefficients for {sorted(unknown)}, but the groups are {sorted(set(groups))}")
    names = list(dict.fromkeys(zip(groups, members, strict=True)))
    member = np.array([names.index(name) for name in zip(groups, members, strict=True)])  # (N,)
    families = list(dict.fromkeys(groups))
    group = np.array([families.index(name) for name, _ in names])  # of each member
    units = np.bincount(member)  # of each member
    means = np.bincount(member, y) / units
    size = np.bincount(group)[group]  # of each member's group
    freedom, unit_freedom = len(names) - len(families), count - len(names)
    weight = np.array([coefficients.get(name, 0.0) for name, _ in names]) / size  # of each member's mean
    value = float(weight @ means)
    if not freedom:
        return Estimate(value, np.nan, np.nan)
    centred = means - (np.bincount(group, means) / np.bincount(group))[group]
    member_variance = float(centred @ centred) / freedom  # scatter of members, and of the units behind their means
    unit_variance = float(((y - means[member]) ** 2).sum()) / max(unit_freedom, 1)
    share = float(((1 - 1 / size) / units).sum()) / freedom  # of the unit variance in the member variance
    from_members = float(weight @ weight)
    from_units = max(0.0, float((weight**2 / units).sum()) - from_members * share)
    parts = [(from_members * member_variance, freedom), (from_units * unit_variance, unit_freedom)]
    variance = sum(part for part, _ in parts)
    if not variance:
        return Estimate(value, value, value)
    half = variance**0.5 * student_quantile(variance**2 / sum(part**2 / df for part, df in parts if part), confidence)
    return Estimate(value, value - half, value + half)
