"""One optimisation step of small RepLKNets and SLaKs: fast large kernels against torch's own, and the loss of each."""

import copy
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from torch import nn

from benchmarks.harness import alternate, ratio_rows
from camagain.models import create, replace_large_kernels

IMAGES, CLASSES, ROUNDS = 32, 8, 3
WARM = 2  # images of the step that is not counted
SMALL = {"depths": [2, 2, 4, 2], "strides": [2, 2, 2]}
CASES = {
    "replknet_narrow, 96 px": ("replknet_narrow", 96, {}),
    "slak_narrow, 96 px": ("slak_narrow", 96, {}),
    "RepLKNet 32-64-128-256, stride 32, 96 px": ("replknet_narrow", 96, {"widths": [32, 64, 128, 256], **SMALL}),
    "SLaK 32-64-128-256, stride 32, 96 px": ("slak_narrow", 96, {"dims": [32, 64, 128, 256], **SMALL}),
}


def rows(peer: Path | None) -> Iterator[dict]:
    """Steps of AdamW at batch 32 in float32; torch's own in NCHW, as the authors' modules run, and in channels-last."""
    del peer  # the authors' modules are made of the same nn.Conv2d layers as ours
    for case, (name, size, options) in CASES.items():
        torch.manual_seed(0)
        stock = create(name, CLASSES, **options).train()
        images, labels = torch.randn(IMAGES, 3, size, size), torch.randint(CLASSES, (IMAGES,))
        last = images.to(memory_format=torch.channels_last)
        ours = replace_large_kernels(copy.deepcopy(stock)).to(memory_format=torch.channels_last)
        theirs_last = copy.deepcopy(stock).to(memory_format=torch.channels_last)
        sides = {
            "camagain": (ours, last),
            "nn.Conv2d, NCHW": (stock, images),
            "nn.Conv2d, channels-last": (theirs_last, last),
        }
        for network, inputs in sides.values():
            step_of(network, inputs[:WARM], labels[:WARM])()  # what each finds out or compiles once
        calls = {name: step_of(network, inputs, labels) for name, (network, inputs) in sides.items()}
        seconds = alternate(calls, ROUNDS, warm=True)
        yield from ratio_rows("training_step", f"{case}, batch {IMAGES}", seconds, "camagain")


def step_of(network: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> partial:
    """A call that makes one optimisation step."""
    return partial(step, network, torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True), images, labels)


def step(network: nn.Module, optimizer: torch.optim.Optimizer, images: torch.Tensor, labels: torch.Tensor) -> None:
    """Forward pass, gradients, and new weights."""
    loss = nn.functional.cross_entropy(network(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
