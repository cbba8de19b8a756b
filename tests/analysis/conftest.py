"""Shared by the tests of the analyses: small networks of given layers, and one thread."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn


class Stack(nn.Module):
    """Layers and a linear classifier, as timm's networks offer them; keeps the size of every input in `seen`."""

    def __init__(self, *layers: nn.Module, channels: int) -> None:
        super().__init__()
        self.body, self.fc = nn.Sequential(*layers), nn.Linear(channels, 2)
        self.seen: list[tuple[int, int]] = []

    def get_classifier(self) -> nn.Module:
        return self.fc

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append((images.shape[2], images.shape[3]))
        return self.body(images)


@pytest.fixture(scope="session")
def stack() -> Callable[..., Stack]:
    """(*layers, channels) -> a network in eval mode and double precision."""

    def make(*layers: nn.Module, channels: int) -> Stack:
        return Stack(*layers, channels=channels).double().eval()

    return make


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Small tensors are several times as fast on one thread of a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
