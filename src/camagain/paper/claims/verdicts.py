"""The paper's claims, each with the verdict of a run, and whether that run can be evidence about the paper at all."""

import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from camagain.artifacts import write_json
from camagain.drawing.results import RunResults
from camagain.paper.claims.criteria import (
    Judgement,
    cam_accuracy,
    inherent_maps,
    pc1_accuracy,
    receptive_field,
    robust_networks,
)
from camagain.paper.claims.tables import ClaimTables, claim_tables
from camagain.paper.evidence import data_in_words, is_papers_data


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, where it is made, and the function that judges it by the tables of a run."""

    name: str
    statement: str
    finding: str  # what the paper says, in a few words, or its number
    source: str
    judge: Callable[[ClaimTables], Judgement]

    @property
    def criterion(self) -> str:
        """The criterion in one paragraph: the docstring of its function."""
        return " ".join((inspect.getdoc(self.judge) or "").split())


CLAIMS = (
    Claim(
        "receptive-field",
        "The size of the effective receptive field is not the main driver of localization.",
        "no clear correlation; no number is known",
        "abstract",
        receptive_field,
    ),
    Claim(
        "inherent-maps",
        "Localization goes with feature maps of large GAP value or large activated area, an inherent property of the "
        "architecture.",
        "it does; no number is known",
        "summaries of the paper's section on architectural properties",
        inherent_maps,
    ),
    Claim(
        "robust-networks",
        "Modern CNNs are robust to CAM's problem of local activation.",
        "they are; no number is known",
        "abstract",
        robust_networks,
    ),
    Claim(
        "cam-accuracy",
        "A large-kernel CNN with plain CAM and simple augmentation reaches 90.99 % MaxBoxAcc on CUB-200-2011, "
        "comparable to the latest CNN-based methods.",
        "90.99 %",
        "abstract",
        cam_accuracy,
    ),
    Claim(
        "pc1-accuracy",
        "Localization by PC1 surpasses the best CNN-based method before it by 0.43 points.",
        "+0.43 points",
        "summaries of the paper, and the authors' model zoo",
        pc1_accuracy,
    ),
)
"""In the order of the report."""


def assess(results: RunResults, tables: ClaimTables) -> dict[str, Any]:
    """The content of claims.json: for each claim the verdict about the paper, and what this run's numbers say.

    On anything but the paper's images, or with networks from random weights, every verdict is `undecided`, whatever the
    numbers; `in_this_run` applies the same criterion to them all the same.
    """
    reason = why_no_evidence(results)
    judged = []
    for claim in CLAIMS:
        here = claim.judge(tables)
        about = Judgement("undecided", reason, []) if reason else here
        judged.append(
            {
                "name": claim.name,
                "claim": claim.statement,
                "source": claim.source,
                "criterion": claim.criterion,
                **asdict(about),
                "in_this_run": asdict(here),
            }
        )
    return {
        "run": results.experiment.run,
        "data": data_in_words(results.dataset),
        "seeds": list(results.seeds),
        "evidence_about_the_paper": not reason,
        "claims": judged,
    }


def why_no_evidence(results: RunResults) -> str:
    """Why a run is no evidence about the paper; empty where it is evidence."""
    if not is_papers_data(results.dataset):
        return f"this run is not evidence about the paper: {data_in_words(results.dataset)}"
    random = [model.name for model in results.experiment.models if model.weights == "random"]
    if random:
        return f"this run is not evidence about the paper: random starting weights of {', '.join(random)}"
    return ""


def write_claims(results: RunResults) -> None:
    """Writes `claims.json` of a run."""
    write_json(results.paths.claims, assess(results, claim_tables(results)))
