"""Settings of the analysis `cues`, and its stage of a run."""

from camagain.config.declared import AnalysisStage

STAGE = AnalysisStage(
    place=7,
    what="The parts that decide the class.",
    reads=("data", "localize"),
    may_read=("dataset", "evaluation", "localization", "seed"),
)
