"""On a GPU: the same numbers as on a CPU, and the same bits twice. Skipped where there is none."""

import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d

from camagain.analysis.erf.contribution import contribution_map
from camagain.analysis.kit.run import analyze
from camagain.artifacts import sha256
from camagain.compute import prepare
from camagain.config import Compute
from camagain.config.file import parse_experiment
from camagain.datasets.prepare import prepare_dataset
from camagain.evaluation.evaluate import evaluate_model
from camagain.localization import cam, pc1
from camagain.localization.extract import localize
from camagain.models import create, merge, replace_large_kernels
from camagain.models.large_kernel.fourier import fourier_conv2d
from camagain.models.large_kernel.strided import STRIDED
from camagain.training.finetune import finetune

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

NARROW = ("resnet_narrow", "convnext_narrow", "replknet_narrow", "slak_narrow")


@pytest.fixture(autouse=True)
def as_a_job() -> None:
    """Precision and determinism as every job sets them."""
    prepare(Compute(device="cuda"))


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference, relative to the largest value."""
    return float((found.cpu().double() - expected.cpu().double()).abs().max() / expected.abs().max())


@pytest.mark.parametrize(("kernel", "side"), [((31, 31), 48), ((51, 5), 28), ((5, 51), 28), ((13, 13), 12)])
def test_the_fourier_route_is_exact_with_its_gradients(kernel, side):
    images = torch.randn(2, 8, side, side, device="cuda", dtype=torch.float64, requires_grad=True)
    weight = torch.randn(8, 1, *kernel, device="cuda", dtype=torch.float64, requires_grad=True)
    expected = conv2d(images, weight, padding=(kernel[0] // 2, kernel[1] // 2), groups=8)
    found = fourier_conv2d(images, weight)
    assert relative(found, expected) < 1e-12
    towards = torch.randn_like(expected)
    for ours, theirs in zip(
        torch.autograd.grad(found, [images, weight], towards),
        torch.autograd.grad(expected, [images, weight], towards),
        strict=True,
    ):
        assert relative(ours, theirs) < 1e-12


@pytest.mark.parametrize(("kernel", "side"), [(31, 48), (31, 96), (13, 12)])
def test_every_route_of_the_layer_gives_what_torch_gives_in_either_layout(kernel, side):
    torch.manual_seed(0)
    stock = torch.nn.Conv2d(4, 4, kernel, padding=kernel // 2, groups=4).cuda()
    ours = replace_large_kernels(torch.nn.Sequential(copy.deepcopy(stock)))
    images = torch.randn(2, 4, side, side, device="cuda")
    last = images.contiguous(memory_format=torch.channels_last)
    for gradients in (True, False):
        with torch.set_grad_enabled(gradients):
            expected = stock(images)
            assert relative(ours(images).detach(), expected.detach()) < 1e-5
            found = ours(last)
            assert relative(found.detach(), expected.detach()) < 1e-5
            assert found.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kind", list(STRIDED))
@pytest.mark.parametrize("kernel", [15, 31])
def test_a_large_kernel_with_a_stride_gives_what_torch_gives_in_either_layout(kind, kernel):
    torch.manual_seed(0)
    padding = {"padding": kernel // 2} if kind is nn.Conv2d else {}  # the other pads by itself
    plain = kind(6, 6, kernel, stride=2, groups=6, **padding).cuda()
    ours = replace_large_kernels(nn.Sequential(copy.deepcopy(plain)))[0]
    assert type(ours) is not kind
    images = torch.randn(4, 6, 40, 40, device="cuda")
    for layout in (torch.contiguous_format, torch.channels_last):
        results = []
        for layer in (plain, ours):
            x = images.to(memory_format=layout).requires_grad_()
            y = layer(x)
            results.append((y, *torch.autograd.grad(y.square().sum(), [x, layer.weight])))
        for found, expected in zip(*reversed(results), strict=True):
            assert relative(found.detach(), expected.detach()) < 1e-5
        with torch.no_grad():
            x = images.to(memory_format=layout)
            assert relative(ours(x), plain(x)) < 1e-5


def test_under_autocast_a_large_kernel_gives_what_torch_gives():
    torch.manual_seed(0)
    stock = torch.nn.Conv2d(8, 8, 31, padding=15, groups=8).cuda()
    ours = replace_large_kernels(torch.nn.Sequential(copy.deepcopy(stock)))
    images = torch.randn(2, 8, 24, 24, device="cuda")
    with torch.autocast("cuda", torch.bfloat16):
        found, expected = ours(images), stock(images)
    assert found.dtype == expected.dtype == torch.bfloat16
    assert relative(found, expected) < 2e-2


@pytest.mark.parametrize("name", NARROW)
def test_networks_say_the_same_on_both_devices(name):
    torch.manual_seed(0)
    network = create(name, 8).eval()
    images = torch.randn(4, 3, 96, 96)
    with torch.inference_mode():
        expected = network(images)
        on_gpu = replace_large_kernels(copy.deepcopy(network)).cuda()
        assert relative(on_gpu(images.cuda()), expected) < 1e-4
        assert relative(merge(on_gpu)(images.cuda()), expected) < 1e-4


@pytest.mark.parametrize("variant", ["published", "described"])
def test_score_maps_are_the_same_on_both_devices(variant):
    torch.manual_seed(0)
    patterns = torch.einsum("bkhw,ck->bchw", torch.randn(4, 3, 12, 12), torch.randn(64, 3))
    features, weights = patterns + 0.3 * torch.randn(4, 64, 12, 12), torch.randn(4, 64)
    for method in (cam, pc1):
        assert relative(method(features.cuda(), weights.cuda(), variant), method(features, weights, variant)) < 1e-4


def test_receptive_fields_are_the_same_on_both_devices():
    torch.manual_seed(0)
    network = create("convnext_narrow", 8).eval()
    images = torch.randn(2, 3, 96, 96)
    expected = contribution_map(network, images)
    assert np.abs(contribution_map(network.cuda(), images) - expected).max() < 1e-4 * expected.max()


@pytest.fixture(scope="module")
def on_gpu(tiny_values: dict, tmp_path_factory: pytest.TempPathFactory):
    """The tiny experiment on the GPU with one model of each large-kernel family, dataset made."""
    models = [{"name": name, "architecture": name} for name in NARROW]
    experiment = parse_experiment({**tiny_values, "models": models, "analysis": {}, "compute": {"device": "cuda"}}, "t")
    folder = tmp_path_factory.mktemp("gpu")
    paths = experiment.paths(folder / "results", folder / "data")
    prepare_dataset(experiment.dataset, paths.dataset_dir)
    return experiment, paths


@pytest.mark.parametrize("name", NARROW)
def test_a_training_gives_the_same_bits_twice_and_its_maps_agree_with_a_cpu(on_gpu, name, tmp_path: Path):
    experiment, paths = on_gpu
    finetune(experiment, name, paths)
    again = experiment.paths(tmp_path / "again", paths.data)
    finetune(experiment, name, again)
    weights = [sha256(p.model(name) / "model.safetensors") for p in (paths, again)]
    assert weights[0] == weights[1], f"{name}: two trainings differ"

    localize(experiment, name, paths)
    evaluate_model(experiment, name, paths)
    on_cpu = experiment.model_copy(update={"compute": experiment.compute.model_copy(update={"device": "cpu"})})
    localize(on_cpu, name, again)
    with (
        np.load(paths.localization(name) / "maps.npz") as gpu,
        np.load(again.localization(name) / "maps.npz") as cpu,
    ):
        assert np.abs(gpu["cam"] - cpu["cam"]).max() < 1e-3
        assert np.abs(gpu["pc1.described"] - cpu["pc1.described"]).max() < 1e-2


@pytest.mark.parametrize("name", ["erf", "initialization", "remedies", "texture", "interventions"])
def test_every_analysis_that_runs_a_network_does_so_on_a_gpu(on_gpu, name):
    experiment, paths = on_gpu
    settings = experiment.analysis.interventions.model_copy(update={"epochs": 1})
    analysis = experiment.analysis.model_copy(update={"interventions": settings})
    experiment = experiment.model_copy(update={"analysis": analysis})
    if not paths.localization("convnext_narrow").exists():
        finetune(experiment, "convnext_narrow", paths)
        localize(experiment, "convnext_narrow", paths)
    for change in ("K13-seed0", "shrunk") if name == "interventions" else ("",):
        analyze(experiment, name, "convnext_narrow", paths, change)
        assert len(pd.read_csv(paths.analysis(name, "convnext_narrow") / change / "table.csv"))
