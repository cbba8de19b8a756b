"""Every published size on a CPU: a forward pass at 384 px and one step of training, batch 1. Minutes and gigabytes."""

import resource
import sys

import pytest
import torch

from camagain.models import create, replace_large_kernels
from camagain.models.zoo import feature_maps

CHANNELS = {
    "replknet_31b": 1024,
    "replknet_31l": 1536,
    "replknet_xl": 2048,
    "slak_tiny": 998,
    "slak_small": 998,
    "slak_base": 1331,
    "convnext_base_cam": 1024,
}
MEMORY_GB = 20


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANNELS)
def test_a_full_size_network_runs_and_learns_on_a_cpu(name: str):
    torch.manual_seed(0)
    network = create(name, 200)
    replace_large_kernels(network)
    image, label = torch.randn(1, 3, 384, 384), torch.tensor([3])
    with torch.inference_mode():
        assert feature_maps(network.eval(), image, name).shape == (1, CHANNELS[name], 12, 12)
    before = network.get_classifier().weight.detach().clone()
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    loss = torch.nn.functional.cross_entropy(network(image), label)
    loss.backward()
    optimizer.step()
    assert torch.isfinite(loss)
    gradients = [parameter.grad for parameter in network.parameters()]
    assert all(gradient is not None and torch.isfinite(gradient).all() for gradient in gradients)
    assert not torch.equal(network.get_classifier().weight, before)
    unit = 2**30 if sys.platform == "darwin" else 2**20  # bytes there, kilobytes on Linux
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    assert peak < MEMORY_GB, f"{name}: {peak:.1f} GB at its peak"
