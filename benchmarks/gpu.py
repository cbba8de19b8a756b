"""On a GPU: large depthwise kernels, training steps and heatmaps, ours against torch's kernels and the authors' script.

Needs a CUDA device and says so where there is none. The same checks as on a CPU come first: large kernels, a whole
network and its gradients have to give what torch's own kernels give.
"""

import copy
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import nn

from benchmarks import heatmaps
from benchmarks.harness import alternate, ratio_rows
from benchmarks.large_kernel import by_fft, direct
from camagain.compute import channels_last, prepare
from camagain.config import Compute
from camagain.localization.forward import ready
from camagain.models import convert_state_dict, create, replace_large_kernels
from camagain.models.large_kernel.fourier import fourier_conv2d

IMAGES, ROUNDS = 16, 5
LAYERS = {  # of the published networks: channels, cells a side, kernels
    "RepLKNet-31B, stage 1 at 384 px": (128, 96, ((31, 31),)),
    "RepLKNet-31B, stage 2 at 384 px": (256, 48, ((29, 29),)),
    "RepLKNet-31B, stage 3 at 384 px": (512, 24, ((27, 27),)),
    "RepLKNet-31B, stage 4 at 384 px": (1024, 12, ((13, 13),)),
    "SLaK-T, stage 1 at 224 px": (124, 56, ((51, 5), (5, 51))),
    "SLaK-T, stage 3 at 224 px": (499, 14, ((47, 5), (5, 47))),
}
STEPS = {"replknet_31b": 384, "slak_tiny": 224, "convnext_base": 384, "resnet50": 224}
"""Networks and input sizes of the training steps."""

BATCH, CLASSES = 16, 200
HEATMAP_BATCH = 32
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def rows(peer: Path | None) -> Iterator[dict]:
    """Nothing without a CUDA device."""
    if not torch.cuda.is_available():
        print("gpu: no CUDA device here, nothing measured")
        return
    prepare(Compute(device="cuda"))  # single precision as in every job of ours, on both sides
    for case, layer in LAYERS.items():
        for precision in DTYPES:
            for training in (False, True):
                yield from measure_layer(case, layer, precision, training)
    for name, size in STEPS.items():
        for precision in DTYPES:
            yield from measure_step(name, size, precision)
    yield from measure_heatmaps(peer)


def measure_layer(case: str, layer: tuple, precision: str, training: bool) -> list[dict]:
    """One depthwise layer, several kernels being branches whose results are added."""
    channels, side, sizes = layer
    torch.manual_seed(0)
    plain = torch.randn(IMAGES, channels, side, side, device="cuda")
    kernels = [torch.randn(channels, 1, *size, device="cuda") / size[0] for size in sizes]
    expected = sum(direct(plain[:2].double(), kernel.double()) for kernel in kernels)
    found = sum(fourier_conv2d(plain[:2], kernel) for kernel in kernels)
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max(), f"{case}: wrong by more than 1e-5"
    dtype = DTYPES[precision]
    images, last = plain.to(dtype), plain.to(dtype, memory_format=torch.channels_last)
    methods = {
        "Fourier": (fourier_in(dtype), last),
        "nn.Conv2d, NCHW": (direct, images),
        "nn.Conv2d, channels-last": (direct, last),
    }
    if precision == "fp32":
        methods["torch.fft"] = (by_fft, images)
    calls = {
        name: synchronised(partial(pass_over, *method, kernels, dtype, training)) for name, method in methods.items()
    }
    seconds = alternate(calls, ROUNDS)
    direction = "forward+backward" if training else "forward"
    return ratio_rows("gpu", f"{case}, {precision}, {direction}, {IMAGES} images", seconds, "Fourier")


def fourier_in(dtype: torch.dtype) -> Callable:
    """Our convolution for inputs of a dtype, computed in float32."""
    return lambda images, kernel: fourier_conv2d(images.float(), kernel.float()).to(dtype)


def pass_over(method: Callable, images: torch.Tensor, kernels: list, dtype: torch.dtype, training: bool) -> None:
    """One forward pass, or one with gradients for images and kernels."""
    if not training:
        with torch.inference_mode():
            sum(method(images, kernel.to(dtype)) for kernel in kernels)
        return
    images, kernels = images.detach().requires_grad_(), [kernel.to(dtype).requires_grad_() for kernel in kernels]
    result = sum(method(images, kernel) for kernel in kernels)
    torch.autograd.grad(result, [images, *kernels], torch.ones_like(result))


def measure_step(name: str, size: int, precision: str) -> list[dict]:
    """One optimisation step of a full-size network; also says how many images a second that is."""
    torch.manual_seed(0)
    stock = create(name, CLASSES).cuda().train()
    images = torch.randn(BATCH, 3, size, size, device="cuda")
    labels = torch.randint(CLASSES, (BATCH,), device="cuda")
    last = images.contiguous(memory_format=torch.channels_last)
    ours, stock_last = replace_large_kernels(copy.deepcopy(stock)), copy.deepcopy(stock)
    channels_last(ours)
    channels_last(stock_last)
    half = precision == "bf16"
    calls = {
        "camagain": synchronised(step_of(ours, last, labels, half)),
        "nn.Conv2d, channels-last": synchronised(step_of(stock_last, last, labels, half)),
        "nn.Conv2d, NCHW": synchronised(step_of(stock, images, labels, half)),
    }
    torch.cuda.reset_peak_memory_stats()
    seconds = alternate(calls, 3)
    speed, memory = BATCH / median(seconds["camagain"]), torch.cuda.max_memory_allocated() / 2**30
    case = f"training step of {name}, {size} px, batch {BATCH}, {precision} ({speed:.0f} images/s, {memory:.1f} GiB)"
    del calls, ours, stock, stock_last
    torch.cuda.empty_cache()
    return ratio_rows("gpu", case, seconds, "camagain")


def step_of(network: nn.Module, images: torch.Tensor, labels: torch.Tensor, half: bool) -> Callable[[], None]:
    """A call that makes one step of AdamW."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-5, fused=True)

    def step() -> None:
        with torch.autocast("cuda", torch.bfloat16, enabled=half):
            logits = network(images)
        loss = nn.functional.cross_entropy(logits.float(), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def measure_heatmaps(peer: Path | None) -> list[dict]:
    """RepLKNet-31B, pixels to both heatmaps, against PC1 alone one image at a time as in the authors' script."""
    clone = peer / heatmaps.REPOSITORY if peer else None
    theirs: Any = heatmaps.published(clone, "utils.py") if clone else heatmaps.PlainLoop()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stock: Any = heatmaps.randomised(
            heatmaps.published_network(clone) if clone else create("replknet_31b", CLASSES)
        ).cuda()
    network = create("replknet_31b", CLASSES).eval()
    network.load_state_dict(convert_state_dict("replknet_31b", stock.state_dict()))
    ready(network, Compute(), torch.device("cuda"))
    module = SimpleNamespace(
        forward_features=stock.forward_features, head=stock.head if clone else stock.get_classifier()
    )
    images = torch.randn(HEATMAP_BATCH, 3, heatmaps.SIZE, heatmaps.SIZE, device="cuda")

    def one_picture() -> np.ndarray:
        index = stock(images[:1]).softmax(1).squeeze().sort(0, True)[1].cpu().numpy()[0]
        return heatmaps.heatmap(theirs, "pc1", images[:1], index, SimpleNamespace(module=module))

    @torch.inference_mode()
    def ours() -> dict[str, np.ndarray]:
        return heatmaps.heatmaps(network, images)

    name = heatmaps.REPOSITORY.replace("+", "/") if clone else "plain loop"
    with patch.object(theirs, "PCA", heatmaps.ExactPCA):
        expected = heatmaps.normalise(heatmaps.upsample(one_picture(), heatmaps.SIZE))
    difference = float(np.abs(ours()["pc1"][0] - expected).max())
    seconds = alternate({"camagain": synchronised(ours), name: synchronised(one_picture)}, 3)
    case = f"RepLKNet-31B, {heatmaps.SIZE} px, pixels to heatmap, difference {difference:.1e}"
    return ratio_rows("gpu", case, seconds, "camagain", {"camagain": HEATMAP_BATCH})


def synchronised(call: Callable[[], object]) -> Callable[[], None]:
    """The call, and then a wait for the GPU."""

    def run() -> None:
        call()
        torch.cuda.synchronize()

    return run
