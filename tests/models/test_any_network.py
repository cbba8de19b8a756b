"""Any network of timm has class activation maps that add up to its class scores, or is refused before it is trained."""

import json
from dataclasses import dataclass, field, replace

import pytest
import torch
from torch import nn

from camagain.config.file import parse_experiment
from camagain.errors import NotApplicable, UserError
from camagain.localization.extract import localize
from camagain.localization.taps import after_norm
from camagain.models.decomposition import check_class_maps, check_scores, final_norm
from camagain.models.heads import affine, whole_classifier
from camagain.models.zoo import Network, class_scores, create, feature_maps, linear_head
from camagain.own.network import own_network
from camagain.training.finetune import finetune


@dataclass(frozen=True)
class Case:
    """An architecture, and the words of its refusal; without any it is to be exact."""

    name: str
    says: str = ""
    options: dict = field(default_factory=dict)
    size: int | None = None  # of images; None is that of timm's weights

    def __str__(self) -> str:
        return "-".join([self.name, *self.options])


GAP = {"gap_head": True}
BETWEEN = r"stands? between .* `gap_head: true`"
SWIN = {"depths": (1, 1), "num_heads": (1, 1), "embed_dim": 8, "img_size": 56}

SMALL = [
    Case("resnet_narrow", size=64),
    Case("convnext_atto", size=64),  # a LayerNorm behind the mean
    Case("poolformerv2_s12", size=64),  # one without a bias
    Case("shvit_s1", size=64),  # a BatchNorm behind the mean
    Case("efficientvit_m0"),  # the same
    Case("repvit_m0_9", size=64),  # the mean of two such classifiers
    Case("dla46_c", size=64),  # a 1 x 1 convolution
    Case("mobilenetv3_small_050", r"`conv_head` \(Conv2d\) and `act2` \(Hardswish\) " + BETWEEN, size=64),
    Case("mobilenetv3_small_050", options=GAP, size=64),
    Case("mobilenetv4_conv_small_035", r"`conv_head` .*`norm_head` .*" + BETWEEN, size=64),
    Case("mobilenetv4_conv_small_035", options=GAP, size=64),
    Case("ghostnet_050", BETWEEN, size=64),
    Case("ghostnet_050", options=GAP, size=64),
    Case("vgg11", r"`pre_logits` \(ConvMlp\) " + BETWEEN, {"mlp_ratio": 0.001}, 32),
    Case("vgg11", options={"mlp_ratio": 0.001, **GAP}, size=64),
    Case("hgnetv2_b0", r"`head.last_conv` \(Sequential\) " + BETWEEN, size=64),
    Case("hgnetv2_b0", options=GAP, size=64),
    Case("inception_next_atto", BETWEEN, size=64),
    Case("inception_next_atto", options=GAP, size=64),
    Case("convnext_atto", options=GAP, size=64),
    Case("test_vit", "expected maps .* Choose a convolutional network"),
    Case("swin_tiny_patch4_window7_224", "channels last", SWIN, 56),
    Case("test_mambaout", "channels last"),
    Case("caformer_s18", r"classifier .MlpHead. is not linear .* `gap_head: true`", size=64),
    Case("efficientformerv2_s0", "it has 2 classifiers"),
    Case("resnet_narrow", "pools its 128 feature maps to 256 values .catavgmax.", {"global_pool": "catavgmax"}, 64),
]
"""The smallest of each kind; `make soak` tries some sixty of their full size."""


def made(case: Case) -> tuple[Network, torch.Tensor]:
    """A network with norms as a training leaves them, and images."""
    torch.manual_seed(0)
    network = create(case.name, 5, **case.options)
    size = case.size or network.pretrained_cfg["input_size"][1]
    return network, torch.randn(2, 3, size, size)


def as_trained(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm | nn.LayerNorm) and module.weight is not None:
            nn.init.uniform_(module.weight, 0.7, 1.4)
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.2)
        if isinstance(module, nn.BatchNorm1d):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)


@torch.no_grad()
def sweep(case: Case) -> None:
    try:
        network, images = made(case)
        check_class_maps(network, images, case.name)
    except NotApplicable as refusal:
        assert case.says, refusal
        with pytest.raises(NotApplicable, match=case.says):
            raise
        assert "\n" not in str(refusal) and case.name in str(refusal)
        return
    assert not case.says, "it was not refused"
    as_trained(network.eval())
    outputs = network(images)
    features, head = feature_maps(network, images), linear_head(network)
    mapped = after_norm(final_norm(network), features)
    tolerance = 1e-4 * float(outputs.abs().max())
    torch.testing.assert_close(mapped.mean((2, 3)) @ head.weight.T + head.bias, outputs, atol=tolerance, rtol=0)
    torch.testing.assert_close(class_scores(network, features), outputs, atol=tolerance, rtol=0)


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_the_smallest_of_each_kind_is_exact_or_refused(case: Case):
    sweep(case)


@pytest.mark.parametrize("pooling", ["max", "avgmax"])
def test_another_pooling_is_named_and_has_maps_before_the_norm(pooling: str):
    network, images = made(Case("resnet_narrow", options={"global_pool": pooling}, size=64))
    check_class_maps(network, images, "mine")
    assert final_norm(network, "mine", "before-norm") is None
    with pytest.raises(NotApplicable, match=rf"'mine': its head pools by `{pooling}`.*`tap: before-norm`, or leave"):
        final_norm(network, "mine", "after-norm")


def test_a_network_is_left_as_it_was():
    network, images = made(Case("shvit_s1", size=64))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    state = torch.get_rng_state()
    check_class_maps(network.train(), images, "mine")
    assert network.training and torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())


def test_a_batch_norm_in_the_classifier_is_folded():
    head = nn.Sequential(nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 3))
    as_trained(head)
    weight, bias = affine(head)
    features = torch.randn(4, 6)
    torch.testing.assert_close(features @ weight.T + bias, head.eval()(features))
    assert affine(nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 3))) is None
    assert isinstance(whole_classifier(create("shvit_s1", 3)), nn.Sequential)


def test_a_network_that_computes_more_than_its_head_says_is_refused_at_its_first_images():
    network, images = made(Case("resnet_narrow", size=64))
    network.eval()
    check_scores(network, images, "mine")
    network.register_forward_hook(lambda _, __, scores: scores * torch.arange(5))
    with pytest.raises(NotApplicable, match=r"'mine': its class scores are not those of its classifier .* \d+"):
        check_scores(network, images, "mine")
    nn.init.constant_(network.fc.weight, torch.nan)
    with pytest.raises(NotApplicable, match="NaN"):
        check_scores(network, images, "mine")


def test_images_that_a_network_cannot_run_on_are_said_before_training():
    with pytest.raises(NotApplicable, match="'mine' cannot run on images of 64 x 64 pixels: Input height"):
        network = create("vit_tiny_patch16_224", 5, depth=1)
        check_class_maps(network, torch.randn(1, 3, 64, 64), "mine")


def test_a_head_that_cannot_be_changed_is_refused():
    with pytest.raises(UserError, match="`gap_head` cannot change its head"):
        create("resnet_narrow", 5, gap_head=True, global_pool="max")
    with pytest.raises(UserError, match="its classifier is new and not trained"):
        own_network("vgg16", gap_head=True)


def test_a_mobile_network_is_trained_and_localized_with_a_new_head_and_refused_with_its_own(
    tiny_run, tiny_values, tmp_path
):
    values = {**tiny_values, "models": [{"name": "net", "architecture": "mobilenetv3_small_050"}]}
    values["training"] = {**values["training"], "epochs": 1, "warmup_epochs": 0}
    values["localization"], values["analysis"] = {"methods": ["cam"]}, {"names": []}
    paths = replace(tiny_run[1], results=tmp_path)
    with pytest.raises(NotApplicable, match="'net': `conv_head`"):
        finetune(parse_experiment(values, "mobile"), "net", paths)
    assert not paths.model("net").exists()
    values["models"][0]["options"] = {"gap_head": True}
    experiment = parse_experiment(values, "mobile")
    finetune(experiment, "net", paths)
    localize(experiment, "net", paths)
    summary = json.loads((paths.localization("net") / "summary.json").read_text())
    assert summary["head_error"] < 1e-4
    values["models"][0] |= {"weights": "timm", "classifier": "kept"}
    with pytest.raises(UserError, match="gap_head"):
        parse_experiment(values, "mobile")
