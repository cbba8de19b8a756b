"""The single extraction pass: one forward pass per image gives score maps, predictions and channel statistics."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch

from camagain.artifacts import RunPaths, write_json, write_npz, write_parquet
from camagain.compute import prepare
from camagain.config import Experiment
from camagain.datasets.images import ImageTable
from camagain.datasets.index import read_index
from camagain.errors import UserError
from camagain.localization.channels import THETAS, activated_cells, gap_values
from camagain.localization.forward import batches, images_of, ready
from camagain.localization.methods import score_maps
from camagain.localization.methods.grad_cam import gradient_maps, require_package
from camagain.localization.parts import components, evidence_by_sign
from camagain.localization.taps import after_norm
from camagain.models.checkpoint import load_network
from camagain.models.decomposition import check_scores, final_norm
from camagain.models.zoo import LinearHead, Network, linear_head

TOP = 5

CHECKED = 2
"""Images on which the network's own outputs are compared with the class scores of its maps, before the pass."""


@dataclass
class Found:
    """The results of the pass: under each name one array per batch; axis 0 (axis 1 for areas) runs over images."""

    parts: dict[str, list[np.ndarray]] = field(default_factory=dict)
    maps: tuple[str, ...] = ()  # which of the names are score maps
    norm_before_classifier: bool = False  # whether the two taps differ

    def add(self, **arrays: torch.Tensor) -> None:
        for name, array in arrays.items():
            self.parts.setdefault(name, []).append(array.cpu().numpy())

    def joined(self, name: str, axis: int = 0) -> np.ndarray:
        return np.concatenate(self.parts[name], axis=axis)


def localize(experiment: Experiment, model_name: str, paths: RunPaths) -> None:
    """Runs a model over val and test and writes `localization/<model>/`: maps, predictions, channels, parts, summary.

    A network without positive evidence in an image gives a map of zeros there; the summary counts such images.
    """
    settings, device = experiment.localization, prepare(experiment.compute)
    require_package(settings.methods)
    network, card = load_network(paths.model(model_name))
    ready(network, experiment.compute, device)
    index = read_index(paths.index)
    index = index[index["split"].isin(["val", "test"])].reset_index(drop=True)
    check_classes(card.classes, index, model_name)
    head = linear_head(network, model_name)
    table = images_of(index, card.input, experiment.compute, paths)
    first = torch.stack([table[row][0] for row in range(min(CHECKED, len(table)))])  # (B, 3, S, S)
    check_scores(network, first.to(device), model_name)
    found = run(network, head, table, experiment, model_name)

    maps = {name: found.joined(name) for name in found.maps}  # each (N, h, w)
    empty = {name: zero_where_empty(scores) for name, scores in maps.items()}
    for name, count in empty.items():
        if count and name in settings.methods:
            print(f"{model_name}: {count} of {len(index)} '{name}' maps have no positive evidence; set to zeros")
    ids, splits = index["image_id"].to_numpy(dtype=str), index["split"].to_numpy(dtype=str)
    write_npz(paths.maps(model_name), image_id=ids, split=splits, **maps)
    write_npz(
        paths.channels(model_name),
        image_id=ids,
        split=splits,
        gap_value=found.joined("gap"),  # (N, C)
        activated_cells=found.joined("cells", axis=1),  # (T, N, C)
        theta=np.array(THETAS),
        grid=np.array(found.parts[found.maps[0]][0].shape[1:]),
        class_weight=head.weight.cpu().numpy(),  # (K, C)
    )
    parts = {name: found.joined(name) for name in ("positive", "negative", "component", "explained_variance")}
    write_npz(paths.parts(model_name), image_id=ids, split=splits, **parts)
    write_parquet(paths.predictions(model_name), predictions(index, found))
    write_json(
        paths.summary(model_name),
        {
            "images": len(index),
            "variant": settings.variant,
            "tap": settings.tap,
            "norm_before_classifier": found.norm_before_classifier,
            "precision": settings.precision,
            "images_with_constant_channels": int(found.joined("constant_channels").sum()),
            "constant_channels_note": "on these images the paper's script for PC1 stops at 0/0; here they count as 0",
            "maps_without_positive_evidence": empty,
            "head_error": float(found.joined("head_error").max()),
            "head_error_note": "largest |mean of w*f + bias - class score|: 0 up to rounding where the class "
            "activation map decomposes the class score exactly, larger where a norm stands between maps and classifier "
            "or pooling is thresholded",
        },
    )


@torch.no_grad()  # not inference_mode: methods of the package grad-cam differentiate the head
def run(network: Network, head: LinearHead, table: ImageTable, experiment: Experiment, model_name: str) -> Found:
    """One forward pass per image. Axes: B images, K classes, C channels, h x w cells."""
    settings = experiment.localization
    weight, bias = head.weight, head.bias  # (K, C), (K,)
    found, norm = Found(), None
    for batch in batches(network, table, experiment, model_name, f"localize {model_name}"):
        features, logits, true = batch.features, batch.scores, batch.labels  # (B, C, h, w), (B, K), (B,)
        if not found.parts:
            norm = final_norm(network, model_name, settings.tap)
            found.norm_before_classifier = norm is not None
        scores, ranked = logits.softmax(1).topk(min(TOP, logits.shape[1]))  # (B, 5)
        taps: dict[str, torch.Tensor] = {settings.tap: features}  # without a norm the two are one
        if norm is not None:
            taps = {"before-norm": features, "after-norm": after_norm(norm, features)}
        predicted = ranked[:, 0]
        maps = score_maps(settings, taps, weight, predicted, true)
        maps |= gradient_maps(network, features, predicted, true, settings.methods)
        own = taps[settings.tap]  # (B, C, h, w)
        positive, negative = evidence_by_sign(own, weight[predicted])  # (B, h, w) each
        component, explained_variance = components(own, weight[predicted])  # (B, 3, h, w), (B, 30)
        found.maps = tuple(maps)
        found.add(
            gap=gap_values(features),  # (B, C)
            positive=positive,
            negative=negative,
            component=component,
            explained_variance=explained_variance,
            constant_channels=(features.amax((2, 3)) == features.amin((2, 3))).any(1),  # (B,)
            cells=activated_cells(features),  # (T, B, C)
            top5_class=ranked,
            top5_score=scores,
            head_error=(own.mean((2, 3)) @ weight.T + bias - logits).abs().amax(1),  # (B,)
            **maps,
        )
    return found


def zero_where_empty(maps: np.ndarray) -> int:
    """Sets to zeros, in place, the maps (N, h, w) that are not finite or nowhere positive; returns how many."""
    empty = ~np.isfinite(maps).all((1, 2)) | (maps.max((1, 2)) <= 0)
    maps[empty] = 0
    return int(empty.sum())


def predictions(index: pd.DataFrame, found: Found) -> pd.DataFrame:
    """One row per image: id, split, label, the five most likely classes and their softmax scores."""
    return pd.DataFrame(
        {
            "image_id": index["image_id"],
            "split": index["split"],
            "label": index["label"],
            "top5_class": found.joined("top5_class").tolist(),
            "top5_score": found.joined("top5_score").astype(np.float64).tolist(),
        }
    )


def check_classes(classes: tuple[str, ...], index: pd.DataFrame, model_name: str) -> None:
    """UserError when a model was trained for other classes than the index has."""
    present = index.drop_duplicates("label").set_index("label")["class_name"]
    wrong = [name for label, name in present.items() if label >= len(classes) or classes[label] != name]
    if wrong:
        raise UserError(
            f"{model_name}: the model knows {len(classes)} classes, and '{wrong[0]}' of the index is not among them at "
            "its place. The dataset changed since training; run `snakemake --cores all` to train again."
        )
