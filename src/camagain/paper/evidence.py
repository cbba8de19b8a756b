"""Whether a run can say anything about the paper: on its images, and with its networks.

The paper's numbers are of CUB-200-2011's test split, 5,794 images of 200 classes, and of two networks at 384 px. No
table or figure shows other measurements in their place.
"""

from dataclasses import dataclass
from typing import Any, Literal

from camagain.config import Experiment, Model
from camagain.drawing.results import RunResults
from camagain.paper.published import Published
from camagain.statistics.tolerances import binomial_error

PAPERS_DATASET = "CUB-200-2011"
PAPERS_CLASSES = 200
PAPERS_TEST_IMAGES = 5794
PAPERS_INPUT = 384

Weights = Literal["authors' weights", "trained anew"]


@dataclass(frozen=True)
class Counterpart:
    """Which of the paper's two networks a model of a run is, and whose fine-tuning it has."""

    network: str  # as in the table `model-zoo` of the published numbers
    weights: Weights


def is_papers_data(dataset: dict[str, Any]) -> bool:
    """Whether a dataset, as `dataset.json` describes it, is the one that the paper used.

    A folder or wsolevaluation's layout counts if it has as many classes and test images. Drawn birds never count.
    """
    return (
        dataset["kind"] != "synthbirds"
        and len(dataset["classes"]) == PAPERS_CLASSES
        and dataset["splits"]["test"] == PAPERS_TEST_IMAGES
    )


def data_in_words(dataset: dict[str, Any]) -> str:
    """Dataset, test images and classes: "synthbirds, 400 test images of 8 classes"."""
    return f"{dataset['name']}, {dataset['splits']['test']:,} test images of {len(dataset['classes'])} classes"


def counterpart(experiment: Experiment, model: Model) -> Counterpart | None:
    """Which network of the paper a model is, None if none: the same architecture, input size and starting weights.

    Without training, only the authors' own fine-tuned weights count.
    """
    if experiment.input.size != PAPERS_INPUT:
        return None
    architecture, _, tag = model.architecture.partition(".")
    trained = model.training.epochs > 0
    if model.weights == "published":
        network = {"convnext_base_cam": "ConvNeXt-B", "replknet_31b": "RepLKNet-31B"}.get(architecture)
        return Counterpart(network, "trained anew" if trained else "authors' weights") if network else None
    start = {
        ("convnext_base", "fb_in22k_ft_in1k_384", "timm"): "ConvNeXt-B",
        ("convnext_base_cam", "fb_in22k_ft_in1k_384", "timm"): "ConvNeXt-B",
        ("replknet_31b", "in1k_384", "upstream"): "RepLKNet-31B",
        ("replknet_31b", "", "upstream"): "RepLKNet-31B",  # the first weights of the table in models/sources.csv
    }.get((architecture, tag, model.weights))
    return Counterpart(start, "trained anew") if start and trained else None


def counterparts(results: RunResults) -> dict[str, Counterpart]:
    """The models of a run that are networks of the paper, by name; empty on other images than the paper's."""
    if not is_papers_data(results.dataset):
        return {}
    found = {model.name: counterpart(results.experiment, model) for model in results.experiment.models}
    return {name: match for name, match in found.items() if match is not None}


def tolerance_points(published: Published, weights: str, images: int = PAPERS_TEST_IMAGES) -> float:
    """How far a repetition may lie from a published share of images, in points.

    With the authors' weights, images and weights are the paper's, and only the rounding of the printed digits remains.
    Otherwise the binomial error is added: at 95 % confidence and the published value, that of a share of `images`
    images. For MaxBoxAccV2, a mean of three shares, it is an upper bound.
    """
    if weights == "authors' weights":
        return published.uncertainty
    return published.uncertainty + float(binomial_error(images, published.value))
