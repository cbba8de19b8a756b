"""Checkpoints as their authors wrote them, with random weights, and what such a network computes.

Nothing of `camagain` is used here. Key names and shapes follow the authors' files; the forward passes follow the
papers, as functions of those files. Axes: B images, C channels, H x W cells.

Tests get this file as the fixture `stand_ins`, because pytest's import mode "importlib" has no package `tests`.
Without sizes, `replknet(classes=200)` and `convnext_cam()` have the layout of the two files of CAM Back Again's model
zoo, at full size (320 and 350 MB).
"""

from collections.abc import Sequence

import torch
from torch.nn import functional

Tensor = torch.Tensor


class Checkpoint(dict[str, Tensor]):
    """Tensors by name, drawn so that activations neither vanish nor explode and no BatchNorm or bias is idle."""

    def conv(self, name: str, outputs: int, inputs: int, *size: int, bias: bool = False) -> None:
        weight = torch.randn(outputs, inputs, *size)
        self[f"{name}.weight"] = weight / weight[0].numel() ** 0.5
        if bias:
            self[f"{name}.bias"] = 0.2 * torch.randn(outputs)

    def norm(self, name: str, width: int, batch: bool = True) -> None:
        self[f"{name}.weight"] = 0.5 + torch.rand(width)
        self[f"{name}.bias"] = 0.2 * torch.randn(width)
        if batch:
            self[f"{name}.running_mean"] = 0.2 * torch.randn(width)
            self[f"{name}.running_var"] = 0.5 + torch.rand(width)
            self[f"{name}.num_batches_tracked"] = torch.tensor(7)

    def conv_bn(self, name: str, outputs: int, inputs: int, *size: int) -> None:
        self.conv(f"{name}.conv", outputs, inputs, *size)
        self.norm(f"{name}.bn", outputs)


def replknet(
    widths: Sequence[int] = (128, 256, 512, 1024),
    depths: Sequence[int] = (2, 2, 18, 2),
    kernels: Sequence[int] = (31, 29, 27, 13),
    small_kernel: int | None = 5,
    dw_ratio: float = 1.0,
    classes: int = 1000,
) -> Checkpoint:
    """A file of RepLKNet-pytorch: RepLK blocks and feed-forward blocks counted in one list, transitions apart."""
    file = Checkpoint()
    for i, (inputs, size) in enumerate(((3, 3), (1, 3), (widths[0], 1), (1, 3))):
        file.conv_bn(f"stem.{i}", widths[0], inputs, size, size)
    for s, (width, depth, kernel) in enumerate(zip(widths, depths, kernels, strict=True)):
        inner = int(width * dw_ratio)
        for b in range(depth):
            block, ffn = f"stages.{s}.blocks.{2 * b}", f"stages.{s}.blocks.{2 * b + 1}"
            file.norm(f"{block}.prelkb_bn", width)
            file.conv_bn(f"{block}.pw1", inner, width, 1, 1)
            file.conv_bn(f"{block}.large_kernel.lkb_origin", inner, 1, kernel, kernel)
            if small_kernel:
                file.conv_bn(f"{block}.large_kernel.small_conv", inner, 1, small_kernel, small_kernel)
            file.conv_bn(f"{block}.pw2", width, inner, 1, 1)
            file.norm(f"{ffn}.preffn_bn", width)
            file.conv_bn(f"{ffn}.pw1", 4 * width, width, 1, 1)
            file.conv_bn(f"{ffn}.pw2", width, 4 * width, 1, 1)
        if s < len(widths) - 1:
            file.conv_bn(f"transitions.{s}.0", widths[s + 1], width, 1, 1)
            file.conv_bn(f"transitions.{s}.1", widths[s + 1], 1, 3, 3)
    file.norm("norm", widths[-1])
    file.conv("head", classes, widths[-1], bias=True)
    return file


def mmpretrain(file: Checkpoint) -> dict[str, object]:
    """The same weights as OpenMMLab repackaged them."""
    places = {"norm": "backbone.stages.3.norm", "head": "head.fc"}
    parts = ((key.split(".", 1), tensor) for key, tensor in file.items())
    return {
        "meta": {"mmcls_version": "1.0.0"},
        "state_dict": {f"{places.get(top, f'backbone.{top}')}.{rest}": tensor for (top, rest), tensor in parts},
    }


def slak(
    dims: Sequence[int] = (96, 192, 384, 768),
    depths: Sequence[int] = (3, 3, 9, 3),
    kernels: Sequence[int] = (51, 49, 47, 13),
    classes: int = 1000,
) -> Checkpoint:
    """A file of VITA-Group/SLaK: widths 1.3 times `dims`, strips of thickness 5 named after low-rank adaptation."""
    widths = [int(1.3 * dim) for dim in dims]
    file = Checkpoint()
    file.conv("downsample_layers.0.0", widths[0], 3, 4, 4, bias=True)
    file.norm("downsample_layers.0.1", widths[0], batch=False)
    for s, (width, depth, kernel) in enumerate(zip(widths, depths, kernels, strict=True)):
        if s:
            file.norm(f"downsample_layers.{s}.0", widths[s - 1], batch=False)
            file.conv(f"downsample_layers.{s}.1", width, widths[s - 1], 2, 2, bias=True)
        for b in range(depth):
            block = f"stages.{s}.{b}"
            file.conv_bn(f"{block}.large_kernel.LoRA1", width, 1, kernel, 5)
            file.conv_bn(f"{block}.large_kernel.LoRA2", width, 1, 5, kernel)
            file.conv_bn(f"{block}.large_kernel.small_conv", width, 1, 5, 5)
            file.norm(f"{block}.norm", width, batch=False)
            file.conv(f"{block}.pwconv1", 4 * width, width, bias=True)
            file.conv(f"{block}.pwconv2", width, 4 * width, bias=True)
            file[f"{block}.gamma"] = 0.2 + torch.rand(width)
    file.norm("norm", widths[-1], batch=False)
    file.conv("head", classes, widths[-1], bias=True)
    return file


def convnext_cam(
    dims: Sequence[int] = (128, 256, 512, 1024), depths: Sequence[int] = (3, 3, 27, 3), classes: int = 200
) -> Checkpoint:
    """CAM Back Again's ConvNeXt: `0.0` is timm's stem, `0.1` timm's stages, `1` the authors' head."""
    file = Checkpoint()
    file.conv("0.0.0", dims[0], 3, 4, 4, bias=True)
    file.norm("0.0.1", dims[0], batch=False)
    for s, (width, depth) in enumerate(zip(dims, depths, strict=True)):
        if s:
            file.norm(f"0.1.{s}.downsample.0", dims[s - 1], batch=False)
            file.conv(f"0.1.{s}.downsample.1", width, dims[s - 1], 2, 2, bias=True)
        for b in range(depth):
            block = f"0.1.{s}.blocks.{b}"
            file.conv(f"{block}.conv_dw", width, 1, 7, 7, bias=True)
            file.norm(f"{block}.norm", width, batch=False)
            file.conv(f"{block}.mlp.fc1", 4 * width, width, bias=True)
            file.conv(f"{block}.mlp.fc2", width, 4 * width, bias=True)
            file[f"{block}.gamma"] = 0.2 + torch.rand(width)
    file.conv("1.fc", classes, dims[-1], bias=True)
    return file


def replknet_forward(file: Checkpoint, x: Tensor) -> tuple[Tensor, Tensor]:
    """(maps before the final BatchNorm, class scores) of images (B, 3, H, W)."""
    for i, stride in enumerate((2, 1, 1, 2)):
        x = _conv_bn(file, f"stem.{i}", x, stride).relu()
    for s in range(4):
        blocks = {int(key.split(".")[3]) for key in file if key.startswith(f"stages.{s}.blocks.")}
        for b in range(0, len(blocks), 2):
            block, ffn = f"stages.{s}.blocks.{b}", f"stages.{s}.blocks.{b + 1}"
            y = _conv_bn(file, f"{block}.pw1", _batch_norm(file, f"{block}.prelkb_bn", x)).relu()
            z = _conv_bn(file, f"{block}.large_kernel.lkb_origin", y)
            if f"{block}.large_kernel.small_conv.conv.weight" in file:
                z = z + _conv_bn(file, f"{block}.large_kernel.small_conv", y)
            x = x + _conv_bn(file, f"{block}.pw2", z.relu())
            y = _conv_bn(file, f"{ffn}.pw1", _batch_norm(file, f"{ffn}.preffn_bn", x))
            x = x + _conv_bn(file, f"{ffn}.pw2", _gelu(y))
        if s < 3:
            x = _conv_bn(file, f"transitions.{s}.0", x).relu()
            x = _conv_bn(file, f"transitions.{s}.1", x, stride=2).relu()
    return x, _linear(file, "head", _batch_norm(file, "norm", x).mean((2, 3)))


def slak_forward(file: Checkpoint, x: Tensor) -> tuple[Tensor, Tensor]:
    """(last maps, class scores) of images (B, 3, H, W)."""
    x = _layer_norm(file, "downsample_layers.0.1", _patches(file, "downsample_layers.0.0", x))
    for s in range(4):
        if s:
            x = _patches(file, f"downsample_layers.{s}.1", _layer_norm(file, f"downsample_layers.{s}.0", x))
        for b in range(len({key.split(".")[2] for key in file if key.startswith(f"stages.{s}.")})):
            block = f"stages.{s}.{b}"
            branches = (f"{block}.large_kernel.{name}" for name in ("LoRA1", "LoRA2", "small_conv"))
            y = _layer_norm(file, f"{block}.norm", sum(_conv_bn(file, branch, x) for branch in branches))
            y = _pointwise(file, f"{block}.pwconv2", _gelu(_pointwise(file, f"{block}.pwconv1", y)))
            x = x + file[f"{block}.gamma"][:, None, None] * y
    pooled = x.mean((2, 3))[:, :, None, None]  # (B, C, 1, 1)
    return x, _linear(file, "head", _layer_norm(file, "norm", pooled)[:, :, 0, 0])


def convnext_cam_forward(file: Checkpoint, x: Tensor) -> tuple[Tensor, Tensor]:
    """(last maps, class *probabilities*) of images (B, 3, H, W)."""
    x = _layer_norm(file, "0.0.1", _patches(file, "0.0.0", x))
    for s in range(4):
        if s:
            x = _patches(file, f"0.1.{s}.downsample.1", _layer_norm(file, f"0.1.{s}.downsample.0", x))
        for b in range(len({key.split(".")[4] for key in file if key.startswith(f"0.1.{s}.blocks.")})):
            block = f"0.1.{s}.blocks.{b}"
            y = _layer_norm(file, f"{block}.norm", _conv(file, f"{block}.conv_dw", x))
            y = _pointwise(file, f"{block}.mlp.fc2", _gelu(_pointwise(file, f"{block}.mlp.fc1", y)))
            x = x + file[f"{block}.gamma"][:, None, None] * y
    scores = _linear(file, "1.fc", functional.avg_pool2d(x, x.shape[-1], x.shape[-1])[:, :, 0, 0])
    return x, scores.exp() / scores.exp().sum(1, keepdim=True)


def _conv(file: Checkpoint, name: str, x: Tensor, stride: int = 1) -> Tensor:
    weight = file[f"{name}.weight"]
    groups = x.shape[1] // weight.shape[1]  # as many as channels where a kernel sees one channel
    padding = (weight.shape[2] // 2, weight.shape[3] // 2)
    return functional.conv2d(x, weight, file.get(f"{name}.bias"), stride, padding, groups=groups)


def _patches(file: Checkpoint, name: str, x: Tensor) -> Tensor:
    weight = file[f"{name}.weight"]
    return functional.conv2d(x, weight, file[f"{name}.bias"], stride=weight.shape[-1])


def _batch_norm(file: Checkpoint, name: str, x: Tensor) -> Tensor:
    weight, bias, mean, variance = (
        file[f"{name}.{part}"][:, None, None] for part in ("weight", "bias", "running_mean", "running_var")
    )
    return (x - mean) / (variance + 1e-5).sqrt() * weight + bias


def _layer_norm(file: Checkpoint, name: str, x: Tensor) -> Tensor:
    mean, variance = x.mean(1, keepdim=True), x.var(1, unbiased=False, keepdim=True)
    weight, bias = file[f"{name}.weight"][:, None, None], file[f"{name}.bias"][:, None, None]
    return (x - mean) / (variance + 1e-6).sqrt() * weight + bias


def _conv_bn(file: Checkpoint, name: str, x: Tensor, stride: int = 1) -> Tensor:
    return _batch_norm(file, f"{name}.bn", _conv(file, f"{name}.conv", x, stride))


def _pointwise(file: Checkpoint, name: str, x: Tensor) -> Tensor:
    return torch.einsum("oc,bchw->bohw", file[f"{name}.weight"], x) + file[f"{name}.bias"][:, None, None]


def _linear(file: Checkpoint, name: str, x: Tensor) -> Tensor:
    return x @ file[f"{name}.weight"].T + file[f"{name}.bias"]


def _gelu(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.erf(x / 2**0.5))
