"""Whether the network needs the pixels that a score map calls important: insertion, deletion, average drop, ROAD.

`measure` of the table, of the probability of the class that the map is of, mean over images:

| measure | what | better |
|---|---|---|
| insertion | area under the probability while the most important pixels come to a blurred image, percent | high |
| deletion | the same while they are set to the mean colour, percent | low |
| average_drop | how much is lost when the image is multiplied by the map, percent of the image's own | low |
| increase | images whose probability rises by that, percent | high |
| road | probability without the least important pixels minus that without the most important, halved, points | high |

`gain` is how much better the map is than the centred Gaussian on the same images, above 0 where it is better.
Axes: N images, M maps of each, Q measures.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch

from camagain.analysis.faithfulness.names import MEASURES, REFERENCE
from camagain.analysis.faithfulness.perturbed import deletion, insertion, places, removed
from camagain.analysis.faithfulness.settings import STAGE, Faithfulness
from camagain.analysis.kit.applies import require_grid
from camagain.analysis.kit.run import Findings
from camagain.artifacts import RunPaths
from camagain.compute import prepare
from camagain.config import Experiment
from camagain.config.methods import uses_true_class
from camagain.config.packages import require
from camagain.datasets.index import read_index, spread_evenly
from camagain.evaluation.baselines import centre_gaussian
from camagain.evaluation.evaluate import variant_of
from camagain.evaluation.inputs import read_maps, read_truths
from camagain.evaluation.score_maps import score_maps
from camagain.localization.forward import features_of, images_of, one_by_one, ready, require_finite
from camagain.models.checkpoint import load_network
from camagain.models.zoo import Network, class_scores
from camagain.progress import track
from camagain.statistics.bootstrap import Sampling
from camagain.statistics.estimates import means

COLUMNS = ("method", "measure", "value", "low", "high", "unit", "gain", "gain_low", "gain_high", "images")


def analyze(experiment: Experiment, model: str, paths: RunPaths) -> Findings:
    """The maps of the predicted class that were scored as boxes, finished in the same way at the size of the input.

    Where the experiment has none, those of the true class. Images are spread evenly over the test split.
    """
    require("analysis.names", "faithfulness", STAGE.package)
    settings, device = experiment.analysis.faithfulness, prepare(experiment.compute)
    network, card = load_network(paths.model(model))
    ready(network, experiment.compute, device)
    test = read_index(paths.index, "test")
    index = spread_evenly(test.assign(row=test.index), settings.images)
    truth = read_truths(paths.index, experiment.evaluation.size)["test"]
    methods = methods_of(experiment)
    stored = {name: read_maps(paths.maps(model), name, {"test": truth})["test"] for name in methods}
    require_grid(stored[methods[0]][0].size)
    finished: dict[str, Iterator[np.ndarray]] = {
        name: score_maps(
            maps[index["row"]],
            card.input.size,
            experiment.evaluation.interpolation,
            variant_of(experiment, name) or "described",
        )
        for name, maps in stored.items()
    }
    gaussian = centre_gaussian(card.input.size)
    table = images_of(index, card.input, experiment.compute, paths)
    found: dict[str, list[list[float]]] = {name: [] for name in (*methods, REFERENCE)}
    images = track(one_by_one(table), len(table), f"faithfulness of {model}")
    for row, (image, label, *maps) in enumerate(zip(images, table.labels, *finished.values(), strict=True)):
        asked = Asked(network, image[0].to(device), experiment.localization.batch_size, model)
        for name, score_map in zip(found, (*maps, gaussian), strict=True):
            number = int(label) if uses_true_class(name) else asked.predicted
            found[name].append(asked.measured(score_map, number, settings, experiment.seed + row))
    values = {name: np.array(rows) for name, rows in found.items()}  # (N, Q) each
    sampling = Sampling(experiment.evaluation.bootstrap, experiment.evaluation.confidence, experiment.seed)
    about = {"images": len(index), "input_pixels": card.input.size, "seed": experiment.seed}
    return Findings(table_of(values, sampling), about)


def methods_of(experiment: Experiment) -> list[str]:
    """The methods whose maps are measured: those of the predicted class, or all where there are none."""
    methods = experiment.localization.methods
    return [name for name in methods if not uses_true_class(name)] or list(methods)


class Asked:
    """A network that is asked for the probabilities of versions of one image (3, S, S)."""

    def __init__(self, network: Network, image: torch.Tensor, batch_size: int, name: str) -> None:
        self.network, self.image, self.batch_size, self.name = network, image, batch_size, name
        self.own = self.probabilities([image])[0]  # (K,)
        self.predicted = int(self.own.argmax())

    @torch.no_grad()
    def probabilities(self, versions: list[torch.Tensor]) -> np.ndarray:
        """Of V versions of the image, some at a time: (V, K)."""
        parts = []
        for batch in torch.stack(versions).split(self.batch_size):
            scores = class_scores(self.network, features_of(self.network, batch, self.name))
            require_finite(scores, self.name, "class scores of changed images")
            parts.append(scores.double().softmax(1).cpu().numpy())
        return np.concatenate(parts)

    def measured(self, score_map: np.ndarray, number: int, settings: Faithfulness, seed: int) -> list[float]:
        """The measures of one map (S, S) in [0, 1], of the class with a number, in the order of MEASURES."""
        place = places(score_map, seed).to(self.image.device)
        weighed = self.image * torch.from_numpy(score_map).to(self.image)
        versions = [
            *insertion(self.image, place, settings.steps),
            *deletion(self.image, place, settings.steps),
            weighed,
            *removed(self.image, place, settings.shares, seed),
        ]
        said = 100 * self.probabilities(versions)[:, number]  # (V,)
        own, count = 100 * self.own[number], settings.steps + 1
        inserted, deleted, masked, *filled = np.split(said, [count, 2 * count, 2 * count + 1])
        most, least = filled[0].reshape(-1, 2).T
        return [
            area(inserted),
            area(deleted),
            100 * max(0.0, own - masked[0]) / own,
            100.0 * (masked[0] > own),
            float(np.mean(least - most) / 2),
        ]


def area(curve: np.ndarray) -> float:
    """The area under a curve in equal steps from 0 to 1, by trapezoids: (V,), V at least 2."""
    return float(np.trapezoid(curve) / (len(curve) - 1))


def table_of(values: dict[str, np.ndarray], sampling: Sampling) -> pd.DataFrame:
    """A row for each map and measure, of (N, Q) values by map, the reference among them."""
    better = np.array([measure.better for measure in MEASURES.values()])
    rows = []
    for method, own in values.items():
        gains = means(better * (own - values[REFERENCE]), sampling)
        for (measure, (_, unit, _)), mean, gain in zip(MEASURES.items(), means(own, sampling), gains, strict=True):
            above = {"gain": gain.value, "gain_low": gain.low, "gain_high": gain.high}
            rows.append({"method": method, "measure": measure, **mean.columns(), "unit": unit, **above})
    return pd.DataFrame(rows).assign(images=len(values[REFERENCE]))[list(COLUMNS)]
