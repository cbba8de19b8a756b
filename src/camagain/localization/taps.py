"""Where score maps are taken: before the norm that stands between the last stage and the classifier, or after it."""

import torch
from torch import nn

from camagain.errors import UserError
from camagain.models.pooling import Pool, pool_of
from camagain.models.zoo import Network, class_scores, linear_head

PROBE = (2, 3, 5)
"""Images, rows and columns of the random features on which a candidate is tried."""

TOLERANCE = 1e-3
"""Largest relative error of a decomposition that still counts as exact; a wrong norm is off by tenths."""


def final_norm(network: Network, name: str = "network") -> nn.Module | None:
    """The norm between a network's last feature maps and its classifier; None where there is none.

    It is found by trial: the first of no norm, `network.norm` and `network.head.norm` after which the mean of the maps
    (the thresholded mean where the network pools that way), weighed by the classifier, gives the class scores of random
    features. UserError where none does.
    """
    candidates = [None, getattr(network, "norm", None), getattr(getattr(network, "head", None), "norm", None)]
    head = linear_head(network, name)
    weight, bias = head.weight.float().cpu(), head.bias.float().cpu()
    images, *cells = PROBE
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(images, weight.shape[1], *cells, generator=generator).to(head.weight.device)  # (B, C, h, w)
    was_training = network.training
    network.eval()
    with torch.no_grad():
        scores = class_scores(network, features).cpu()  # (B, K)
        for i, norm in enumerate(candidates):
            if i and norm is None:
                continue
            composed = pooled(norm, features, pool_of(network)).cpu() @ weight.T + bias
            if (composed - scores).abs().max() <= TOLERANCE * scores.abs().max():
                network.train(was_training)
                return norm
    raise UserError(
        f"'{name}': more than one norm stands between its feature maps and its classifier, so that no map taken there "
        "adds up to the class score. Use `tap: before-norm`, or another architecture."
    )


def after_norm(norm: nn.Module | None, features: torch.Tensor) -> torch.Tensor:
    """Feature maps whose mean is the classifier's input where it pools by the mean, (B, C, h, w) -> same.

    A BatchNorm is applied to the maps as it is. A LayerNorm that the network applies to the mean over cells is, for one
    image, linear in the maps once the deviation of that mean is known: every cell is centred over channels and divided
    by that one deviation. Ours; the paper's code takes its maps before the norm.
    """
    if norm is None:
        return features
    if not isinstance(norm, nn.LayerNorm):
        return norm(features)
    pooled = features.mean((2, 3))  # (B, C)
    deviation = (pooled.var(1, correction=0) + norm.eps).sqrt()[:, None, None, None]  # (B, 1, 1, 1)
    centred = (features - features.mean(1, keepdim=True)) / deviation  # (B, C, h, w)
    scale, shift = norm.weight[:, None, None], norm.bias[:, None, None]  # (C, 1, 1)
    return centred * scale + shift


def pooled(norm: nn.Module | None, features: torch.Tensor, pool: Pool) -> torch.Tensor:
    """The classifier's input if maps are pooled by `pool` and nothing else changes, (B, C, h, w) -> (B, C).

    A LayerNorm is applied to pooled features, a BatchNorm to the maps before, each where the network has it. With the
    plain mean these are the means of `after_norm`.
    """
    if isinstance(norm, nn.LayerNorm):
        return nn.functional.layer_norm(pool(features), norm.normalized_shape, norm.weight, norm.bias, norm.eps)
    return pool(features if norm is None else norm(features))
