"""Settings of the analysis `parts`, and its stage of a run."""

from pydantic import Field

from camagain.config.base import Settings
from camagain.config.declared import AnalysisStage


class Parts(Settings):
    """Which parts of a bird score maps prefer."""

    radius: float = Field(
        default=0.1,
        gt=0,
        le=0.5,
        description="Pixels this close to a part's point belong to it, as a share of the bird's size, the square root "
        "of its box's area. 0.1 is the distance at which detectors of keypoints are scored as right (PCK at 0.1).",
    )
    head: tuple[str, ...] = Field(
        default=("beak", "crown", "eye", "forehead", "head", "nape", "throat"),
        description="Parts of the head, without `left` and `right`.",
    )
    body: tuple[str, ...] = Field(
        default=("back", "belly", "body", "breast", "wing", "wing_patch"),
        description="Parts of the body. Tail and legs are of neither: what is near them is mostly background, which "
        "counts as bird where the dataset has boxes but no masks.",
    )


STAGE = AnalysisStage(
    place=7,
    what="Which parts of a bird score maps prefer.",
    settings=Parts,
    reads=("data", "localize"),
    may_read=("evaluation", "localization", "seed"),
)
