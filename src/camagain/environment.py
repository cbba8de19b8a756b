"""What this machine and this checkout are: versions, platform, git commit. Imports none of the packages it reports."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "torch", "torchvision", "timm", "accelerate", "safetensors", "numpy", "pandas", "pyarrow", "scipy",
    "numba", "opencv-python-headless", "pillow", "matplotlib", "seaborn", "pydantic", "snakemake", "dvc",
    "grad-cam", "scikit-learn",  # of the optional extra
)  # fmt: skip
"""Packages whose version can change a number or a picture."""


def package_versions() -> dict[str, str | None]:
    """Installed versions of the packages that matter, None where one is missing; camagain's own first."""
    found: dict[str, str | None] = {}
    for name in ("camagain", *PACKAGES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def machine() -> dict[str, str | int]:
    """Operating system, processor, cores and memory; no host name, no user, no path."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
    }


def processor() -> str:
    """The processor's model name."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def git_state(folder: Path) -> dict[str, str | bool | None]:
    """The commit of a checkout and whether tracked files differ from it; both None outside git."""
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "modified": None if changes is None else bool(changes)}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
