"""Channels of random networks and along training: maps known by hand, and networks measured by an independent route."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from camagain.analysis.initialization import measure as stage
from camagain.analysis.initialization.quantities import (
    QUANTITIES,
    estimate_statistics,
    gap_over_rms,
    noise_like,
    quantities,
)
from camagain.analysis.kit.run import analyze
from camagain.artifacts import read_json
from camagain.datasets.images import ImageTable, warp
from camagain.datasets.index import read_index, spread_evenly
from camagain.errors import NotApplicable, UserError
from camagain.models.checkpoint import load_network, snapshot_path
from camagain.models.zoo import create

NAMES = [measure if theta is None else f"{measure}-{theta}" for measure, theta, _ in QUANTITIES]


def named(features: torch.Tensor) -> dict[str, list[float]]:
    return dict(zip(NAMES, quantities(features).T.tolist(), strict=True))


def test_quantities_of_maps_computed_by_hand():
    maps = torch.zeros(6, 4, 4)
    maps[0, 1, 2] = 5  # one cell of 16
    maps[1, :2] = 2  # half of the cells
    maps[2] = -3  # flat and negative
    maps[3] = 1 - 2.0 * (torch.arange(16).reshape(4, 4) % 2)  # cancels
    maps[4].flatten()[:3] = torch.tensor([0.15, 0.3, 1.0])  # above 0.1, 0.2 and 0.5 of the maximum: 3, 2 and 1 cells
    found = named(maps[None])  # the sixth stays 0
    assert found["gap_value"] == pytest.approx([(5 / 16 + 1 - 3 + 0 + 1.45 / 16 + 0) / 6])
    ramp = 1.45 / 16 / np.sqrt((0.15**2 + 0.3**2 + 1) / 16)
    assert found["gap_over_rms"] == pytest.approx([(1 / 4 + np.sqrt(1 / 2) + 1 + 0 + ramp + 0) / 6])
    for theta, cells in ((0.1, 3), (0.2, 2), (0.5, 1)):
        assert found[f"activated_area-{theta}"] == pytest.approx([100 * (1 + 8 + 0 + 8 + cells + 0) / 16 / 6])
    assert found["positive_peak"] == pytest.approx([100 * 4 / 6])


def test_every_image_has_its_own_row():
    maps = torch.randn(5, 7, 3, 4, generator=torch.Generator().manual_seed(0))
    together = quantities(maps)
    assert together.shape == (5, len(QUANTITIES))
    assert np.array_equal(together, np.concatenate([quantities(image[None]) for image in maps]))


def test_the_scale_free_value_knows_neither_scale_nor_sign():
    maps = torch.randn(3, 8, 5, 5, generator=torch.Generator().manual_seed(1)) + 0.3
    found = gap_over_rms(maps)
    assert ((found > 0) & (found < 1)).all()
    for factor in (-1, 1e-30, -1e30):  # squares of these are beyond float32
        assert gap_over_rms(maps * factor).numpy() == pytest.approx(found.numpy(), rel=1e-5)
    assert gap_over_rms(maps.relu()).ge(found).float().mean() > 0.9, "cutting what cancels makes maps fuller"


def test_statistics_are_those_of_the_images(stack):
    network = stack(nn.Conv2d(3, 4, 3), nn.Dropout(0.9), nn.BatchNorm2d(4), channels=4)
    generator = torch.Generator().manual_seed(2)
    batches = [3 + 2 * torch.randn(count, 3, 6, 6, generator=generator, dtype=torch.float64) for count in (4, 4)]
    norm = network.body[2]
    assert estimate_statistics(network, batches, "net")
    convolved = [network.body[0](batch) for batch in batches]
    expected = torch.stack([maps.mean((0, 2, 3)) for maps in convolved]).mean(0)
    assert norm.running_mean.detach().numpy() == pytest.approx(expected.detach().numpy())
    assert not any(module.training for module in network.modules())
    assert norm.momentum == 0.1
    estimate_statistics(network, batches[:1], "net")
    maps = network.forward_features(batches[0])  # normalised by just these statistics, and not dropped
    assert maps.mean((0, 2, 3)).abs().max() < 1e-9
    assert maps.std((0, 2, 3)).detach().numpy() == pytest.approx(np.ones(4), abs=1e-4)
    assert not estimate_statistics(stack(nn.Conv2d(3, 4, 3), channels=4), batches, "net")


def test_noise_has_the_images_mean_and_deviation_and_nothing_else_of_them():
    images = torch.tensor([1.0, -2.0, 5.0])[None, :, None, None] + torch.linspace(-1, 1, 64).reshape(1, 1, 8, 8)
    images = images.expand(40, 3, 8, 8)
    noise = noise_like(images, 0)
    assert noise.mean((0, 2, 3)).numpy() == pytest.approx([1, -2, 5], abs=0.05)
    assert noise.std((0, 2, 3)).numpy() == pytest.approx([images[:, 0].std().item()] * 3, rel=0.05)
    assert torch.equal(noise, noise_like(images, 0))
    assert not torch.equal(noise, noise_like(images, 1))
    neighbours = torch.corrcoef(torch.stack([noise[..., :-1].flatten(), noise[..., 1:].flatten()]) - 1)
    colours = noise - noise.mean((0, 2, 3), keepdim=True)
    assert abs(torch.corrcoef(colours.transpose(0, 1).flatten(1))[0, 1]) < 0.05
    assert neighbours.isfinite().all()


@pytest.fixture(scope="module")
def measured(tiny_run, tmp_path_factory: pytest.TempPathFactory):
    """(experiment, paths, table) of the tiny run's ResNet with its weights of epochs 0, 1 and 2."""
    experiment, paths = tiny_run
    table = pd.read_csv(paths.analysis("initialization", "small-resnet") / "table.csv")
    return experiment, paths, table


def test_every_set_of_weights_has_rows_and_none_twice(measured):
    experiment, _, table = measured
    assert tuple(table.columns) == stage.COLUMNS
    seeds = experiment.analysis.initialization.seeds
    keys = table[["state", "weights_seed", "epoch"]].drop_duplicates().fillna(-1).values.tolist()
    random = [key for seed in range(seeds) for key in (["random", seed, -1 if seed else 0], ["created", seed, -1])]
    assert keys == [*random, ["along", 0, 1], ["finetuned", 0, 2]]
    assert len(table) == len(keys) * 2 * len(QUANTITIES)
    assert set(table["input"]) == {"images", "noise"}
    assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()
    assert (table["images"] == experiment.analysis.initialization.images).all()


def values(table: pd.DataFrame, state: str, kind: str = "images") -> list[float]:
    """The quantities of a state; of random weights those that the training began with."""
    rows = table[(table["state"] == state) & (table["input"] == kind)]
    return rows[rows["epoch"].notna()]["value"].tolist()


def by_hand(network: nn.Module, images: torch.Tensor) -> list[float]:
    """The quantities by plain NumPy, one channel at a time."""
    with torch.no_grad():
        maps = network.forward_features(images).numpy().astype(np.float64)  # type: ignore[operator]
    rows = []
    for channel in maps.reshape(-1, maps.shape[2] * maps.shape[3]):
        rms, peak = np.sqrt(np.mean(channel**2)), channel.max()
        areas = [100 * np.mean(channel > theta * peak) if peak > 0 else 0 for theta in (0.1, 0.2, 0.5)]
        rows.append((channel.mean(), abs(channel.mean()) / rms if rms else 0, *areas, 100 * (peak > 0)))
    return np.mean(rows, axis=0).tolist()


def test_trained_networks_are_measured_as_they_are_and_random_ones_with_statistics_of_the_images(measured):
    experiment, paths, table = measured
    index = spread_evenly(read_index(paths.index, "test"), experiment.analysis.initialization.images)
    pictures = ImageTable(index, paths.index, lambda image: warp(image, experiment.input))
    images = torch.stack([pictures[row][0] for row in range(len(index))])
    trained, card = load_network(paths.model("small-resnet"))
    assert values(table, "finetuned") == pytest.approx(by_hand(trained, images), rel=1e-4)
    for state, epoch in (("along", 1), ("random", 0)):
        network = create("resnet_narrow", len(card.classes))
        network.load_state_dict(load_file(snapshot_path(paths.model("small-resnet"), epoch)))
        if state == "random":  # all images in one batch: the statistics are those that training mode uses
            assert len(images) <= stage.BATCH
            network.train()
        else:
            network.eval()
        tolerance = 1e-4 if state == "along" else 0.02  # BatchNorm stores the unbiased variance
        assert values(table, state) == pytest.approx(by_hand(network, images), rel=tolerance), state
    assert values(table, "finetuned", "noise") != pytest.approx(values(table, "finetuned"), rel=1e-2)


def test_what_is_measured_follows_the_recipe_and_what_was_kept(tiny_run, tmp_path):
    experiment, paths = tiny_run
    card = load_network(paths.model("small-resnet"))[1]
    elsewhere = experiment.paths(tmp_path, paths.data)

    def planned(model=experiment.models[0], **recipe):
        changed = experiment.model_copy(update={"models": (model,)})
        kept = card.model_copy(update={"training": card.training.model_copy(update=recipe)})
        return [(one.state, one.epoch) for one in stage.plan(changed, "small-resnet", kept, elsewhere)]

    random = [("random", 0), ("random", None)]
    assert planned() == [*random, ("finetuned", 2)], "what was not kept is left out"
    assert planned(epochs=0) == random
    pretrained = experiment.models[0].model_copy(update={"weights": "timm"})
    assert planned(pretrained, snapshot_every=0) == [("random", None)] * 2 + [("start", 0), ("finetuned", 2)]
    assert planned(pretrained, epochs=0) == [("random", None)] * 2 + [("start", 0)]


def test_starting_weights_are_those_that_were_kept_and_else_fetched_again(tiny_run, tmp_path, monkeypatch):
    experiment, paths = tiny_run
    _, card = load_network(paths.model("small-resnet"))
    start = stage.Weights("start", 0, 0)
    monkeypatch.setattr(stage, "starting_network", lambda *_, **__: ("fetched", "where from"))
    kept = stage.network_with(start, experiment, "small-resnet", card, paths)
    expected = load_file(snapshot_path(paths.model("small-resnet"), 0))
    assert all(torch.equal(tensor, expected[key]) for key, tensor in kept.state_dict().items())
    elsewhere = experiment.paths(tmp_path, paths.data)
    assert stage.network_with(start, experiment, "small-resnet", card, elsewhere) == "fetched"


def test_weights_of_another_training_are_refused_and_lost_ones_named(tiny_run, tmp_path):
    import shutil

    experiment, paths = tiny_run
    copied = experiment.paths(tmp_path, paths.data)
    shutil.copytree(paths.model("small-resnet"), copied.model("small-resnet"))
    snapshot_path(copied.model("small-resnet"), 1).unlink()
    analyze(experiment, "initialization", "small-resnet", copied)
    folder = copied.analysis("initialization", "small-resnet")
    assert read_json(folder / "status.json")["epochs_without_weights"] == [1]
    assert "along" not in set(pd.read_csv(folder / "table.csv")["state"])
    shutil.copy(snapshot_path(copied.model("small-resnet"), 0), snapshot_path(copied.model("small-resnet"), 2))
    with pytest.raises(UserError, match="the folder is of another training"):
        analyze(experiment, "initialization", "small-resnet", copied)


def test_a_grid_of_one_cell_and_maps_without_numbers_do_not_apply(stack):
    images = torch.ones(1, 3, 8, 8, dtype=torch.float64)
    with pytest.raises(NotApplicable, match="a single cell"):
        stage.over_images(stack(nn.AdaptiveAvgPool2d(1), channels=3), iter([images]), "net")
    with pytest.raises(NotApplicable, match="'net': its feature maps hold NaN or infinity"):
        stage.over_images(stack(nn.Identity(), channels=3), iter([images * float("inf")]), "net")
