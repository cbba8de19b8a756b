"""Settings of the analysis `gap`, and its stage of a run."""

from camagain.config.declared import AnalysisStage

STAGE = AnalysisStage(
    place=2,
    what="Channels: class weight, GAP value, activated area.",
    reads=("data", "localize"),
    may_read=("evaluation", "seed"),
)
