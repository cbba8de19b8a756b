"""Optimisers, parameter groups and learning rates: by hand, and for every optimiser that timm has."""

import io

import numpy as np
import pytest
import torch
from torch import nn

from camagain.config import Training
from camagain.errors import UserError
from camagain.models.zoo import create
from camagain.training.optimisation import make_optimizer, make_schedule, parameter_groups


def recipe(**values) -> Training:
    return Training(**{"epochs": 10, "learning_rate": 1e-3, "weight_decay": 0.1, **values})


def test_parameter_groups_by_hand():
    network = create("resnet_narrow", 4)
    found = parameter_groups(network, recipe(head_learning_rate=1e-2))
    groups = {(group["lr_scale"], group["weight_decay"]): group["params"] for group in found}
    assert set(groups) == {(1.0, 0.1), (1.0, 0.0), (10.0, 0.1), (10.0, 0.0)}
    assert [tuple(parameter.shape) for parameter in groups[10.0, 0.1]] == [(4, 128)]
    assert [tuple(parameter.shape) for parameter in groups[10.0, 0.0]] == [(4,)]
    assert sum(len(parameters) for parameters in groups.values()) == len(list(network.parameters()))


def test_other_layers_can_learn_at_the_rate_of_the_classifier():
    network = create("resnet_narrow", 4)
    found = parameter_groups(network, recipe(head_learning_rate=1e-2, head_layers=("layer4",), decay_all=True))
    scale = {id(parameter): group["lr_scale"] for group in found for parameter in group["params"]}
    for name, parameter in network.named_parameters():
        assert scale[id(parameter)] == (10 if name.startswith(("layer4.", "fc.")) else 1), name
    assert {group["weight_decay"] for group in found} == {0.1}


@pytest.mark.parametrize("name", ["layer5", "layer4.0.act1", ""])
def test_a_layer_that_is_not_there_is_named(name: str):
    with pytest.raises(UserError, match=r"a ResNet has no layer '.*' with weights.* bn1, conv1, fc, layer1"):
        parameter_groups(create("resnet_narrow", 4), recipe(head_layers=(name,)))


def test_layer_decay_by_hand():
    network = create("resnet_narrow", 4)
    found = parameter_groups(network, recipe(layer_decay=0.5, head_learning_rate=3e-3))
    scale = {id(parameter): group["lr_scale"] for group in found for parameter in group["params"]}
    assert len(scale) == len(list(network.parameters()))
    stages = {"layer1": 1 / 16, "layer2": 1 / 8, "layer3": 1 / 4, "layer4": 1 / 2}  # one block each
    by_hand = {"conv1": 1 / 32, "bn1": 1 / 32, **stages, "fc": 3}
    for name, parameter in network.named_parameters():
        assert scale[id(parameter)] == pytest.approx(by_hand[name.split(".")[0]]), name


def test_layer_decay_needs_to_know_the_layers():
    class Unordered(nn.Linear):
        def get_classifier(self):
            return self

    with pytest.raises(UserError, match=r"layer_decay is 0\.7, but a Unordered does not say .* group_matcher"):
        parameter_groups(Unordered(2, 2), recipe(layer_decay=0.7))


def test_every_group_warms_up_from_a_hundredth_of_its_own_peak_and_follows_half_a_cosine():
    settings = recipe(learning_rate=1.0, head_learning_rate=10.0, layer_decay=0.5, warmup_epochs=1)
    optimizer = make_optimizer(create("resnet_narrow", 4), settings)
    schedule = make_schedule(optimizer, settings, steps_per_epoch=10)
    peaks = np.array([group["lr_scale"] for group in optimizer.param_groups])
    assert {1 / 32, 10.0} <= set(peaks)
    rates = []
    for step in range(100):
        schedule.step_update(step)
        rates.append([group["lr"] for group in optimizer.param_groups])
    shares = np.array(rates) / peaks  # (step, group)
    assert np.allclose(shares, shares[:, :1])
    assert shares[0] == pytest.approx(0.01)
    assert shares[5] == pytest.approx(0.01 + 0.99 * 5 / 10)
    assert shares[50] == pytest.approx(0.5)
    assert shares[75] == pytest.approx(0.5 * (1 + np.cos(np.pi * 0.75)))
    assert (shares[99] < 1e-3).all()


def test_steps_divide_every_rate_by_ten():
    settings = recipe(learning_rate=1.0, head_learning_rate=10.0, step_epochs=3, warmup_epochs=0.2)
    optimizer = make_optimizer(create("resnet_narrow", 4), settings)
    schedule, rates = make_schedule(optimizer, settings, steps_per_epoch=10), []
    for step in range(100):
        schedule.step_update(step)
        rates.append([group["lr"] / group["lr_scale"] for group in optimizer.param_groups])
    expected = [0.01, 0.505, *[1.0] * 28, *[0.1] * 30, *[0.01] * 30, *[0.001] * 10]
    np.testing.assert_allclose(rates, np.repeat(np.array(expected)[:, None], len(rates[0]), axis=1))


def test_a_fraction_of_an_epoch_warms_up():
    settings = recipe(learning_rate=1.0, warmup_epochs=0.25)
    optimizer = make_optimizer(create("resnet_narrow", 4), settings)
    schedule, rates = make_schedule(optimizer, settings, steps_per_epoch=10), []
    for step in range(3):
        schedule.step_update(step)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.01, 0.505, 0.5 * (1 + np.cos(np.pi * 0.02))])


def usable() -> list[str]:
    """Without those that need a GPU and packages of their own, one that needs second derivatives, and kron.

    kron passes, too, but has torch compile it first: a minute.
    """
    from timm.optim import list_optimizers

    left_out = ("bnb", "fused", "adahessian", "kron")
    return [*(name for name in list_optimizers() if not name.startswith(left_out)), "lookahead_adamw"]


@pytest.mark.parametrize("name", usable())
@pytest.mark.filterwarnings("ignore")
def test_every_optimiser_trains_and_goes_on_from_its_state_as_if_nothing_had_happened(name: str):
    class Small(nn.Sequential):
        def __init__(self) -> None:
            super().__init__(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))

        def get_classifier(self) -> nn.Module:
            return self[-1]

    def train(interrupted: bool) -> torch.Tensor:
        torch.manual_seed(0)
        network = Small()
        optimizer = make_optimizer(network, recipe(optimizer=name))
        for step in range(6):
            if interrupted and step == 3:
                file = io.BytesIO()
                torch.save([network.state_dict(), optimizer.state_dict()], file)
                file.seek(0)
                weights, state = torch.load(file, weights_only=True)
                network = Small()
                network.load_state_dict(weights)
                optimizer = make_optimizer(network, recipe(optimizer=name))
                optimizer.load_state_dict(state)
            torch.manual_seed(step)
            loss = network(torch.rand(2, 3, 8, 8)).square().sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])

    whole = train(False)
    assert torch.isfinite(whole).all()
    assert torch.equal(train(True), whole)


def test_an_optimiser_that_cannot_be_had_is_refused_in_a_sentence():
    network = create("resnet_narrow", 4)
    with pytest.raises(UserError, match=r"timm has no 'adamww'. Did you mean 'adamw'\?"):
        make_optimizer(network, recipe(optimizer="adamww"))
    with pytest.raises(UserError, match="'adahessian' needs second derivatives"):
        make_optimizer(network, recipe(optimizer="adahessian"))
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match=r"'fusedadam' cannot be used here \(.*CUDA"):
            make_optimizer(network, recipe(optimizer="fusedadam"))
