"""The fitted classifier is the minimum, by other routes than the fit itself."""

import pytest
import torch

from camagain.analysis.remedies.linear_fit import fit_classifier

DECAY = 1e-2


@pytest.fixture(scope="module")
def sample() -> tuple[torch.Tensor, torch.Tensor]:
    """90 images of 3 classes, 6 features of unequal size that overlap."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(90) % 3
    centres = torch.randn(3, 6, generator=generator)
    features = centres[labels] + torch.randn(90, 6, generator=generator)
    return features * torch.tensor([1, 5, 0.2, 1, 1, 3]) + 4, labels


def penalised(weight: torch.Tensor, bias: torch.Tensor, features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The loss as documented, of a classifier of the features as given."""
    deviation = (features - features.mean(0)).square().mean().sqrt()
    loss = torch.nn.functional.cross_entropy(features @ weight.T + bias, labels)
    return loss + DECAY / 2 * (weight * deviation).square().sum()


def test_the_gradient_of_the_documented_loss_vanishes(sample):
    features, labels = sample[0].double(), sample[1]
    fit = fit_classifier(*sample, 3, DECAY)
    assert fit.converged and 5 < fit.iterations < 500
    weight, bias = fit.weight.double().requires_grad_(), fit.bias.double().requires_grad_()
    gradients = torch.autograd.grad(penalised(weight, bias, features, labels), (weight, bias))
    start = torch.zeros_like(weight).requires_grad_()
    (at_start,) = torch.autograd.grad(penalised(start, bias, features, labels), start)
    assert max(gradient.abs().max() for gradient in gradients) < 1e-5 * at_start.abs().max()


def test_scikit_learn_finds_the_same(sample):
    linear_model = pytest.importorskip("sklearn.linear_model", reason="compares with scikit-learn")
    features, labels = sample[0].double(), sample[1]
    centred = features - features.mean(0)
    scale = centred.square().mean().sqrt()
    other = linear_model.LogisticRegression(C=1 / (len(features) * DECAY), tol=1e-9, max_iter=10_000)
    other.fit((centred / scale).numpy(), labels.numpy())
    fit = fit_classifier(*sample, 3, DECAY)
    torch.testing.assert_close(fit.weight.double() * scale, torch.from_numpy(other.coef_), atol=1e-4, rtol=1e-4)
    ours, theirs = (features.float() @ fit.weight.T + fit.bias).softmax(1), other.predict_proba(centred / scale)
    torch.testing.assert_close(ours.double(), torch.from_numpy(theirs), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(("factor", "shift"), [(100.0, 0.0), (0.01, 0.0), (1.0, 50.0)])
def test_neither_scale_nor_offset_of_the_features_matters(sample, factor: float, shift: float):
    features, labels = sample
    moved = features * factor + shift
    first, second = fit_classifier(features, labels, 3, DECAY), fit_classifier(moved, labels, 3, DECAY)
    torch.testing.assert_close(second.weight * factor, first.weight, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(
        moved @ second.weight.T + second.bias, features @ first.weight.T + first.bias, atol=1e-3, rtol=1e-3
    )


def test_the_order_of_images_does_not_matter(sample):
    features, labels = sample
    order = torch.randperm(90, generator=torch.Generator().manual_seed(1))
    first, second = (fit_classifier(features[rows], labels[rows], 3, DECAY) for rows in (torch.arange(90), order))
    torch.testing.assert_close(second.weight, first.weight, atol=1e-5, rtol=1e-4)


def test_more_weight_decay_gives_smaller_weights(sample):
    norms = [fit_classifier(*sample, 3, decay).weight.norm() for decay in (1e-4, 1e-2, 1.0)]
    assert norms[0] > norms[1] > norms[2] > 0


def test_features_that_never_vary_leave_the_classes_shares():
    fit = fit_classifier(torch.full((8, 4), 3.0), torch.tensor([0, 0, 0, 0, 0, 0, 1, 1]), 2, DECAY)
    assert not fit.weight.any()
    torch.testing.assert_close(fit.bias.softmax(0), torch.tensor([0.75, 0.25]), atol=1e-5, rtol=0)


def test_a_class_without_images_is_never_predicted(sample):
    features, labels = sample
    fit = fit_classifier(features, labels, 4, DECAY)
    assert fit.weight.shape == (4, 6)
    assert (features @ fit.weight.T + fit.bias).argmax(1).max() < 3
