"""The one forward pass: every stage goes by it, with merged branches and the file of decoded images."""

import ast
import copy
import pickle
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import torch
from torch import nn

from camagain.analysis.kit.run import analyze
from camagain.analysis.texture.corrupted import CorruptedTable
from camagain.analysis.texture.corruptions import Corruption
from camagain.config import ANALYSES, Compute
from camagain.config.file import parse_experiment
from camagain.datasets import images
from camagain.datasets.decoded import decoded_images
from camagain.datasets.index import read_index
from camagain.errors import NotApplicable
from camagain.localization import forward
from camagain.localization.extract import localize
from camagain.localization.forward import batches, features_of, features_of_size, images_of, ready, require_finite
from camagain.models import create
from camagain.models.families.replknet import LargeKernel
from camagain.models.families.slak import Strips
from camagain.models.large_kernel import LargeKernelConv2d
from camagain.provenance import PACKAGE, module_file, source_files
from camagain.training.finetune import finetune
from camagain.training.modes import BatchNorm

BRANCHED = ("replknet_narrow", "slak_narrow")
"""Networks with parallel branches."""

STAGES = ("localize", *ANALYSES)


def branches(network: nn.Module) -> list[nn.Module]:
    """What is left to merge in a network, but for what takes statistics of images at the moment."""
    return [
        module
        for module in network.modules()
        if isinstance(module, LargeKernel | Strips)
        and not any(layer.training for layer in module.modules() if isinstance(layer, BatchNorm))
    ]


@pytest.fixture(scope="module", params=BRANCHED)
def passes(request, tiny_run, tmp_path_factory, tiny_values) -> Iterator[dict[str, list[tuple[int, bool]]]]:
    """Every forward pass of every stage of a network with branches: how many are unmerged, and if pixels were decoded.

    Images are decoded once before, as the experiment asks for a file of them.
    """
    values = copy.deepcopy(tiny_values)
    values["models"] = [{"name": "branched", "architecture": request.param, "training": {"epochs": 1}}]
    values["localization"] = {"methods": ["cam"]}
    values["analysis"]["interventions"]["models"] = values["analysis"]["cuts"]["models"] = ["branched"]
    values["compute"]["cache_images"] = True
    experiment = parse_experiment(values, "test")
    paths = experiment.paths(tmp_path_factory.mktemp("branched"), tiny_run[1].data)
    decoded_images(paths.index)
    found: dict[str, list[tuple[int, bool]]] = {stage: [] for stage in STAGES}
    stage, decoded = "", [False]

    def recording(network: nn.Module, *rest) -> torch.Tensor:
        found[stage].append((len(branches(network)), decoded[0]))
        return original(network, *rest)

    def decoding(path: Path):
        decoded[0] = True
        return read_rgb(path)

    original, read_rgb = forward.feature_maps, images.read_rgb
    with pytest.MonkeyPatch.context() as patch:
        finetune(experiment, "branched", paths)
        patch.setattr(forward, "feature_maps", recording)
        patch.setattr(images, "read_rgb", decoding)
        for stage in STAGES:
            decoded[0] = False
            if stage == "localize":
                localize(experiment, "branched", paths)
                continue
            for change in experiment.analysis.interventions.changes if stage == "interventions" else ("",):
                analyze(experiment, stage, "branched", paths, change)
    yield found


def looks_at_images(stage: str) -> bool:
    module = "camagain.localization.extract" if stage == "localize" else f"camagain.analysis.{stage}.measure"
    return module_file("camagain.localization.forward") in source_files(module)


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_measures_merged_networks(passes, stage: str):
    assert bool(passes[stage]) == looks_at_images(stage)
    assert not [unmerged for unmerged, _ in passes[stage] if unmerged]


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_reads_the_file_of_decoded_images(passes, stage: str):
    assert not any(decoded for _, decoded in passes[stage])


ALLOWED = {
    "feature_maps": {"localization/forward.py", "analysis/erf/receptive_field.py"},  # the latter runs on shapes alone
    "merge": {"localization/forward.py"},
    "decoded_images": {"localization/forward.py", "training/batches.py"},
    "DataLoader": {"localization/forward.py", "training/batches.py", "training/loop.py"},
    "channels_last": {"localization/forward.py", "training/modes.py"},
}
"""What makes up a forward pass, and who may import it beside `camagain.models`."""


@pytest.fixture(scope="module")
def imported() -> Mapping[str, set[str]]:
    """The names that each module imports from others, by its path."""
    return {
        path.relative_to(PACKAGE).as_posix(): {
            alias.name
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        for path in PACKAGE.rglob("*.py")
    }


@pytest.mark.parametrize("name", ALLOWED)
def test_no_other_module_runs_a_network_in_a_way_of_its_own(name: str, imported: Mapping[str, set[str]]):
    importing = {path for path, names in imported.items() if name in names}
    assert {path for path in importing if not path.startswith("models/")} == ALLOWED[name]


@pytest.mark.parametrize("architecture", BRANCHED)
@pytest.mark.parametrize("fast", [True, False])
def test_a_network_is_made_ready_as_the_experiment_asks(architecture: str, fast: bool):
    compute, batch = Compute(fast_large_kernels=fast), torch.randn(2, 3, 64, 64)
    plain = create(architecture, 3).train()
    network = ready(copy.deepcopy(plain), compute, torch.device("cpu"))
    unmerged = ready(copy.deepcopy(plain), compute, torch.device("cpu"), merging=False)
    assert bool(branches(network)) == (not fast) and branches(unmerged)
    for made in (network, unmerged):
        assert any(isinstance(layer, LargeKernelConv2d) for layer in made.modules()) == fast
        assert not any(module.training for module in made.modules())
        assert not any(parameter.requires_grad for parameter in made.parameters())
        with torch.no_grad():
            found, expected = features_of(made, batch, "net"), plain.eval().forward_features(batch)
        assert (found - expected).abs().max() < 1e-4 * expected.abs().max()


@pytest.mark.parametrize("cached", [False, True])
def test_images_go_to_other_processes_as_they_are(tiny_run, cached: bool):
    """Processes that are started afresh get them pickled, which a function without a name would prevent."""
    experiment, paths = tiny_run
    index = read_index(paths.index, "test")
    table = images_of(index, experiment.input, Compute(cache_images=cached), paths)
    corrupted = CorruptedTable(table, index["image_id"].tolist(), experiment.input, [Corruption("grey")], 0)
    for own in (table, corrupted):
        sent = pickle.dumps(own)
        assert torch.equal(pickle.loads(sent)[3][0], own[3][0])
        assert len(sent) < 20_000, "places of images, but not their pixels"


class Mean(nn.Module):
    """Its only feature map is the mean over the colours; the class scores are its mean and the negative of that."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(1, 2, bias=False)
        nn.init.constant_(self.fc.weight[:1], 1.0)
        nn.init.constant_(self.fc.weight[1:], -1.0)

    def get_classifier(self) -> nn.Module:
        return self.fc

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(1, keepdim=True)

    def forward_head(self, features: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        return features.mean((2, 3))


class Versions(torch.utils.data.Dataset):
    """Row r has label r and `each` images, filled with r, r + 0.1, ..."""

    def __init__(self, each: int) -> None:
        self.each = each

    def __len__(self) -> int:
        return 5

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int, int]:
        made = torch.stack([torch.full((3, 4, 6), row + 0.1 * version) for version in range(self.each)])
        return (made if self.each > 1 else made[0]), row, 10 * row


@pytest.mark.parametrize(("each", "sizes"), [(1, [4, 1]), (2, [4, 4, 2]), (3, [3] * 5), (9, [9] * 5)])
def test_batches_keep_the_order_of_rows_and_of_their_versions(tiny_values, each: int, sizes: list[int]):
    experiment = parse_experiment(tiny_values | {"localization": {"methods": ["cam"], "batch_size": 4}}, "test")
    found = list(batches(Mean(), Versions(each), experiment, "mean", "test", each))
    expected = torch.tensor([row + 0.1 * version for row in range(5) for version in range(each)])
    assert [len(batch.features) for batch in found] == sizes
    torch.testing.assert_close(torch.cat([batch.features for batch in found])[:, 0, 3, 5], expected)
    torch.testing.assert_close(torch.cat([batch.scores for batch in found]), torch.stack([expected, -expected], 1))
    assert torch.cat([batch.labels for batch in found]).tolist() == [row for row in range(5) for _ in range(each)]
    assert torch.cat([batch.rest for batch in found]).tolist() == [0, 10, 20, 30, 40]


def broken(error: Exception) -> Callable[[torch.Tensor], torch.Tensor]:
    def fail(images: torch.Tensor) -> torch.Tensor:
        raise error

    return fail


def test_images_that_are_too_small_do_not_apply_and_a_lack_of_memory_is_no_property_of_them():
    network, batch = Mean(), torch.ones(1, 3, 4, 6)
    assert features_of_size(network, batch, "net").shape == (1, 1, 4, 6)
    network.forward_features = broken(RuntimeError("kernel larger than input\nand more"))
    with pytest.raises(
        NotApplicable, match=r"'net' computes no feature maps of 4 x 6 pixels: kernel larger than input$"
    ):
        features_of_size(network, batch, "net")
    network.forward_features = broken(RuntimeError("out of memory"))
    with pytest.raises(RuntimeError, match="out of memory"):
        features_of_size(network, batch, "net")
    network.forward_features = lambda images: images[:, :1, :0]
    with pytest.raises(NotApplicable, match="no cell left of 4 x 6 pixels"):
        features_of_size(network, batch, "net")


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_is_not_finite_does_not_apply(value: float):
    require_finite(torch.ones(3), "net")
    with pytest.raises(NotApplicable, match="'net': its feature maps hold NaN or infinity"):
        require_finite(torch.tensor([1.0, value]), "net")
