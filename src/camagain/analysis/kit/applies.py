"""What an analysis of stored feature maps needs of a network."""

from camagain.errors import NotApplicable


def require_channels(count: int) -> None:
    """NotApplicable for a network whose last feature maps have a single channel."""
    if count < 2:
        raise NotApplicable(f"it compares channels, of which the last feature maps have {count}; it needs at least 2")


def require_grid(cells: int) -> None:
    """NotApplicable for a feature grid of a single cell."""
    if cells < 2:
        raise NotApplicable(
            "the feature grid has a single cell, which shows no place; take larger images (`input.size`) or a "
            "network with a smaller stride"
        )
