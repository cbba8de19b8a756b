"""The single extraction pass: one forward pass per image gives score maps, predictions and channel statistics."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader

from camagain.artifacts import RunPaths, write_json, write_npz, write_parquet
from camagain.compute import channels_last, prepare
from camagain.config import Experiment
from camagain.datasets.decoded import decoded_images
from camagain.datasets.images import ImageTable, warp
from camagain.datasets.index import read_index
from camagain.errors import UserError
from camagain.localization.channels import THETAS, activated_cells, gap_values
from camagain.localization.maps import cam
from camagain.models.checkpoint import load_network
from camagain.models.large_kernel import replace_large_kernels
from camagain.models.zoo import LinearHead, Network, class_scores, feature_maps, linear_head
from camagain.progress import track

TOP = 5


@dataclass
class Batches:
    """What the pass gathers, one array per batch under each name, axis 0 (axis 1 for areas) running over images."""

    parts: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def add(self, **arrays: torch.Tensor) -> None:
        for name, array in arrays.items():
            self.parts.setdefault(name, []).append(array.cpu().numpy())

    def joined(self, name: str, axis: int = 0) -> np.ndarray:
        return np.concatenate(self.parts[name], axis=axis)


def localize(experiment: Experiment, model_name: str, paths: RunPaths) -> None:
    """Runs a model over val and test and writes `localization/<model>/`: maps, predictions, channels, summary.

    A network without positive evidence in an image gives a map of zeros there; the summary counts such images.
    """
    settings, device = experiment.localization, prepare(experiment.compute)
    network, card = load_network(paths.model(model_name))
    if experiment.compute.fast_large_kernels:
        replace_large_kernels(network)
    index = read_index(paths.index)
    index = index[index["split"].isin(["val", "test"])].reset_index(drop=True)
    check_classes(card.classes, index, model_name)
    head = linear_head(network, model_name)
    decoded = decoded_images(paths.index) if experiment.compute.cache_images else None
    table = ImageTable(index, paths.index, lambda image: warp(image, card.input), decoded)
    loader = DataLoader(table, settings.batch_size, num_workers=experiment.compute.workers)
    found = run(network.to(device), head, loader, experiment, model_name)

    maps = {method: found.joined(method) for method in settings.methods}  # each (N, h, w)
    no_evidence = {}
    for method, scores in maps.items():
        empty = ~np.isfinite(scores).all((1, 2)) | (scores.max((1, 2)) <= 0)
        scores[empty] = 0
        no_evidence[method] = int(empty.sum())
        if empty.any():
            print(
                f"{model_name}: {empty.sum()} of {len(empty)} '{method}' maps have no positive evidence; set to zeros"
            )
    folder = paths.localization(model_name)
    ids, splits = index["image_id"].to_numpy(dtype=str), index["split"].to_numpy(dtype=str)
    write_npz(folder / "maps.npz", image_id=ids, split=splits, **maps)
    write_npz(
        folder / "channels.npz",
        image_id=ids,
        split=splits,
        gap_value=found.joined("gap"),  # (N, C)
        activated_cells=found.joined("cells", axis=1),  # (T, N, C)
        theta=np.array(THETAS),
        grid=np.array(next(iter(maps.values())).shape[1:]),
        class_weight=head.weight.cpu().numpy(),  # (K, C)
    )
    write_parquet(folder / "predictions.parquet", predictions(index, found))
    write_json(
        folder / "summary.json",
        {
            "images": len(index),
            "variant": settings.variant,
            "maps_without_positive_evidence": no_evidence,
            "head_error": float(found.joined("head_error").max()),
            "head_error_note": "largest |mean of w*f + bias - class score|: 0 up to rounding where the class "
            "activation map decomposes the class score exactly, larger where a norm stands between maps and classifier",
        },
    )


@torch.inference_mode()
def run(network: Network, head: LinearHead, loader: DataLoader, experiment: Experiment, model_name: str) -> Batches:
    """One forward pass per image. Axes: B images, K classes, C channels, h x w cells."""
    settings = experiment.localization
    device = next(network.parameters()).device
    channels_last(network)
    weight, bias = head.weight.to(device), head.bias.to(device)  # (K, C), (K,)
    found = Batches()
    for pixels, labels, _ in track(loader, len(loader), f"localize {model_name}", "batches"):
        features = feature_maps(
            network, pixels.to(device, memory_format=torch.channels_last), model_name
        )  # (B, C, h, w)
        logits = class_scores(network, features)  # (B, K)
        scores, ranked = logits.softmax(1).topk(min(TOP, logits.shape[1]))  # (B, 5)
        chosen = {"cam": ranked[:, 0], "cam-gt": labels.to(device)}
        gap = gap_values(features)  # (B, C)
        found.add(
            gap=gap,
            cells=activated_cells(features),  # (T, B, C)
            top5_class=ranked,
            top5_score=scores,
            head_error=(gap @ weight.T + bias - logits).abs().amax(1),  # (B,)
            **{method: cam(features, weight[chosen[method]], settings.variant) for method in settings.methods},
        )
    return found


def predictions(index: pd.DataFrame, found: Batches) -> pd.DataFrame:
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
