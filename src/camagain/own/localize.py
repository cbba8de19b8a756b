"""Where a network sees the object of an image: the score map of a class, the box drawn from it, and a picture."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import nn

from camagain.config import Evaluation, Localization
from camagain.config.methods import METHODS
from camagain.datasets.images import read_rgb, warp
from camagain.drawing.maps import PREDICTED_COLOR, TRUE_COLOR, draw_box, overlay, show
from camagain.errors import UserError, nearest
from camagain.evaluation.boxes import boxes_at
from camagain.evaluation.score_maps import score_maps as finished
from camagain.evaluation.score_maps import unscale_boxes
from camagain.evaluation.ways import FIXED
from camagain.localization.extract import zero_where_empty
from camagain.localization.forward import features_of
from camagain.localization.methods import score_maps
from camagain.localization.methods.grad_cam import gradient_maps
from camagain.localization.taps import after_norm
from camagain.models.decomposition import final_norm
from camagain.models.zoo import class_scores
from camagain.own.network import OwnNetwork, own_network

PICTURE_PIXELS = 900
"""The longer side of a picture."""

DPI = 200
"""Decides how thick lines are."""


@dataclass(frozen=True)
class Localized:
    """One image, the score map of one class, and boxes drawn from it."""

    image: Image.Image  # RGB, upright
    map: np.ndarray  # (h, w) float32 at the resolution of the feature maps
    label: int  # the class that the map is of
    probability: float  # of that class
    class_name: str | None
    settings: Localization
    evaluation: Evaluation

    @cached_property
    def upsampled(self) -> np.ndarray:
        """The map as boxes are drawn from it: (size, size) float64 in [0, 1], as in the evaluation of a run."""
        variant, settings = self.settings.variant, self.evaluation
        return next(finished([self.map], settings.size, settings.interpolation, variant))

    def box(self, threshold: float = FIXED) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 in pixels of the image: the box around the largest part of the map above a threshold.

        There is no threshold that is right for a single image. That of Zhou et al. (CVPR 2016) is 0.2 of the maximum;
        an evaluation takes the one that is best for a whole dataset.
        """
        box = boxes_at(self.upsampled, np.array([threshold]))[0]  # (1, 4)
        width, height = np.array([self.image.width]), np.array([self.image.height])
        x0, y0, x1, y1 = unscale_boxes(box, width, height, self.evaluation.size)[0].tolist()
        return x0, y0, x1, y1

    def picture(
        self, threshold: float | None = FIXED, true_box: tuple[float, float, float, float] | None = None
    ) -> Image.Image:
        """The map over the image in grey, the box in yellow, and a true box in white."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        scale = PICTURE_PIXELS / max(self.image.size)
        width, height = (max(1, round(side * scale)) for side in self.image.size)
        small = self.image.resize((width, height), Image.Resampling.BICUBIC)
        page = Figure(figsize=(small.width / DPI, small.height / DPI), dpi=DPI)
        axes = page.add_axes((0, 0, 1, 1))
        show(axes, overlay(small, self.map))
        if true_box is not None:
            draw_box(axes, np.array(true_box) * scale, TRUE_COLOR)
        if threshold is not None:
            draw_box(axes, np.array(self.box(threshold)) * scale, PREDICTED_COLOR)
        canvas = FigureCanvasAgg(page)
        canvas.draw()
        return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def localize(
    network: OwnNetwork | str | Path | nn.Module,
    image: str | Path | Image.Image,
    label: int | None = None,
    *,
    method: str = "cam",
    settings: Localization | None = None,
    evaluation: Evaluation | None = None,
) -> Localized:
    """The score map of an image, of the class that the network predicts or of another, and what follows from it.

    `network` is what `own_network` gives, or takes; for many images make it once. `image`: a file, turned upright as
    its camera says, or an image of Pillow as it is. `method`: cam, pc1, or one of the package grad-cam
    (docs/metrics.md).
    `settings` and `evaluation` are those of an experiment; by default maps are as the papers' text means them
    (`described`), not as the authors' script rounds them. UserError for a file that is no image and for a class or
    method that does not exist, NotApplicable for a network without class activation maps.

    >>> layers = nn.Sequential(
    ...     nn.Conv2d(3, 8, 5, 4, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)
    ... )
    >>> found = localize(layers, Image.effect_noise((90, 60), 80), label=1)
    >>> found.map.shape, found.label, found.picture().size
    ((56, 56), 1, (900, 600))
    """
    own = network if isinstance(network, OwnNetwork) else own_network(network)
    if method not in METHODS:
        raise UserError(f"method: found {method!r}, expected one of {', '.join(METHODS)}.{nearest(method, METHODS)}")
    settings = (settings or Localization(variant="described")).model_copy(update={"methods": (method,)})
    picture = image.convert("RGB") if isinstance(image, Image.Image) else upright(Path(image))
    pixels = warp(picture, own.input)[None]  # (1, 3, S, S)
    head = own.head
    with torch.no_grad():
        features = features_of(own.network, pixels, own.name, settings.precision)  # (1, C, h, w)
        probabilities = class_scores(own.network, features).softmax(1)[0]  # (K,)
        if label is not None and not 0 <= label < len(probabilities):
            raise UserError(f"label: found {label}, expected a class of '{own.name}', 0 to {len(probabilities) - 1}.")
        chosen = torch.tensor([int(probabilities.argmax()) if label is None else label], device=features.device)
        norm = final_norm(own.network, own.name, settings.tap)
        if settings.tap == "after-norm":
            features = after_norm(norm, features)
        maps = score_maps(settings, {settings.tap: features}, head.weight, chosen, chosen)
        maps |= gradient_maps(own.network, features, chosen, chosen, settings.methods)
    found = maps[method].float().cpu().numpy()  # (1, h, w)
    zero_where_empty(found)
    index = int(chosen)
    name = own.classes[index] if own.classes and index < len(own.classes) else None
    return Localized(picture, found[0], index, float(probabilities[index]), name, settings, evaluation or Evaluation())


def upright(path: Path) -> Image.Image:
    """An image file as RGB, turned as its camera says; datasets are not turned, as their boxes are of stored pixels."""
    if not path.is_file():
        raise UserError(f"{path}: no such image file.")
    return ImageOps.exif_transpose(read_rgb(path, "Give another file."))
