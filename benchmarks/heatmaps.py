"""Heatmaps: score maps of many images at once, against the authors' loops over images and channels.

CAM and PC1 from given feature maps, and the whole way from a picture's pixels to its heatmap. Where a clone of
snskysk/CAM-Back-Again is at hand its own functions and network are run, unmodified, otherwise a plain loop of ours and
our network in torch's default layout. The authors take the principal component from scikit-learn, which nothing of ours
imports: without a clone, or where it is missing, an SVD by numpy stands in. The column `peer` says which of them were
run. Left out on both sides: reading the picture, and the figure that the authors save with matplotlib.

The maps have to agree. scikit-learn's solver is randomized and not seeded, so both sides are compared with what the
peer's steps give with an exact solver, from given feature maps in float64: `difference` is our largest one,
`peer_difference` the peer's own.
"""

import contextlib
import io
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
import torch
from torch import nn

from benchmarks.harness import Kept, alternate, published_source, ratio_rows
from camagain.config import Compute
from camagain.evaluation.score_maps import normalise, upsample
from camagain.localization import cam, pc1
from camagain.localization.forward import ready
from camagain.models import convert_state_dict, create
from camagain.models.zoo import Network, class_scores, feature_maps, linear_head

REPOSITORY = "snskysk+CAM-Back-Again"
CHANNELS, SIDE, CLASSES = 1024, 12, 200
IMAGES, ROUNDS = 32, 5  # of feature maps
BATCH, SIZE, NETWORK_ROUNDS = 16, 384, 3  # from pixels to heatmap; below 16 images torch takes a slow path for 1 x 1

METHODS = {"cam": cam, "pc1": pc1}


class ExactPCA:
    """What the peer asks of scikit-learn's PCA, by a full SVD; the largest cell of an axis is positive."""

    def __init__(self, n_components: int) -> None:
        self.n_components = n_components

    def fit(self, samples: np.ndarray) -> None:
        axes = np.linalg.svd(samples - samples.mean(0), full_matrices=False)[2][: self.n_components]
        self.components_ = axes * np.sign(np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1))


class PlainLoop:
    """The authors' two steps, channel by channel, under the names that they have in a clone."""

    PCA: type = ExactPCA

    def get_feature_maps(self, family: str, images: torch.Tensor, index: int, network: SimpleNamespace) -> torch.Tensor:
        maps = network.module.forward_features(images).detach()  # (1, C, h, w)
        for channel, weight in enumerate(network.module.head.weight.detach()[index]):
            maps[:, channel] *= weight
        return maps

    def get_heatmap_from_features(self, method: str, weighted: torch.Tensor, sizes: dict) -> np.ndarray:
        if method == "cam":
            positive = weighted[0].mean(0).relu()
            return (positive / positive.max()).numpy()
        side, rows = sizes["size"], []
        for channel in weighted[0].numpy():
            rows.append((channel - channel.min()) / (channel.max() - channel.min()))
        pca = self.PCA(n_components=30)
        pca.fit(np.reshape(rows, (len(rows), side * side)))
        relative = (pca.components_[0] / pca.components_[0].max()).reshape(side, side)
        bright = relative > relative.mean()
        bright[1 : side - 2, 1 : side - 2] = False
        return 1 - relative if bright.sum() / (4 * (side - 1)) > 0.5 else relative


def rows(peer: Path | None) -> Iterator[dict]:
    """Ratios of CAM and PC1 at the size that both of the paper's networks have, then of RepLKNet-31B; per image."""
    clone = peer / REPOSITORY if peer else None
    theirs = published(clone, "utils.py") if clone else PlainLoop()
    name = REPOSITORY.replace("+", "/") if clone else "plain loop"
    with_pca = f"{name}, {'SVD by numpy' if theirs.PCA is ExactPCA else 'scikit-learn'}"
    yield from compare_maps("cam", theirs, name)
    yield from compare_maps("pc1", theirs, with_pca)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch and timm, about the age of the peer's calls
        found = compare_networks(theirs, with_pca, clone)
    yield from found


def compare_maps(method: str, theirs: ModuleType | PlainLoop, name: str) -> list[dict]:
    """One method on feature maps of a few patterns and noise; image i is of class i."""
    torch.manual_seed(0)
    patterns = torch.einsum("bkhw,ck->bchw", torch.randn(IMAGES, 4, SIDE, SIDE), torch.randn(CHANNELS, 4))
    features, weights = patterns + torch.randn(IMAGES, CHANNELS, SIDE, SIDE), torch.randn(CLASSES, CHANNELS)

    def one_by_one(features: torch.Tensor) -> np.ndarray:
        head = SimpleNamespace(weight=weights.to(features))
        network = SimpleNamespace(module=SimpleNamespace(forward_features=torch.clone, head=head))
        return np.array([heatmap(theirs, method, maps[None], i, network) for i, maps in enumerate(features)])

    calls: dict[str, Callable[[], Any]] = {
        "camagain": partial(METHODS[method], features, weights[:IMAGES], "published"),
        name: partial(one_by_one, features),
    }
    with patch.object(theirs, "PCA", ExactPCA):
        expected = one_by_one(features.double())
    differences = compared(calls["camagain"]().numpy(), calls[name](), expected, 1e-5)
    seconds = alternate(calls, ROUNDS, warm=True)
    case = f"{method}, {IMAGES} maps of {CHANNELS}x{SIDE}x{SIDE}"
    ratios = ratio_rows("heatmaps", case, seconds, "camagain", dict.fromkeys(calls, IMAGES))
    return [{**row, **differences} for row in ratios]


def compare_networks(theirs: ModuleType | PlainLoop, name: str, clone: Path | None) -> list[dict]:
    """RepLKNet-31B from pixels to heatmaps: CAM and PC1 of `BATCH` images for us, PC1 of one image for the peer."""
    stock: Any = randomised(published_network(clone) if clone else create("replknet_31b", CLASSES))
    network = create("replknet_31b", CLASSES).eval()
    network.load_state_dict(convert_state_dict("replknet_31b", stock.state_dict()))
    ready(network, Compute(), torch.device("cpu"))
    head = stock.head if clone else stock.get_classifier()
    module = SimpleNamespace(forward_features=stock.forward_features, head=head)
    images = torch.randn(BATCH, 3, SIZE, SIZE)

    def one_picture() -> np.ndarray:
        """As the authors' script does it: autograd on, and one pass for the class, another one for the maps."""
        index = stock(images[:1]).softmax(1).squeeze().sort(0, True)[1].numpy()[0]
        found = heatmap(theirs, "pc1", images[:1], index, SimpleNamespace(module=module))
        with np.errstate(invalid="ignore"):  # values outside [0, 1] do not fit into 8 bits
            pixels = np.uint8(255 * cv2.resize(found, (SIZE, SIZE)))
        (pixels - pixels.min()) / (pixels.max() - pixels.min())
        return found[None]

    with patch.object(theirs, "PCA", ExactPCA):
        expected = one_picture()
    heatmaps(network, images[:1])  # compiles what large kernels of these sizes need
    calls = {"camagain": Kept(partial(heatmaps, network, images)), name: Kept(one_picture)}
    seconds = alternate(calls, NETWORK_ROUNDS, warm=True)
    theirs_found, expected = (
        np.array([normalise(upsample(one, SIZE)) for one in m]) for m in (calls[name].result, expected)
    )
    differences = compared(calls["camagain"].result["pc1"][:1], theirs_found, expected, 1e-4)
    case = f"RepLKNet-31B, {SIZE} px, pixels to heatmap"
    return [{**row, **differences} for row in ratio_rows("heatmaps", case, seconds, "camagain", {"camagain": BATCH})]


@torch.inference_mode()
def heatmaps(network: Network, images: torch.Tensor) -> dict[str, np.ndarray]:
    """Both methods' maps of a batch, of the predicted class, upsampled and normalised: (B, SIZE, SIZE) each."""
    features = feature_maps(network, images.contiguous(memory_format=torch.channels_last))  # (B, C, h, w)
    weights = linear_head(network).weight[class_scores(network, features).argmax(1)]  # (B, C)
    coarse = {method: maps_of(features, weights, "published") for method, maps_of in METHODS.items()}
    return {
        name: np.array([normalise(upsample(one, SIZE)) for one in maps.cpu().numpy()]) for name, maps in coarse.items()
    }


def heatmap(
    theirs: ModuleType | PlainLoop, method: str, images: torch.Tensor, index: int, network: SimpleNamespace
) -> np.ndarray:
    """The peer's map of one image, (1, ...) -> (h, w)."""
    weighted = theirs.get_feature_maps("replknet", images, index, network)
    return theirs.get_heatmap_from_features(method, weighted, {"size": SIDE, "unit_n": CHANNELS})


def compared(ours: np.ndarray, theirs: np.ndarray, expected: np.ndarray, bound: float) -> dict[str, str]:
    """The largest difference of either side from the exact maps; AssertionError if ours is above the bound."""
    difference, peer_difference = (float(np.abs(maps - expected).max()) for maps in (ours, theirs))
    assert difference <= bound, f"our maps are {difference:.1e} from the exact ones, the peer's {peer_difference:.1e}"
    return {"difference": f"{difference:.1e}", "peer_difference": f"{peer_difference:.1e}"}


def randomised(network: nn.Module) -> nn.Module:
    """Random weights that keep activations alive through 100 layers, and BatchNorm statistics that are not idle."""
    torch.manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.normal_(layer.weight, std=layer.weight[0].numel() ** -0.5)
        elif isinstance(layer, nn.BatchNorm2d):
            for name, values in layer.state_dict().items():
                if name in ("weight", "running_var"):
                    nn.init.uniform_(values, 0.5, 1.5)
                elif name in ("bias", "running_mean"):
                    nn.init.normal_(values, std=0.2)
    return network.eval()


def published_network(clone: Path) -> nn.Module:
    """RepLKNet-31B as the authors' script builds it."""
    options = {"model_name": "RepLKNet-31B", "class_n": CLASSES, "channels": [128, 256, 512, CHANNELS]}
    with contextlib.redirect_stdout(io.StringIO()):  # it prints a line for every block
        return published(clone, "replknet_func.py").build_model(options)


def published(clone: Path, name: str) -> ModuleType:
    """A module of the authors, as it stands in a clone; where scikit-learn is missing, with `ExactPCA` for its PCA."""
    module = ModuleType(name.removesuffix(".py"))
    stand_ins = (
        {}
        if find_spec("sklearn")
        else {"sklearn": ModuleType("sklearn"), "sklearn.decomposition": SimpleNamespace(PCA=ExactPCA)}
    )
    # The patch takes back every module that is imported meanwhile, and numpy lets nobody import its own twice.
    with patch.dict(sys.modules, stand_ins) if stand_ins else contextlib.nullcontext():
        exec(published_source(clone, name), vars(module))
    return module
