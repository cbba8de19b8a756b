"""A linear classifier fitted to given features: multinomial logistic regression, to convergence.

Axes: N images, C features, K classes.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize

LARGEST_GRADIENT = 1e-7
"""The fit ends when no entry of the gradient is larger; at weight decay 1e-3 each weight is then right to 1e-4."""

ITERATIONS = 10_000
"""Most iterations: a hundred times what the fits of narrow networks take."""


@dataclass(frozen=True)
class LinearFit:
    """A classifier, and how far the fit came."""

    weight: torch.Tensor  # (K, C) float32
    bias: torch.Tensor  # (K,) float32
    iterations: int
    gradient: float  # largest absolute entry at the end

    @property
    def converged(self) -> bool:
        return self.gradient <= LARGEST_GRADIENT


def fit_classifier(features: torch.Tensor, labels: torch.Tensor, classes: int, weight_decay: float) -> LinearFit:
    """The classifier with the least penalised loss on all images at once, (N, C) and (N,) -> weights (K, C), (K,).

    Minimises mean cross-entropy + weight_decay / 2 * sum of squared weights, by L-BFGS in float64 from zeros. With a
    penalty there is one minimum, so neither start, nor order of images, nor a seed matters. Features are centred, which
    the unpenalised bias undoes, and divided by one number, their root mean square deviation over images and channels:
    features of another scale, such as those of another pooling, are penalised alike, while channels keep their sizes
    relative to each other. (Standardised one by one, channels that hardly vary would get huge weights.) The classifier
    returned is for features as they were given. Where they do not vary at all its weights are zero.
    """
    given = features.double().cpu()
    centre = given.mean(0)  # (C,)
    scale = (given - centre).square().mean().sqrt().item() or 1.0
    scaled = (given - centre) / scale  # (N, C)
    target = torch.nn.functional.one_hot(labels.cpu(), classes).double()  # (N, K)

    def loss_and_gradient(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        matrix = torch.from_numpy(parameters).view(classes, -1)  # (K, C + 1), the bias last
        weight, bias = matrix[:, :-1], matrix[:, -1]
        log_share = (scaled @ weight.T + bias).log_softmax(1)  # (N, K)
        loss = weight_decay / 2 * weight.square().sum() - (log_share * target).sum() / len(scaled)
        excess = (log_share.exp() - target) / len(scaled)  # (N, K)
        gradient = torch.cat([excess.T @ scaled + weight_decay * weight, excess.sum(0)[:, None]], 1)  # (K, C + 1)
        return loss.item(), gradient.flatten().numpy()

    options = {"maxiter": ITERATIONS, "maxfun": 2 * ITERATIONS, "ftol": 0, "gtol": LARGEST_GRADIENT, "maxcor": 20}
    start = np.zeros(classes * (given.shape[1] + 1))
    found = minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", options=options)
    matrix = torch.from_numpy(found.x).view(classes, -1)  # (K, C + 1)
    weight = matrix[:, :-1] / scale
    bias = matrix[:, -1] - weight @ centre
    return LinearFit(weight.float(), bias.float(), int(found.nit), float(np.abs(found.jac).max()))
