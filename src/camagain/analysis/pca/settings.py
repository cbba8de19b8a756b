"""Settings of the analysis `pca`, and its stage of a run."""

from camagain.config.declared import AnalysisStage

STAGE = AnalysisStage(
    place=3,
    what="Principal components of the feature maps.",
    reads=("data", "localize"),
    may_read=("evaluation", "seed"),
)
