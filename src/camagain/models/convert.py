"""Published checkpoints under our names: which tensor of a file is which of ours, strictly.

A layout says under which name a file keeps one of our tensors. It maps our names to theirs, so that it is complete:
every tensor of ours is looked up, and the error names whatever else a file holds.

    family      layout      who wrote the file
    replknet    authors     RepLKNet-pytorch, and the authors of CAM Back Again, who kept that code
    replknet    mmpretrain  OpenMMLab's copies, which lie on a plain HTTPS server
    slak        authors     VITA-Group/SLaK
    convnext    authors     CAM Back Again's ConvNeXt: two nested `nn.Sequential`
"""

import re
from collections.abc import Callable, Mapping

import torch
from torch import nn

from camagain.errors import UserError, nearest
from camagain.models.zoo import create

Tensors = dict[str, torch.Tensor]
Layout = Callable[[str], str]

CONTAINERS = ("model", "state_dict", "module")
"""Where training scripts put the weights inside a checkpoint. `model_ema` is not among them: where both are, the
authors' evaluation reads `model`."""


def convert_state_dict(name: str, state_dict: Mapping, **options) -> Tensors:
    """The tensors of a published checkpoint under the names of our network `name` (a tag is allowed).

    `state_dict` may be wrapped in a container or by DistributedDataParallel, and may already have our names. `options`
    are those that the network is created with. The classifier may have any number of classes. Raises UserError that
    names every kind of mismatch: a tensor that is missing, left over, or of another shape.
    """
    with torch.device("meta"):  # names and shapes only: no memory, no random numbers
        network = create(name, **{"num_classes": 1000, **options})
    architecture = name.partition(".")[0]
    ours = network.state_dict()
    converted = _rename(architecture, unwrap(state_dict), list(ours))
    classifier = network.pretrained_cfg["classifier"]
    for key, tensor in converted.items():
        found, expected = tuple(tensor.shape), tuple(ours[key].shape)
        if key.startswith(f"{classifier}."):
            found, expected = found[1:], expected[1:]
        if found != expected:
            raise UserError(f"'{key}' has shape {found} in this checkpoint; '{name}' expects {expected}.")
    return converted


def filter_for_timm(state_dict: Mapping, model: nn.Module) -> Tensors:
    """timm's `pretrained_filter_fn`: timm itself then fits input channels and classifier to `model`."""
    cfg = getattr(model, "pretrained_cfg", {})
    classifier = [f"{cfg['classifier']}.{part}" for part in ("weight", "bias")]
    keys = [key for key in model.state_dict() if key not in classifier]
    return _rename(cfg["architecture"], unwrap(state_dict), keys + classifier)


def unwrap(checkpoint: Mapping) -> Tensors:
    """The name -> tensor table inside a checkpoint: out of its container, without DistributedDataParallel's prefix."""
    inside = next((checkpoint[key] for key in CONTAINERS if isinstance(checkpoint.get(key), Mapping)), checkpoint)
    odd = [key for key, value in inside.items() if not isinstance(value, torch.Tensor)]
    if odd or not inside:
        raise UserError(
            f"this is not a table of tensors: it holds {odd[:5] or 'nothing'}; expected tensors by name, bare or under "
            f"one of {list(CONTAINERS)}."
        )
    prefixed = all(key.startswith("module.") for key in inside)
    return {key.removeprefix("module.") if prefixed else key: tensor for key, tensor in inside.items()}


def _rename(architecture: str, theirs: Tensors, ours: list[str]) -> Tensors:
    """Tensors named as in `ours`, through the layout that fits most names."""
    layouts = {"ours": lambda key: key, **LAYOUTS.get(architecture, {})}
    tables = {label: {layout(key): key for key in ours} for label, layout in layouts.items()}
    label = max(tables, key=lambda label: len(tables[label].keys() & theirs.keys()))
    table = tables[label]
    missing, unexpected = sorted(table.keys() - theirs.keys()), sorted(theirs.keys() - table.keys())
    if len(missing) == len(table):
        raise UserError(
            f"no tensor of this checkpoint belongs to '{architecture}': it has {unexpected[:3]} ..., expected names "
            f"such as {[next(iter(names)) for names in tables.values()]}."
        )
    faults = []
    if missing:
        faults.append(f"{len(missing)} tensors are missing, first '{missing[0]}'.{nearest(missing[0], unexpected)}")
    if unexpected:
        near = nearest(unexpected[0], sorted(table))
        faults.append(f"{len(unexpected)} tensors are not expected, first '{unexpected[0]}'.{near}")
    if faults:
        raise UserError(f"this checkpoint (layout '{label}') does not fit '{architecture}': " + " ".join(faults))
    return {ours_key: theirs[key] for key, ours_key in table.items()}


def _substitute(rules: tuple[tuple[str, str], ...]) -> Layout:
    """A layout from pairs (pattern, replacement), applied in order."""

    def layout(key: str) -> str:
        for pattern, replacement in rules:
            key = re.sub(pattern, replacement, key)
        return key

    return layout


def _replknet_authors(key: str) -> str:
    """The authors number RepLK blocks and feed-forward blocks in one list, and keep transitions beside the stages."""
    if match := re.fullmatch(r"stages\.(\d+)\.downsample\.(.*)", key):
        return f"transitions.{int(match[1]) - 1}.{match[2]}"
    if match := re.fullmatch(r"stages\.(\d+)\.blocks\.(\d+)\.(replk|ffn)\.(.*)", key):
        stage, block, kind, rest = match.groups()
        if kind == "replk":
            return f"stages.{stage}.blocks.{2 * int(block)}.{_replk(rest)}"
        return f"stages.{stage}.blocks.{2 * int(block) + 1}.{_conv_ffn(rest)}"
    return key.replace("head.fc.", "head.")


_replk = _substitute(
    (
        (r"^norm\.", "prelkb_bn."),
        (r"^expand\.", "pw1."),
        (r"^project\.", "pw2."),
        (r"^large_kernel\.large\.", "large_kernel.lkb_origin."),
        (r"^large_kernel\.small\.", "large_kernel.small_conv."),
    )
)
_conv_ffn = _substitute(((r"^norm\.", "preffn_bn."), (r"^expand\.", "pw1."), (r"^project\.", "pw2.")))


def _replknet_mmpretrain(key: str) -> str:
    """The authors' names below `backbone.`, but the final BatchNorm is the last stage's, and the classifier a head."""
    if key.startswith("head."):
        return key
    if key.startswith("norm."):
        return f"backbone.stages.3.{key}"
    return f"backbone.{_replknet_authors(key)}"


_slak_authors = _substitute(
    (
        (r"^stem\.", "downsample_layers.0."),
        (r"^stages\.(\d+)\.downsample\.", r"downsample_layers.\1."),
        (r"^stages\.(\d+)\.blocks\.", r"stages.\1."),
        (r"\.strips\.tall\.", ".large_kernel.LoRA1."),
        (r"\.strips\.wide\.", ".large_kernel.LoRA2."),
        (r"\.strips\.small\.", ".large_kernel.small_conv."),
        (r"\.expand\.", ".pwconv1."),
        (r"\.project\.", ".pwconv2."),
        (r"^head\.norm\.", "norm."),
        (r"^head\.fc\.", "head."),
    )
)
_convnext_authors = _substitute(((r"^stem\.", "0.0."), (r"^stages\.", "0.1."), (r"^head\.fc\.", "1.fc.")))

_REPLKNET: dict[str, Layout] = {"authors": _replknet_authors, "mmpretrain": _replknet_mmpretrain}
_SLAK: dict[str, Layout] = {"authors": _slak_authors}
LAYOUTS: dict[str, dict[str, Layout]] = {
    **dict.fromkeys(("replknet_31b", "replknet_31l", "replknet_xl"), _REPLKNET),
    **dict.fromkeys(("slak_tiny", "slak_small", "slak_base"), _SLAK),
    "convnext_base_cam": {"authors": _convnext_authors},
}
